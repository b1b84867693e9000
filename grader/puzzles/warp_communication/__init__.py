"""Communication within a warp: puzzle 25 of the book, 23 until July 2025."""

from __future__ import annotations

from grader.puzzles.warp_communication.definition import PUZZLE

__all__ = ["PUZZLE"]
