"""1D convolution: ``output[i] = sum over j of a[i + j] * b[j]`` inside of a, by two kernels.

One block with three taps, and two blocks with four, where windows reach into the next block. How
many elements there are varies; the number of taps is the task's, and others are beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    KernelLaunch,
    Kernels,
    Mistake,
    Part,
    Puzzle,
    RubricItem,
    Size,
    Sizes,
    sum_of_products,
)
from grader.puzzles.convolution_1d.mistakes import ACROSS, COMMON, TPB, inside, windows
from grader.puzzles.programs import graded, numbers, places, program, tensor


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sums of the products inside of ``a``, each in any order."""
    factors = [windows(inputs), numbers(inputs, "b")[None, :]]
    return {"output": sum_of_products(factors, inside(inputs))}


def _part(
    kernel: str,
    suffix: str,
    *,
    domain: str,
    blocks: int,
    assigned: tuple[range, int],
    shapes: tuple[tuple[int, int], ...],
    mistakes: tuple[Mistake, ...],
) -> Part:
    elements, taps = assigned
    layouts = tuple(f"{tensor}{suffix}_layout" for tensor in ("in", "out", "conv"))
    return Part(
        name=kernel,
        title=f"the kernel {kernel}",
        formula="output[i] = sum(a[i + j] * b[j] for j in range(conv) if i + j < size)",
        domain=domain,
        code=Kernels(
            launches=(
                KernelLaunch(
                    function=kernel,
                    arguments=("output", "a", "b"),
                    grid=(blocks, 1, 1),
                    block=(TPB, 1, 1),
                    older_parameters=(layouts, (*layouts, "dtype")),
                ),
            ),
            constants={
                f"SIZE{suffix}": "size",
                f"CONV{suffix}": "conv",
                "TPB": TPB,
                "dtype": "DType.float32",
            },
        ),
        tensors=(
            tensor("output", "output", "size"),
            tensor("a", "input", "size"),
            tensor("b", "input", "conv"),
        ),
        sizes=(
            Size(name="size", low=1, high=blocks * TPB),
            Size(name="conv", low=1, high=TPB),
        ),
        assigned=lambda sizes: sizes["size"] in elements and sizes["conv"] == taps,
        boundaries=tuple({"size": size, "conv": conv} for size, conv in shapes),
        random_assigned=1,
        random_robust=1,
        terms=lambda sizes: min(sizes["size"], sizes["conv"]),
        expected=expected,
        mistakes=mistakes,
    )


SIMPLE = _part(
    "conv_1d_simple",
    "",
    domain=f"size 3 to {TPB} with 3 taps, in one block of {TPB} threads",
    blocks=1,
    assigned=(range(3, TPB + 1), 3),
    shapes=((6, 3), (3, 3), (4, 3), (8, 3), (1, 1), (8, 8), (2, 5)),
    mistakes=COMMON,
)
BOUNDARY = _part(
    "conv_1d_block_boundary",
    "_2",
    domain=f"size {TPB + 1} to {2 * TPB} with 4 taps, in two blocks of {TPB} threads",
    blocks=2,
    assigned=(range(TPB + 1, 2 * TPB + 1), 4),
    shapes=((15, 4), (9, 4), (12, 4), (16, 4), (3, 2), (8, 4), (16, 8)),
    mistakes=(*ACROSS, *COMMON),
)

PUZZLE = Puzzle(
    name="convolution_1d",
    title="1D convolution, in one block and across blocks",
    parts=(SIMPLE, BOUNDARY),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *graded(
            "simple",
            (20, 10, 10),
            part=SIMPLE.name,
            integers="Take one wrong element and write down its products by hand: which elements "
            "of a, which of b?",
            robust=(
                5,
                "right for every size and number of taps",
                "Are all loops and guards written with SIZE and CONV?",
            ),
        ),
        *graded(
            "block_boundary",
            (25, 15, 10),
            part=BOUNDARY.name,
            integers="Compare the first wrong element with the end of the first block: which "
            "elements behind it does the window need, and who loads them?",
            robust=(
                5,
                "right for every size and number of taps",
                "Every cell that is read has to be written: zeros where a has ended.",
            ),
        ),
        program(
            Command(arguments=("--simple",), printed=(5, 8, 11, 14, 5, 0)),
            Command(
                arguments=("--block-boundary",),
                printed=(14, 20, 26, 32, 38, 44, 50, 56, 62, 68, 74, 80, 41, 14, 0),
            ),
        ),
    ),
    book=places(13, before=11),
    first_step="Begin with conv_1d_simple: load a and b into shared memory, wait for the block, "
    "and sum the products of each window inside of a.",
)
