"""Mistakes to find: an empty buffer, a loop that ends too early, and a barrier in a branch.

The first stands in ``main``, and its kernel is right as it is given. So the program itself is run
for it; the kernels of the others are launched.

The filter of the third case reads a neighbour's cell while that is written. The book's own answer
leaves that race, so it costs nothing here; what the filter computes is what all threads read before
anyone writes, as they do side by side in a warp.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    FindingKind,
    GivenKernel,
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
from grader.puzzles.debugging.first_case import FirstCase
from grader.puzzles.debugging.mistakes import OF_FILTER, OF_WINDOW, around, neighbour
from grader.puzzles.programs import graded, numbers, places, program, tensor


def window_sums(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """Sums of three numbers at most, in any order."""
    return {"output": sum_of_products([around(inputs)])}


def filtered(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """Each element with half of the one before; the first and the last as they are.

    A half is exact where it is normal, so this is one addition.
    """
    terms = np.stack([numbers(inputs), neighbour(inputs)], axis=-1)
    return {"output": sum_of_products([terms])}


def _part(
    kernel: str,
    title: str,
    formula: str,
    *,
    window: bool,
    mistakes: tuple[Mistake, ...],
    given: GivenKernel | None = None,
) -> Part:
    return Part(
        name=kernel,
        title=title,
        formula=formula,
        domain="size 2 to 16, in one block with a thread for each element",
        code=Kernels(
            launches=(
                KernelLaunch(function=kernel, arguments=("output", "a"), block=("size", 1, 1)),
            ),
            constants={"SIZE": "size", "dtype": "DType.float32"},
        ),
        tensors=(tensor("output", "output", "size"), tensor("a", "input", "size")),
        sizes=(Size(name="size", low=2, high=16),),
        assigned=lambda sizes: True,
        boundaries=tuple({"size": size} for size in (4, 2, 3, 5, 7, 16)),
        random_assigned=0,
        terms=lambda sizes: 3 if window else 2,
        expected=window_sums if window else filtered,
        mistakes=mistakes,
        given=given,
    )


WINDOW = _part(
    "process_sliding_window",
    "the second case, process_sliding_window",
    "output[i] = a[i - 1] + a[i] + a[i + 1], as far as these are there",
    window=True,
    mistakes=OF_WINDOW,
)
FILTER = _part(
    "collaborative_filter",
    "the third case, collaborative_filter",
    "output[i] = a[i] + a[i - 1] / 2, but the first and the last are a[i]",
    window=False,
    mistakes=OF_FILTER,
    given=GivenKernel(
        function="collaborative_filter",
        shows=frozenset({FindingKind.RACE}),
        defect="The given kernel reads a neighbour's cell while that thread writes it. That is a "
        "defect of the given code, which the task does not ask to mend: it costs you nothing.",
    ),
)

PUZZLE = Puzzle(
    name="debugging",
    title="Kernels with a mistake to find",
    parts=(WINDOW, FILTER),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *graded(
            "second case",
            (20, 10, 10),
            part=WINDOW.name,
            integers="How many elements does each window have, and how often does the loop run?",
            clean="Which elements are there for the first and for the last thread?",
        ),
        *graded(
            "third case",
            (15, 5, 20),
            part=FILTER.name,
            integers="The values were right as the kernel was given: what has your repair changed?",
            clean="Count for each thread the barriers that it comes to. All have to come to each.",
        ),
        RubricItem(
            check=FirstCase(
                title="First case: the kernel runs on buffers that are there",
                kernel="add_10",
                commands=(
                    Command(arguments=("--first-case",), printed=(10,) * 4, behind="result:"),
                ),
                next_step="The kernel is right. Which of its two buffers has room for SIZE "
                "elements, and which does not?",
            ),
            points=10,
        ),
        program(
            Command(arguments=("--second-case",), printed=(1, 3, 6, 5), behind="result:"),
            Command(arguments=("--third-case",), printed=(1, 2.5, 4, 4), behind="result:"),
        ),
    ),
    book=places(9),
    first_step="The first case is a mistake in main: what does the kernel read there? The second "
    "is a loop that ends too early, the third a barrier to which not all threads come.",
)
