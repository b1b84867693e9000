"""A kernel that adds a row to a column: puzzle 5 of the book."""

from __future__ import annotations

from grader.puzzles.broadcast.definition import PUZZLE

__all__ = ["PUZZLE"]
