"""Asynchronous copies: puzzle 28 of the book, 25 until July 2025."""

from __future__ import annotations

from grader.puzzles.async_memory_operations_copy_overlap.definition import PUZZLE

__all__ = ["PUZZLE"]
