"""Thread block clusters: puzzle 34 of the book."""

from __future__ import annotations

from grader.puzzles.gpu_cluster_programming.definition import PUZZLE

__all__ = ["PUZZLE"]
