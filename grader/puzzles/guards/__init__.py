"""A kernel with more threads than elements: puzzle 3 of the book."""

from __future__ import annotations

from grader.puzzles.guards.definition import PUZZLE

__all__ = ["PUZZLE"]
