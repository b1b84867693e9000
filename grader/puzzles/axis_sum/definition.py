"""The sum along an axis: ``output[row, 0] = sum of a[row]``, a block for each row.

A row has no more elements than a block has threads. The task has six for eight threads, so that
who forgets the two that have none is seen.
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
    Part,
    Puzzle,
    RubricItem,
    Scalar,
    Size,
    Sizes,
    sum_of_products,
)
from grader.puzzles.axis_sum.mistakes import MISTAKES
from grader.puzzles.programs import TPB, graded, numbers, places, program, tensor, threads


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of each row, in any order."""
    return {"output": sum_of_products([numbers(inputs)[:, None, :]])}


PART = Part(
    name="axis_sum",
    title="the kernel axis_sum",
    formula="output[row, 0] = sum(a[row, i] for i in range(size))",
    domain=f"batch 1 to 8, size 1 to {TPB}, in blocks of {TPB} threads",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="axis_sum",
                older_parameters=(("in_layout", "out_layout"),),
                arguments=("output", "a", Scalar("size")),
                grid=(1, "batch", 1),
                block=(threads, 1, 1),
            ),
        ),
        constants={
            "SIZE": "size",
            "BATCH": "batch",
            "TPB": threads,
            "dtype": "DType.float32",
        },
    ),
    tensors=(tensor("output", "output", "batch", 1), tensor("a", "input", "batch", "size")),
    sizes=(Size(name="batch", low=1, high=8), Size(name="size", low=1, high=32)),
    assigned=lambda sizes: sizes["size"] <= TPB,
    boundaries=tuple(
        {"batch": batch, "size": size}
        for batch, size in (
            (4, 6),
            (1, 1),
            (6, 4),
            (5, 8),
            (1, 7),
            (8, 3),
            (2, 2),
            (3, 16),
            (2, 32),
        )
    ),
    random_assigned=2,
    random_robust=1,
    terms=lambda sizes: sizes["size"],
    expected=expected,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="axis_sum",
    title="Sums of the rows of a matrix",
    parts=(PART,),
    rubric=(
        RubricItem(check=Compiles(title="The kernel compiles"), points=5),
        *graded(
            "axis_sum",
            (45, 25, 20),
            integers="Do the reduction by hand for a row of six in a block of eight: what do the "
            "last two cells hold, and which row does each block read?",
            robust=(
                10,
                "right for rows of up to 32 elements, in blocks that fit",
                "Are all loops written with TPB? Do threads without an element leave zeros?",
            ),
        ),
        program(Command(printed=(15, 51, 87, 123))),
    ),
    book=places(15, before=13),
    first_step="Load the block's row into shared memory, with zeros for the threads without an "
    "element, wait for the block, and add the cells up by halves.",
)
