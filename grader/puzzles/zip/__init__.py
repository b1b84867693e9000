"""A kernel that adds two vectors, a thread for each element: puzzle 2 of the book."""

from __future__ import annotations

from grader.puzzles.zip.definition import PUZZLE

__all__ = ["PUZZLE"]
