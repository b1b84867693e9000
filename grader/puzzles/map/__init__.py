"""A kernel that adds ten to each element, a thread for each: puzzle 1 of the book."""

from __future__ import annotations

from grader.puzzles.map.definition import PUZZLE

__all__ = ["PUZZLE"]
