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
from grader.model.cases import Observation, Problem
from grader.model.domains import Values
from grader.model.part import Scope
from grader.record import Aspect, Chance, OrderShows, ProblemKind

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
    shown = _difference(plain, other)
    if shown is None:
        return replace(other, problems=())
    data: dict[str, int | str] = {**shown, "schedule": schedule}
    told = Problem(kind=ProblemKind.ORDER_DECIDES, aspect=Aspect.CLEAN, data=data)
    return replace(other, problems=(told,))


def by_itself(other: Observation, schedule: int) -> Observation:
    """A run whose difference did not come again in the same order."""
    data: dict[str, int | str] = {"on": Chance.SAME_ORDER.value, "schedule": schedule}
    told = Problem(kind=ProblemKind.NOT_REPRODUCIBLE, aspect=Aspect.CLEAN, data=data)
    return replace(other, problems=(told,) if other.problems else ())


def _difference(plain: Observation, other: Observation) -> dict[str, int | str] | None:
    """How the second differs from the first, as the data of `OrderShows`."""
    outputs, again = plain.run.outputs, other.run.outputs
    if again is None or outputs is None:
        return {
            "shows": OrderShows.NO_OUTPUT.value,
            "ending": other.run.ending.value,
            "said": other.run.message,
        }
    unclean = other.about(Aspect.CLEAN)
    if unclean is not None and unclean.detail:
        return {
            "shows": OrderShows.UNCLEAN.value,
            "problem": unclean.kind.value,
            **unclean.data,
        }
    whole = plain.case.values is Values.INTEGERS
    told = (
        # The order of a sum may round it otherwise, where that is not exact.
        _elements(
            compared.output, output, later, compared.expected.exact & whole | (not other.right)
        )
        for compared, output, later in zip(other.comparisons, outputs, again, strict=True)
    )
    return next(filter(None, told), None)


def _elements(
    name: str,
    output: NDArray[np.generic],
    again: NDArray[np.generic],
    asked: NDArray[np.bool_],
) -> dict[str, int | str] | None:
    size = output.itemsize
    bits = np.frombuffer(output.tobytes(), dtype=f"u{size}")
    other_bits = np.frombuffer(again.tobytes(), dtype=f"u{size}")
    differ = np.flatnonzero((bits != other_bits) & asked.ravel())
    if not len(differ):
        return None
    k = int(differ[0])
    return {
        "shows": OrderShows.VALUES.value,
        "place": f"{name}[{k}]",
        "plain": str(output.ravel()[k]),
        "other": str(again.ravel()[k]),
    }
