"""A dot product for each warp, by its lanes: puzzle 24 of the book."""

from __future__ import annotations

from grader.puzzles.warp_fundamentals.definition import PUZZLE

__all__ = ["PUZZLE"]
