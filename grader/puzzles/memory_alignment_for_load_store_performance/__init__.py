"""A map by vectors whose alignment is said or not: puzzle 35 of the book."""

from __future__ import annotations

from grader.puzzles.memory_alignment_for_load_store_performance.definition import PUZZLE

__all__ = ["PUZZLE"]
