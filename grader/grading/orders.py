"""The same case with its blocks and threads in other orders: nothing may depend on that.

On a GPU, blocks and threads run in whichever order it happens. The software device runs a
case in one of several legal orders (`grader.device.schedules`), so that what a kernel
leaves to chance shows, though the plain order gives the right answer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grader.device import schedules
from grader.grading.executor import CaseRun
from grader.grading.observe import Observation, Problem, no_output_title
from grader.puzzles.definition import Part, Puzzle

TITLE = "a race: the order of blocks and threads decides"

_TWICE = 16
"""Shapes of the assigned part that are tried in two other orders; further ones in one."""


def others(place: int, part: Part, random: np.random.Generator) -> tuple[int, ...]:
    """Schedules to try besides the plain one, for the case at this place of a sweep."""
    drawn = int(random.integers(schedules.FIRST_RANDOM, schedules.MOST))
    if part is Part.ROBUST or place >= _TWICE:
        return (drawn if place % 2 else schedules.REVERSED,)
    return (schedules.REVERSED, schedules.IN_TURN if place % 2 else drawn)


def compared(puzzle: Puzzle, plain: Observation, other: Observation, schedule: int) -> Observation:
    """The second of two runs of a case with the one problem that it shows, if it does.

    Args:
        puzzle: What is graded.
        plain: The case in the plain order, with output, and clean.
        other: The same case, run with the same contents of unwritten memory.
        schedule: The order of ``other``.
    """
    detail = _difference(plain, other, schedule)
    robust = puzzle.part(other.case.shape.sizes) is Part.ROBUST
    check = "robust" if robust else "clean"
    problems = (Problem(check=check, title=TITLE, detail=detail),) if detail else ()
    return replace(other, problems=problems)


def by_itself(other: Observation, schedule: int) -> Observation:
    """A run whose difference did not come again in the same order."""
    detail = (
        f"the same inputs, twice with {schedules.in_words(schedule)}, gave two results: the second "
        "is the usual one, so what the program does changes from call to call"
    )
    problems = tuple(
        replace(each, title="not reproducible", detail=detail) for each in other.problems
    )
    return replace(other, problems=problems)


def _difference(plain: Observation, other: Observation, schedule: int) -> str:
    first, second = schedules.in_words(schedules.PLAIN), schedules.in_words(schedule)
    output, again = plain.run.output, other.run.output
    if again is None or output is None:
        why = _why(other.run)
        return f"with {first}, the case ends with output; with {second}, there is {why}"
    unclean = other.problem("clean") or other.problem("robust")
    if unclean is not None and unclean.detail and other.comparison is not None:
        return f"{unclean.detail}; so it is with {second}, and not with {first}"
    return _elements(output, again, first, second)


def _why(run: CaseRun) -> str:
    return f"{no_output_title(run)} ({run.message})" if run.message else no_output_title(run)


def _elements(
    output: NDArray[np.generic], again: NDArray[np.generic], first: str, second: str
) -> str:
    size = output.itemsize
    bits = np.frombuffer(output.tobytes(), dtype=f"u{size}")
    other_bits = np.frombuffer(again.tobytes(), dtype=f"u{size}")
    differ = np.flatnonzero(bits != other_bits)
    if not len(differ):
        return ""
    k = int(differ[0])
    return (
        f"with {first}, output[{k}] is {output.ravel()[k]}; "
        f"with {second}, the same inputs give {again.ravel()[k]}"
    )
