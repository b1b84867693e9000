"""Pooling, sums of windows of three: puzzle 11 of the book, 9 until July 2025."""

from __future__ import annotations

from grader.puzzles.pooling.definition import PUZZLE

__all__ = ["PUZZLE"]
