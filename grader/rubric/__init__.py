"""Rubric files: what an instructor may change about how a puzzle is marked.

A file changes points, sizes, extra credit, who sees what and when, the pass
mark and the hints. It changes nothing about what is right. `load_rubric` reads
one, `starting_file` writes one for a puzzle; docs/rubric.md explains them.
"""

from __future__ import annotations

from grader.rubric.model import Rubric, starting_file
from grader.rubric.reader import load_rubric, parse_rubric, puzzle_of

__all__ = ["Rubric", "load_rubric", "parse_rubric", "puzzle_of", "starting_file"]
