"""Three programs, each with a mistake to find: puzzle 9 of the book."""

from __future__ import annotations

from grader.puzzles.debugging.definition import PUZZLE

__all__ = ["PUZZLE"]
