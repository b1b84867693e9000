"""Patterns of a warp: puzzle 26 of the book, 24 until July 2025."""

from __future__ import annotations

from grader.puzzles.advanced_warp_patterns.definition import PUZZLE

__all__ = ["PUZZLE"]
