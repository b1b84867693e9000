"""Well-known wrong answers for the two kernels, with what to tell whoever gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.programs import Answer, numbers, of_right
from grader.puzzles.shapes import READ_THEN_WRITE, TWO_AXES

TEN = 10.0


def _of(change: Callable[[Answer], Answer]) -> Callable[[Arrays, Sizes], Answer]:
    """Something else that is made of a."""
    return lambda inputs, sizes: np.asarray(change(numbers(inputs)))


def _plus_ten(inputs: Arrays, sizes: Sizes) -> Answer:
    return numbers(inputs) + TEN


def _total(inputs: Arrays, sizes: Sizes) -> Answer:
    a = numbers(inputs)
    return np.full(a.shape, a.sum())


def _everywhere(of: Callable[[Answer], float | np.float64]) -> Callable[[Answer], Answer]:
    return lambda a: np.full(a.shape, of(a))


OF_TEN = sketched(
    {
        TWO_AXES: (
            "transposed",
            "last-row-and-column-missing",
            "first-row-and-column-missing",
        ),
        READ_THEN_WRITE: ("copy",),
    },
    Mistake(
        name="copy",
        explanation="The output is a copy of a; nothing was added.",
        advice="Add 10 to each element.",
        answer=lambda inputs, sizes: numbers(inputs),
    ),
    Mistake(
        name="transposed",
        explanation="Rows and columns are exchanged.",
        advice="Rows come from y and columns from x, in what is read and in what is written.",
        answer=_of(lambda a: a.T + TEN),
    ),
    Mistake(
        name="last-row-and-column-missing",
        place=Place.GUARD,
        explanation="The last row and the last column are not written.",
        advice="Which are the last row and the last column, and does the guard let them through?",
        answer=lambda inputs, sizes: np.pad(_plus_ten(inputs, sizes)[:-1, :-1], ((0, 1), (0, 1))),
    ),
    Mistake(
        name="first-row-and-column-missing",
        explanation="The first row and the first column are not written.",
        advice="Rows and columns begin at 0.",
        answer=lambda inputs, sizes: np.pad(_plus_ten(inputs, sizes)[1:, 1:], ((1, 0), (1, 0))),
    ),
    *of_right(_plus_ten),
)

_ONE_ADDS = """\
if ...:                # one thread
    for row in range(...):
        for col in range(...):
            total += ...   # then it stores the sum in shared memory
barrier()
output[row, col] = ...     # all threads that have an element"""

OF_SUM = sketched(
    {
        _ONE_ADDS: (
            "last-element",
            "first-element",
            "own-element",
            "row-sums",
            "first-row-sum",
            "once-for-each-thread",
        ),
    },
    Mistake(
        name="last-element",
        explanation="The output is the last element: each thread overwrote what others had added.",
        advice="Reading, adding and writing are three steps. Let one thread do them for all "
        "elements, or do them atomically.",
        answer=_of(_everywhere(lambda a: a[-1, -1])),
    ),
    Mistake(
        name="first-element",
        explanation="The output is the first element; the others were not added.",
        advice="The thread that sums up has to go through all rows and columns.",
        answer=_of(_everywhere(lambda a: a[0, 0])),
    ),
    Mistake(
        name="own-element",
        explanation="Each output is its own element; nothing was added.",
        advice="All threads write the sum of all elements.",
        answer=_of(lambda a: a),
    ),
    Mistake(
        name="row-sums",
        explanation="Each output is the sum of its row.",
        advice="The sum is one of all rows and columns.",
        answer=_of(lambda a: np.repeat(a.sum(axis=1, keepdims=True), len(a), axis=1)),
    ),
    Mistake(
        name="first-row-sum",
        explanation="The output is the sum of the first row.",
        advice="The sum is one of all rows and columns.",
        answer=_of(_everywhere(lambda a: a[0].sum())),
    ),
    Mistake(
        name="once-for-each-thread",
        explanation="Each thread added all elements, so that the sum is too large.",
        advice="Either one thread adds all elements, or each thread adds its own.",
        answer=_of(_everywhere(lambda a: a.size * a.sum())),
    ),
    *of_right(_total),
)
