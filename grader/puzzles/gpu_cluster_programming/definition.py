"""Three kernels of one cluster: sums of its blocks, the sum of all, and sums by warps.

The task has four blocks of 256 threads and as many elements. The kernels are told how many elements
there are, and have a guard for that where it is given, so it is assigned for fewer as well; another
number of blocks, and so of threads, is beyond it.

Only the second kernel needs that blocks wait for each other: there one of them adds up what all
have stored. In the others each block stores what it alone has read, so arriving and waiting orders
nothing that anybody reads. Who leaves both out has right values in clean code, and loses nothing.

The book lets one thread of each warp of the first block store the total. All store the same value,
which costs nothing (docs/verdicts.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    Extent,
    KernelLaunch,
    Kernels,
    Mistake,
    Part,
    Puzzle,
    RubricItem,
    Scalar,
    Size,
    Sizes,
    TensorSpec,
)
from grader.puzzles.gpu_cluster_programming.answers import THREADS, scaled_sums, threads, total
from grader.puzzles.gpu_cluster_programming.mistakes import OF_BLOCKS, OF_TOTALS, OF_WARPS
from grader.puzzles.programs import graded, places, program, tensor

BLOCKS = 4
"""Of the task."""
MOST_BLOCKS = 8
"""Of a cluster, on any GPU that has clusters."""

_BOUNDARIES = (
    # The task; a block that is not full; the ends of a warp and of a block; almost nothing.
    *((1024, BLOCKS), (1000, BLOCKS), (257, BLOCKS), (1, BLOCKS)),
    *((1024, 2), (1024, MOST_BLOCKS), (700, MOST_BLOCKS)),
)


def _part(
    function: str,
    formula: str,
    outputs: Extent,
    expected: Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]],
    mistakes: tuple[Mistake, ...],
    *,
    older_output: str,
    more: tuple[TensorSpec, ...] = (),
) -> Part:
    """A kernel of one cluster; ``more``: what it takes behind output and input."""
    return Part(
        name=function,
        title=f"the kernel {function}",
        formula=formula,
        domain=f"1 to {THREADS} elements, in one cluster of {BLOCKS} blocks of "
        f"{THREADS // BLOCKS} threads",
        code=Kernels(
            launches=(
                KernelLaunch(
                    function=function,
                    parameters=("TPB",),
                    older_parameters=(("in_layout", older_output, "TPB"),),
                    arguments=("output", "input", *(each.name for each in more), Scalar("size")),
                    grid=("blocks", 1, 1),
                    block=(threads, 1, 1),
                    cluster=("blocks", 1, 1),
                ),
            ),
            constants={
                "SIZE": "size",
                "TPB": threads,
                "CLUSTER_SIZE": "blocks",
                "dtype": "DType.float32",
            },
            architecture="sm_90",
        ),
        tensors=(tensor("output", "output", outputs), tensor("input", "input", "size"), *more),
        sizes=(
            # So many that some are drawn and not all compiled: each is a kernel.
            Size(name="size", low=1, high=2 * THREADS),
            Size(name="blocks", low=1, high=MOST_BLOCKS),
        ),
        assigned=lambda sizes: sizes["blocks"] == BLOCKS and sizes["size"] <= THREADS,
        boundaries=tuple({"size": size, "blocks": blocks} for size, blocks in _BOUNDARIES),
        # Of what is beyond the task, sizes that a sum by halves is made for.
        random_robust=0,
        terms=lambda sizes: THREADS,
        expected=expected,
        mistakes=mistakes,
    )


_CLUSTER_LAYOUT = "{file}.Layout.row_major({file}.CLUSTER_SIZE)"
COORDINATION = _part(
    "cluster_coordination_basics",
    "output[b] = (b + 1) * sum(input[i] for the elements of block b)",
    "blocks",
    scaled_sums,
    OF_BLOCKS,
    older_output=_CLUSTER_LAYOUT,
)
REDUCTION = _part(
    "cluster_collective_operations",
    "output[0] = sum(input[i] for i in range(size))",
    1,
    total,
    OF_TOTALS,
    older_output="out_layout",
    more=(TensorSpec(name="temp_storage", role="scratch", dtype="float32", shape=("blocks",)),),
)
ADVANCED = _part(
    "advanced_cluster_patterns",
    "output[b] = (b + 1) * sum(input[i] for the elements of block b)",
    "blocks",
    scaled_sums,
    OF_WARPS,
    older_output=_CLUSTER_LAYOUT,
)

OTHER_BLOCKS = "right for two and for eight blocks, of 512 and of 128 threads"
BY_CONSTANTS = (
    "Are all loops written with the number of threads and of blocks that the kernel is told, and "
    "not with those of the task?"
)
WITHIN_A_BLOCK = (
    "A cell of shared memory is read by other threads than the one that wrote it. Is there a "
    "barrier in between, which all threads of the block come to? And does each thread that arrives "
    "at the barrier of the cluster wait there once?"
)
"""What to look at first where the code is not clean."""

PUZZLE = Puzzle(
    name="gpu_cluster_programming",
    title="Sums by the blocks of a cluster",
    parts=(COORDINATION, REDUCTION, ADVANCED),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *graded(
            "coordination",
            (16, 8, 6),
            part=COORDINATION.name,
            integers="Which cells does the first thread of a block add up, and where does the "
            "block store what comes out?",
            clean=WITHIN_A_BLOCK,
            robust=(3, OTHER_BLOCKS, BY_CONSTANTS),
        ),
        *graded(
            "reduction",
            (16, 8, 6),
            part=REDUCTION.name,
            integers="Follow the sums: of which elements is the one that each block stores, and "
            "how many of them does the total have in it?",
            clean="One block reads what the others have stored. What makes certain that all of "
            "them have, before it does? A barrier waits for the threads of one block only.",
            robust=(4, OTHER_BLOCKS, BY_CONSTANTS),
        ),
        *graded(
            "advanced",
            (16, 8, 6),
            part=ADVANCED.name,
            integers="Which elements are in the sum of a warp, in which cell does it lie, and "
            "which cells does the first thread of the block add up?",
            clean=WITHIN_A_BLOCK,
            robust=(3, OTHER_BLOCKS, BY_CONSTANTS),
        ),
        program(
            Command(arguments=("--coordination",)),
            Command(arguments=("--reduction",)),
            Command(arguments=("--advanced",)),
        ),
    ),
    book=places(34),
    not_checked="whether blocks wait for each other where none reads what another has stored",
    first_step="Begin with cluster_coordination_basics: tell the other blocks that this one has "
    "come so far, let the first thread add the block's cells up and store the sum, and wait.",
)
