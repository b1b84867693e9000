"""Matrix multiplication in three ways: puzzle 16 of the book, 14 until July 2025."""

from __future__ import annotations

from grader.puzzles.matrix_multiplication.definition import PUZZLE

__all__ = ["PUZZLE"]
