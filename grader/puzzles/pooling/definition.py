"""Pooling: ``output[i] = a[i - 2] + a[i - 1] + a[i]``, as far as these elements are there.

The task has one block of 8 threads and 8 elements, and the kernel is told how many there are, so
it must be right for fewer. With more blocks the first windows of each reach into the one before,
which the task does not ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

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
from grader.puzzles.pooling.mistakes import MISTAKES, TPB, WINDOW, windows
from grader.puzzles.programs import graded, places, program, tensor


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sums of the windows: three numbers at most, in any order."""
    return {"output": sum_of_products([windows(inputs)])}


PART = Part(
    name="pooling",
    title="the kernel pooling",
    formula="output[i] = a[i - 2] + a[i - 1] + a[i], without those before the start",
    domain=f"size 1 to {TPB}, in one block of {TPB} threads",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="pooling",
                older_parameters=(("layout",),),
                arguments=("output", "a", Scalar("size")),
                grid=(lambda sizes: ceil(sizes["size"] / TPB), 1, 1),
                block=(TPB, 1, 1),
            ),
        ),
        constants={"SIZE": "size", "TPB": TPB, "dtype": "DType.float32"},
    ),
    tensors=(tensor("output", "output", "size"), tensor("a", "input", "size")),
    sizes=(Size(name="size", low=1, high=4 * TPB),),
    assigned=lambda sizes: sizes["size"] <= TPB,
    boundaries=tuple({"size": size} for size in (1, 2, 3, 7, 8, 9, 18)),
    random_robust=1,
    terms=lambda sizes: WINDOW,
    expected=expected,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="pooling",
    title="Pooling: sums of windows of three",
    parts=(PART,),
    rubric=(
        RubricItem(check=Compiles(title="The kernel compiles"), points=5),
        *graded(
            "pooling",
            (45, 25, 20),
            integers="Take one wrong element and write down by hand which three elements it needs. "
            "Which are there for the first two?",
            robust=(
                10,
                "right in several blocks too",
                "The first two threads of a block need elements that the block before has loaded.",
            ),
        ),
        program(Command(printed=(0, 1, 3, 6, 9, 12, 15, 18))),
    ),
    book=places(11, layouts=True, before=9),
    first_step="Load each thread's element into shared memory, wait for the block, then add up to "
    "three of them.",
)
