"""Matrix multiplication with tensor cores: puzzle 33 of the book."""

from __future__ import annotations

from grader.puzzles.tensor_core_operations.definition import PUZZLE

__all__ = ["PUZZLE"]
