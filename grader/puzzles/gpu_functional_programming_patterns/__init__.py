"""Functions that launch kernels by `elementwise`: puzzle 23 of the book."""

from __future__ import annotations

from grader.puzzles.gpu_functional_programming_patterns.definition import PUZZLE

__all__ = ["PUZZLE"]
