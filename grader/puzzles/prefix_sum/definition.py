"""Prefix sums: ``output[i] = a[0] + ... + a[i]``, in one block, and in two launches for two blocks.

The two phases share one buffer: behind the results it has room for a number of each block, which
the first phase leaves for the second. What stands there in the end is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    KernelLaunch,
    Kernels,
    Part,
    Puzzle,
    RubricItem,
    Scalar,
    Size,
    Sizes,
    sum_of_products,
)
from grader.puzzles.prefix_sum.mistakes import BLOCKS, IN_BLOCK, IN_BLOCKS, threads_of_two
from grader.puzzles.programs import TPB, graded, numbers, places, program, tensor, threads


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sums of all elements up to each, in any order."""
    a = numbers(inputs)
    return {"output": sum_of_products([a[None, :]], np.tri(len(a), dtype=np.bool_))}


def expected_and_rest(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The same, and room for each block, in which anything may stand."""
    a, size = numbers(inputs), sizes["size"]
    inside = np.vstack([np.tri(size, dtype=np.bool_), np.zeros((BLOCKS, size), np.bool_)])
    decided = np.arange(size + BLOCKS) < size
    return {"output": sum_of_products([a[None, :]], inside, decided=decided)}


SIMPLE = Part(
    name="prefix_sum_simple",
    title="the kernel prefix_sum_simple",
    formula="output[i] = a[0] + ... + a[i]",
    domain=f"size 1 to {TPB}, in one block of {TPB} threads",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="prefix_sum_simple",
                older_parameters=(("layout",),),
                arguments=("output", "a", Scalar("size")),
                block=(threads, 1, 1),
            ),
        ),
        constants={"SIZE": "size", "TPB": threads, "dtype": "DType.float32"},
    ),
    tensors=(tensor("output", "output", "size"), tensor("a", "input", "size")),
    sizes=(Size(name="size", low=1, high=64),),
    assigned=lambda sizes: sizes["size"] <= TPB,
    boundaries=tuple({"size": size} for size in (8, 1, 2, 3, 5, 7, 33)),
    random_assigned=1,
    random_robust=1,
    terms=lambda sizes: sizes["size"],
    expected=expected,
    mistakes=IN_BLOCK,
)

COMPLETE = Part(
    name="prefix_sum",
    title="the kernels prefix_sum_local_phase and prefix_sum_block_sum_phase",
    formula="output[i] = a[0] + ... + a[i], by two launches",
    domain=f"size {TPB + 1} to {BLOCKS * TPB}, in {BLOCKS} blocks of {TPB} threads",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="prefix_sum_local_phase",
                older_parameters=(
                    ("extended_layout", "layout_2"),
                    ("extended_layout", "extended_layout"),
                ),
                arguments=("output", "a", Scalar("size")),
                grid=(BLOCKS, 1, 1),
                block=(threads_of_two, 1, 1),
            ),
            KernelLaunch(
                function="prefix_sum_block_sum_phase",
                older_parameters=(("extended_layout",),),
                arguments=("output", Scalar("size")),
                grid=(BLOCKS, 1, 1),
                block=(threads_of_two, 1, 1),
            ),
        ),
        constants={"SIZE_2": "size", "TPB": threads_of_two, "dtype": "DType.float32"},
    ),
    tensors=(
        tensor("output", "output", lambda sizes: sizes["size"] + BLOCKS),
        tensor("a", "input", "size"),
    ),
    sizes=(Size(name="size", low=1, high=64),),
    assigned=lambda sizes: TPB < sizes["size"] <= BLOCKS * TPB,
    boundaries=tuple({"size": size} for size in (15, 9, 10, 12, 16, 1, 31)),
    random_assigned=1,
    random_robust=0,
    terms=lambda sizes: sizes["size"],
    expected=expected_and_rest,
    mistakes=IN_BLOCKS,
)


def _sums(size: int) -> tuple[float, ...]:
    """What the book's program prints: its elements are 0, 1, 2 and so on."""
    return tuple(float(sum(range(place + 1))) for place in range(size))


PUZZLE = Puzzle(
    name="prefix_sum",
    title="Prefix sums, in one block and in two phases",
    parts=(SIMPLE, COMPLETE),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *graded(
            "simple",
            (20, 10, 15),
            part=SIMPLE.name,
            integers="Write the eight cells down after each step, for eight ones: which cell is "
            "the first wrong one, and after which step?",
            clean="Within one step a thread reads the cell that another one writes. All have to "
            "read before anyone writes, and to write before anyone reads: a barrier for each.",
            robust=(
                5,
                "right for every size from 1 to 64, in a block that fits",
                "How many steps does a block of TPB threads need?",
            ),
        ),
        *graded(
            "two phases",
            (20, 10, 15),
            part=COMPLETE.name,
            integers="Is each block right for itself? Then look at what the second phase adds to "
            "it, and where that number comes from.",
            clean="Blocks of one launch run in any order, so that none may read what another one "
            "writes. Within a block, each step needs its barriers.",
            robust=(
                5,
                "right for every size from 1 to 64, in two blocks that fit",
                "A block that is not full needs zeros where a thread has no element.",
            ),
        ),
        program(
            Command(arguments=("--simple",), printed=_sums(8)),
            Command(arguments=("--complete",), printed=_sums(15)),
        ),
    ),
    book=places(14, before=12),
    first_step="Begin with prefix_sum_simple: load the elements into shared memory, then let each "
    "thread add what lies 1, 2 and 4 cells before its own.",
)
