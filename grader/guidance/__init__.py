"""What is wrong and what to do next: from what a record shows, the whole one or a student's copy.

A report tells one story for each part: the *cause* first, with its place in the file (`cause`),
then what to do about it (`hints`).
"""

from __future__ import annotations

from grader.guidance.cause import (
    COMPILER,
    EXPLAINS_ALL,
    LAUNCH_ARGUMENTS,
    LAUNCH_NUMBERS,
    Cause,
    causes,
    joined,
    telling,
)
from grader.guidance.hints import STEPS, Hint, deepest_hint, next_steps, sketches

__all__ = [
    "COMPILER",
    "EXPLAINS_ALL",
    "LAUNCH_ARGUMENTS",
    "LAUNCH_NUMBERS",
    "STEPS",
    "Cause",
    "Hint",
    "causes",
    "deepest_hint",
    "joined",
    "next_steps",
    "sketches",
    "telling",
]
