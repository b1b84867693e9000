"""GPU synchronization primitives: puzzle 29 of the book, 26 until July 2025."""

from __future__ import annotations

from grader.puzzles.gpu_synchronization_primitives.definition import PUZZLE

__all__ = ["PUZZLE"]
