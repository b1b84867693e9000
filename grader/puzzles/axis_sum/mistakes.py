"""Well-known wrong answers for sums of rows, with what to tell whoever gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Sizes, sketched
from grader.puzzles.programs import Answer, numbers, of_right, power_of_two
from grader.puzzles.shapes import A_CELL_EACH, REDUCTION


def _of_rows(change: Callable[[Answer], Answer]) -> Callable[[Arrays, Sizes], Answer | None]:
    """The sums of some of the elements of each row; None where that is all of them."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
        rows = numbers(inputs)
        some = change(rows)
        return None if some.shape == rows.shape else np.asarray(some.sum(axis=1, keepdims=True))

    return answer


def _right(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.asarray(numbers(inputs).sum(axis=1, keepdims=True))


def _first_row(inputs: Arrays, sizes: Sizes) -> Answer | None:
    value = _right(inputs, sizes)
    return None if len(value) == 1 else np.full_like(value, value[0, 0])


def _columns(inputs: Arrays, sizes: Sizes) -> Answer:
    """Column sums in the place of row sums, and zeros where there are no more columns."""
    sums = np.zeros((sizes["batch"], 1))
    columns = numbers(inputs).sum(axis=0)[: sizes["batch"]]
    sums[: len(columns), 0] = columns
    return sums


def _all_rows(inputs: Arrays, sizes: Sizes) -> Answer | None:
    return None if sizes["batch"] == 1 else np.full((sizes["batch"], 1), numbers(inputs).sum())


def _halved_size(inputs: Arrays, sizes: Sizes) -> Answer:
    """What a reduction adds up that begins with half of the size."""
    cells = numbers(inputs).copy()
    stride = sizes["size"] // 2
    while stride > 0:
        cells[:, :stride] += cells[:, stride : 2 * stride]
        stride //= 2
    return cells[:, :1]


def _largest(rows: Answer) -> Answer:
    """Of each row; where the block has cells without an element, their zeros count too."""
    cells = max(power_of_two(rows.shape[1]), 8)
    others = 0.0 if rows.shape[1] < cells else -np.inf
    return np.asarray(rows.max(axis=1, keepdims=True, initial=others))


def _half(rows: Answer) -> int:
    return max(power_of_two(rows.shape[1]), 8) // 2


MISTAKES = sketched(
    {
        REDUCTION: ("first-elements", "one-step", "last-step-missing", "first-step-missing"),
        A_CELL_EACH: ("first-element-missing", "last-element-of-rows-missing", "last-elements"),
    },
    Mistake(
        name="first-element-missing",
        explanation="The first element of each row is left out.",
        advice="Elements begin at 0, and so do the cells that are added up.",
        answer=_of_rows(lambda rows: rows[:, 1:]),
    ),
    Mistake(
        name="last-element-of-rows-missing",
        explanation="The last element of each row is left out.",
        advice="Which threads of the block have an element, and which is the last?",
        answer=_of_rows(lambda rows: rows[:, :-1]),
    ),
    Mistake(
        name="first-elements",
        explanation="The outputs are the first elements of the rows; nothing was added.",
        advice="Does the reduction run, and does it begin with half of the threads?",
        answer=_of_rows(lambda rows: rows[:, :1]),
    ),
    Mistake(
        name="last-elements",
        explanation="The outputs are the last elements of the rows: each thread overwrote what "
        "others had written.",
        advice="Each element needs a cell of its own; the cells are then added up.",
        answer=_of_rows(lambda rows: rows[:, -1:]),
    ),
    Mistake(
        name="one-step",
        explanation="Only one step of the reduction was made: two elements are in each sum.",
        advice="Halve the stride until it is 1, in a loop.",
        answer=_of_rows(lambda rows: rows[:, :: _half(rows)]),
    ),
    Mistake(
        name="last-step-missing",
        explanation="The last step of the reduction is missing: every other element is left out.",
        advice="The step with stride 1 belongs to it: with which stride does the loop end?",
        answer=_of_rows(lambda rows: rows[:, ::2]),
    ),
    Mistake(
        name="first-step-missing",
        explanation="The elements of the second half of the threads are left out.",
        advice="Which cells does the first step add, where all of them hold something?",
        answer=_of_rows(lambda rows: rows[:, : _half(rows)]),
    ),
    Mistake(
        name="halved-size",
        explanation="The stride begins with half of the number of elements: where that is odd at "
        "some step, an element is left out.",
        advice="What is always a power of two here, so that it can be halved down to 1? The "
        "cells behind the elements hold zeros.",
        answer=_halved_size,
    ),
    Mistake(
        name="first-row",
        explanation="Each output is the sum of the first row.",
        advice="A block's row is block_idx.y.",
        answer=_first_row,
    ),
    Mistake(
        name="columns",
        explanation="These are the sums of the columns.",
        advice="Within a block the row stays, and the column moves.",
        answer=_columns,
    ),
    Mistake(
        name="all-rows",
        explanation="Each output is the sum of the whole matrix.",
        advice="A block sums one row.",
        answer=_all_rows,
    ),
    Mistake(
        name="mean",
        explanation="The sums were divided by the number of elements.",
        advice="The task asks for the sum of each row.",
        answer=lambda inputs, sizes: _right(inputs, sizes) / sizes["size"],
    ),
    Mistake(
        name="maximum",
        explanation="Each output is the largest element of its row.",
        advice="The task asks for the sum of each row.",
        answer=lambda inputs, sizes: _largest(numbers(inputs)),
    ),
    *of_right(_right),
)
