"""Operations of a whole block: puzzle 27 of the book."""

from __future__ import annotations

from grader.puzzles.block_level_programming.definition import PUZZLE

__all__ = ["PUZZLE"]
