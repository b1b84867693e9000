"""1D convolution in one block and across blocks: puzzle 13 of the book, 11 until July 2025."""

from __future__ import annotations

from grader.puzzles.convolution_1d.definition import PUZZLE

__all__ = ["PUZZLE"]
