"""A kernel of several blocks: puzzle 6 of the book."""

from __future__ import annotations

from grader.puzzles.blocks.definition import PUZZLE

__all__ = ["PUZZLE"]
