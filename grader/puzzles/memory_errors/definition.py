"""Two kernels that give the right values and are wrong, to be repaired.

One reads and writes past the end of its matrices, the other has a race. The first one's values are
right as it is given, so clean code is worth more here than anywhere else.
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
    Mistake,
    Part,
    Puzzle,
    RubricItem,
    Scalar,
    Size,
    Sizes,
    sum_of_products,
)
from grader.puzzles.memory_errors.mistakes import OF_SUM, OF_TEN, TEN
from grader.puzzles.programs import graded, numbers, places, program, tensor

THREADS = 3
"""Threads of the block along each axis, which the task fixes; a matrix has no more rows."""


def plus_ten(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """Each element plus ten: one rounding."""
    a = numbers(inputs)
    return {"output": sum_of_products([np.stack([a, np.full(a.shape, TEN)], axis=-1)])}


def total(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of all elements, in any order, everywhere."""
    a = numbers(inputs)
    return {"output": sum_of_products([np.broadcast_to(a.ravel(), (*a.shape, a.size))])}


def _part(kernel: str, formula: str, *, squares: bool, mistakes: tuple[Mistake, ...]) -> Part:
    return Part(
        name=kernel,
        title=f"the kernel {kernel}",
        formula=formula,
        domain=f"size 1 to {THREADS}, in one block of {THREADS} by {THREADS} threads",
        code=Kernels(
            launches=(
                KernelLaunch(
                    function=kernel,
                    arguments=("output", "a", Scalar("size")),
                    block=(THREADS, THREADS, 1),
                ),
            ),
            constants={"SIZE": "size", "dtype": "DType.float32"},
        ),
        tensors=(tensor("output", "output", "size", "size"), tensor("a", "input", "size", "size")),
        sizes=(Size(name="size", low=1, high=THREADS),),
        assigned=lambda sizes: True,
        boundaries=tuple({"size": size} for size in (2, 1, 3)),
        terms=lambda sizes: sizes["size"] ** 2 if squares else 2,
        expected=total if squares else plus_ten,
        mistakes=mistakes,
    )


ADD = _part("add_10_2d", "output[row, col] = a[row, col] + 10", squares=False, mistakes=OF_TEN)
SUM = _part(
    "shared_memory_race",
    "output[row, col] = the sum of all elements of a",
    squares=True,
    mistakes=OF_SUM,
)

PUZZLE = Puzzle(
    name="memory_errors",
    title="A memory error and a race, to be repaired",
    parts=(ADD, SUM),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *graded(
            "memory error",
            (10, 5, 30),
            part=ADD.name,
            integers="The values were right as the kernel was given: what has your repair changed?",
            clean="There are three threads along each axis, and two rows: which threads have no "
            "element, and what do they read and write?",
        ),
        *graded(
            "race",
            (10, 5, 30),
            part=SUM.name,
            integers="Write down what each of four threads reads and writes in turn. Which of the "
            "sums gets lost?",
            clean="Several threads add to one cell at the same time. Let one thread sum up alone, "
            "add atomically, or give each a cell of its own; then all wait for the block.",
        ),
        program(
            Command(arguments=("--memory-bug",), printed=(10, 11, 12, 13)),
            Command(arguments=("--race-condition",), printed=(6, 6, 6, 6)),
        ),
    ),
    book=places(10),
    first_step="Both kernels are to be repaired. Begin with add_10_2d: which threads of the block "
    "have no element?",
)
