"""Attention as one op of several kernels: puzzle 17 of the book until July 2025, 19 since."""

from __future__ import annotations

from grader.puzzles.attention.definition import PUZZLE

__all__ = ["PUZZLE"]
