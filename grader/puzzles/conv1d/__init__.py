"""The 1D convolution: puzzle 15 of the book until July 2025, puzzle 17 since."""

from __future__ import annotations

from grader.puzzles.conv1d.definition import PART, PUZZLE

__all__ = ["PART", "PUZZLE"]
