"""The softmax, on the GPU and on the CPU: puzzle 16 of the book until July 2025, 18 since."""

from __future__ import annotations

from grader.puzzles.softmax.definition import PUZZLE

__all__ = ["PUZZLE"]
