"""The dot product of two vectors: puzzle 12 of the book, 10 until July 2025."""

from __future__ import annotations

from grader.puzzles.dot_product.definition import PUZZLE

__all__ = ["PUZZLE"]
