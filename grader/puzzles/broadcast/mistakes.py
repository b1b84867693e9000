"""Well-known wrong answers where a row is added to a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from grader.puzzle_kit import Arrays, ExpectedOutput, Mistake, Place, Sizes, sketched
from grader.puzzles.elementwise import of_any
from grader.puzzles.map_2d.mistakes import of_two_axes
from grader.puzzles.programs import Answer, numbers


def _mistake(
    name: str, answer: Callable[[Answer, Answer], Answer], explanation: str, advice: str
) -> Mistake:
    """A mistake that makes something else of the row and the column."""

    def answered(inputs: Arrays, sizes: Sizes) -> Answer | None:
        row, column = numbers(inputs, "a"), numbers(inputs, "b")
        shape = (sizes["size"], sizes["size"])
        return np.array(np.broadcast_to(answer(row, column), shape))

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answered)


_ROW_AND_COLUMN = """\
if ...:                # row and col both lie inside of the output
    ... = a[0, ...]    # a lies along a row: which index counts there?
    ... = b[..., 0]    # b lies along a column
    output[row, col] = ..."""


def mistakes(
    right: Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]],
) -> tuple[Mistake, ...]:
    """All of them."""
    return sketched(
        {
            _ROW_AND_COLUMN: (
                *("only-a", "only-b", "same-column", "same-row", "multiplied", "subtracted"),
                *("first-of-a", "first-of-b", "indices"),
            ),
        },
        _mistake(
            "only-a",
            lambda row, column: row,
            "Every row of the output is a; b is missing.",
            "The element of b that belongs to the row is missing.",
        ),
        _mistake(
            "only-b",
            lambda row, column: column,
            "Every column of the output is b; a is missing.",
            "The element of a that belongs to the column is missing.",
        ),
        _mistake(
            "same-column",
            lambda row, column: row + column.T,
            "Both elements were taken by the column, so that all rows are equal.",
            "b is a column: which of the two indices of an element counts along it?",
        ),
        _mistake(
            "same-row",
            lambda row, column: row.T + column,
            "Both elements were taken by the row, so that all columns are equal.",
            "a is a row: which of the two indices of an element counts along it?",
        ),
        _mistake(
            "multiplied",
            lambda row, column: row * column,
            "a and b were multiplied, not added.",
            "Compare what is done to the two elements with what the task asks for.",
        ),
        _mistake(
            "subtracted",
            lambda row, column: row - column,
            "b was subtracted from a, not added.",
            "Compare what is done to the two elements with what the task asks for.",
        ),
        _mistake(
            "first-of-a",
            lambda row, column: row[:, :1] + column,
            "The first element of a was added to all of b.",
            "Each column has an element of a of its own.",
        ),
        _mistake(
            "first-of-b",
            lambda row, column: row + column[:1],
            "The first element of b was added to all of a.",
            "Each row has an element of b of its own.",
        ),
        _mistake(
            "indices",
            lambda row, column: np.add.outer(np.arange(column.size), np.arange(row.size)),
            "The output is row + col: the indices were added, not the elements.",
            "What is added: the indices, or the elements that stand there?",
        ),
        *of_two_axes(right),
        *of_any(right),
        places={
            Place.STORE: ("only-a", "only-b", "multiplied", "subtracted"),
            Place.GUARD: ("last-row-and-column-missing",),
        },
    )
