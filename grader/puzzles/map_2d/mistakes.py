"""Well-known wrong answers on a matrix. Those about its two axes serve other puzzles as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, ExpectedOutput, Mistake, Place, Sizes, sketched
from grader.puzzles.elementwise import (
    PLUS_TEN,
    TEN,
    another,
    changed,
    of_the_example,
    only,
    plus_ten,
)
from grader.puzzles.programs import Answer
from grader.puzzles.shapes import TWO_AXES


def axes(value: Answer) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row and the column of each element."""
    places = np.indices(value.shape, dtype=np.int64)
    return places[0], places[1]


def of_two_axes(
    right: Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]] = plus_ten,
) -> tuple[Mistake, ...]:
    """Elements of a square matrix that are missing, or stand in the wrong place."""
    return sketched(
        {
            TWO_AXES: (
                *("transposed", "last-row-and-column-missing", "first-row-only"),
                *("first-column-only", "diagonal-only", "upside-down"),
            ),
        },
        changed(
            "transposed",
            lambda value, sizes: None if value.size == 1 else value.T.copy(),
            explanation="Rows and columns are exchanged: the output is the transposed matrix.",
            advice="y counts the rows and x the columns, where an element is read and where it "
            "is written.",
            right=right,
        ),
        changed(
            "last-row-and-column-missing",
            lambda value, sizes: only(value, np.maximum(*axes(value)) < len(value) - 1),
            explanation="The last row and the last column are not written.",
            advice="Which are the last row and the last column, and does the guard let them "
            "through?",
            right=right,
        ),
        changed(
            "first-row-only",
            lambda value, sizes: only(value, axes(value)[0] == 0),
            explanation="Only the first row is written.",
            advice="What tells the rows apart: where does the next one begin in memory?",
            right=right,
        ),
        changed(
            "first-column-only",
            lambda value, sizes: only(value, axes(value)[1] == 0),
            explanation="Only the first column is written.",
            advice="The column is thread_idx.x.",
            right=right,
        ),
        changed(
            "diagonal-only",
            lambda value, sizes: only(value, np.equal(*axes(value))),
            explanation="Only the elements with the same row and column are written.",
            advice="The row is that of thread_idx.y, the column that of thread_idx.x.",
            right=right,
        ),
        changed(
            "upside-down",
            lambda value, sizes: None if len(value) == 1 else value[::-1].copy(),
            explanation="The rows stand in reverse order.",
            advice="Row 0 comes first in memory.",
            right=right,
        ),
        places={Place.GUARD: ("last-row-and-column-missing",)},
    )


def _row_plus_column(a: Answer, sizes: Sizes) -> Answer | None:
    """What is left where the place of an element is row + col: those threads write the same."""
    if a.size == 1:
        return None
    written = np.zeros(a.size)
    count = 2 * len(a) - 1
    written[:count] = a.ravel()[:count] + TEN
    return written.reshape(a.shape)


MISTAKES = sketched(
    {TWO_AXES: ("row-plus-column",)},
    *of_two_axes(),
    of_the_example(4),
    another(
        "row-plus-column",
        _row_plus_column,
        explanation="The place in memory was taken to be row + col, so that threads share their "
        "elements and most of the matrix is not written.",
        advice="The matrix lies row by row: how many elements lie before the row?",
    ),
    *PLUS_TEN,
)
