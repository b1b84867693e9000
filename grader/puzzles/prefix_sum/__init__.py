"""Prefix sums, in one block and in two phases: puzzle 14 of the book, 12 until July 2025."""

from __future__ import annotations

from grader.puzzles.prefix_sum.definition import PUZZLE

__all__ = ["PUZZLE"]
