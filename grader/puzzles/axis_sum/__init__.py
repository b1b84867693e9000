"""Sums of the rows of a matrix: puzzle 15 of the book, 13 until July 2025."""

from __future__ import annotations

from grader.puzzles.axis_sum.definition import PUZZLE

__all__ = ["PUZZLE"]
