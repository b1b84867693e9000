"""Layer norm with a linear layer: puzzle 20 of the book until July 2025, 22 since."""

from __future__ import annotations

from grader.puzzles.layernorm_linear.definition import PUZZLE

__all__ = ["PUZZLE"]
