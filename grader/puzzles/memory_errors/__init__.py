"""Two kernels to repair, one with a memory error, one with a race: puzzle 10 of the book."""

from __future__ import annotations

from grader.puzzles.memory_errors.definition import PUZZLE

__all__ = ["PUZZLE"]
