"""A kernel with a tile in shared memory: puzzle 8 of the book."""

from __future__ import annotations

from grader.puzzles.shared_memory.definition import PUZZLE

__all__ = ["PUZZLE"]
