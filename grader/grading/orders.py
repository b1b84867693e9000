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
from grader.grading.observe import no_output_title, problem
from grader.model.cases import CaseRun, Observation
from grader.model.domains import Values
from grader.model.part import Scope
from grader.record import Aspect, ProblemKind

_TWICE = 16
"""Shapes of the assigned part that are tried in two other orders; further ones in one."""


def others(place: int, scope: Scope, random: np.random.Generator) -> tuple[int, ...]:
    """Schedules to try besides the plain one, for the case at this place of a sweep."""
    drawn = int(random.integers(schedules.FIRST_RANDOM, schedules.MOST))
    if scope is Scope.ROBUST or place >= _TWICE:
        return (drawn if place % 2 else schedules.REVERSED,)
    return (schedules.REVERSED, schedules.IN_TURN if place % 2 else drawn)


def compared(plain: Observation, other: Observation, schedule: int) -> Observation:
    """The second of two runs of a case with the one problem that it shows, if it does.

    Args:
        plain: The case in the plain order, with output, and clean.
        other: The same case, run with the same contents of unwritten memory.
        schedule: The order of ``other``.
    """
    detail = _difference(plain, other, schedule)
    told = problem(ProblemKind.ORDER_DECIDES, Aspect.CLEAN, detail)
    return replace(other, problems=(told,) if detail else ())


def by_itself(other: Observation, schedule: int) -> Observation:
    """A run whose difference did not come again in the same order."""
    detail = (
        f"the same inputs, twice with {schedules.in_words(schedule)}, gave two results: the second "
        "is the usual one, so what the program does changes from call to call"
    )
    told = problem(ProblemKind.NOT_REPRODUCIBLE, Aspect.CLEAN, detail)
    return replace(other, problems=(told,) if other.problems else ())


def _difference(plain: Observation, other: Observation, schedule: int) -> str:
    first, second = schedules.in_words(schedules.PLAIN), schedules.in_words(schedule)
    outputs, again = plain.run.outputs, other.run.outputs
    if again is None or outputs is None:
        why = _why(other.run)
        return f"with {first}, the case ends with output; with {second}, there is {why}"
    unclean = other.about(Aspect.CLEAN)
    if unclean is not None and unclean.detail:
        return f"{unclean.detail}; so it is with {second}, and not with {first}"
    if plain.case.values is not Values.INTEGERS and other.right:
        return ""  # the order of a sum may round it otherwise
    names = [spec.name for spec in plain.case.part.outputs]
    told = (
        _elements(name, output, later, first, second)
        for name, output, later in zip(names, outputs, again, strict=True)
    )
    return next(filter(None, told), "")


def _why(run: CaseRun) -> str:
    return f"{no_output_title(run)} ({run.message})" if run.message else no_output_title(run)


def _elements(
    name: str, output: NDArray[np.generic], again: NDArray[np.generic], first: str, second: str
) -> str:
    size = output.itemsize
    bits = np.frombuffer(output.tobytes(), dtype=f"u{size}")
    other_bits = np.frombuffer(again.tobytes(), dtype=f"u{size}")
    differ = np.flatnonzero(bits != other_bits)
    if not len(differ):
        return ""
    k = int(differ[0])
    return (
        f"with {first}, {name}[{k}] is {output.ravel()[k]}; "
        f"with {second}, the same inputs give {again.ravel()[k]}"
    )
