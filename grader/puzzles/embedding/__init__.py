"""The embedding, with two kernels: puzzle 19 of the book until July 2025, puzzle 21 since."""

from __future__ import annotations

from grader.puzzles.embedding.definition import PUZZLE

__all__ = ["PUZZLE"]
