"""A kernel of several blocks along both axes: puzzle 7 of the book."""

from __future__ import annotations

from grader.puzzles.blocks_2d.definition import PUZZLE

__all__ = ["PUZZLE"]
