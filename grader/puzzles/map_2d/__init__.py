"""A kernel on a matrix, with more threads than elements: puzzle 4 of the book."""

from __future__ import annotations

from grader.puzzles.map_2d.definition import PUZZLE

__all__ = ["PUZZLE"]
