"""The checks that puzzles pick from. Each is an object: `grader.model.checks` says what it does."""

from __future__ import annotations

from grader.checks.behaviour import Clean, OnDevice, Robust
from grader.checks.program import Program
from grader.checks.stages import Compiles, Packages
from grader.checks.values import AllValues, Example, Integers, Reals

__all__ = [
    "AllValues",
    "Clean",
    "Compiles",
    "Example",
    "Integers",
    "OnDevice",
    "Packages",
    "Program",
    "Reals",
    "Robust",
]
