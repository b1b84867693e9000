"""What puzzles of ops share: their places in the book."""

from __future__ import annotations

from typing import Final

from grader.puzzle_kit import BookPlace

_NOW: Final = (
    *("25.5", "25.6.1", "25.7"),
    *("26.1", "26.2", "26.3", "26.4", "26.5", "26.6", "26.7"),
)
_BEFORE: Final = ("25.3", "25.4")
"""Editions from before 30 July 2025, when puzzles were numbered anew."""


def places(
    op: str, number: int, *, before: int, old: tuple[str, ...] = _BEFORE
) -> tuple[BookPlace, ...]:
    """Where the book has the file of an op.

    Args:
        op: What the file is called.
        number: Of the puzzle.
        before: Its number before puzzles were numbered anew.
        old: The editions that had it then.
    """
    return _place(op, number, _NOW), _place(op, before, old)


def _place(op: str, number: int, editions: tuple[str, ...]) -> BookPlace:
    file = f"p{number}/op/{op}.mojo"
    return BookPlace(task=f"problems/{file}", answer=f"solutions/{file}", editions=editions)
