"""From the interpreter to the checks: who is told of which event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from grader.device.checks.check import LaunchCheck
from grader.device.checks.events import (
    BarrierPassed,
    FaultyAccess,
    MemoryAccess,
    StrongAccess,
    Watched,
    Wave,
)
from grader.device.lanes import Index, Lanes, Mask

CheckTypes = tuple[type[LaunchCheck], ...]


class Observers:
    """The checks of one launch: for each event, the methods of those that want it.

    The interpreter calls each of them. Of most events nobody wants to know, and then it does
    not even describe them.

    Args:
        checks: The checks.
        watched: The launch.

    Attributes:
        accesses: `LaunchCheck.load`, `store` and `atomic`, by the kind of access.
    """

    refused: Sequence[Callable[[str], None]]
    missing: Sequence[Callable[[int, str], None]]
    exceeded: Sequence[Callable[[int, int, str], None]]
    load: Sequence[Callable[[MemoryAccess], None]]
    store: Sequence[Callable[[MemoryAccess], None]]
    atomic: Sequence[Callable[[MemoryAccess], None]]
    unwritten: Sequence[Callable[[MemoryAccess, Mask], None]]
    outside: Sequence[Callable[[FaultyAccess], None]]
    misaligned: Sequence[Callable[[FaultyAccess], None]]
    strong: Sequence[Callable[[StrongAccess], None]]
    fence: Sequence[Callable[..., None]]
    barrier: Sequence[Callable[[BarrierPassed], None]]
    warp_barrier: Sequence[Callable[[Index], None]]
    stuck: Sequence[Callable[[Index, Index], None]]
    call: Sequence[Callable[[int, str, Lanes], None]]
    overflow: Sequence[Callable[[int, Lanes, int], None]]
    trap: Sequence[Callable[[int, Lanes, str], None]]
    exit: Sequence[Callable[[Lanes], None]]

    def __init__(self, checks: CheckTypes, watched: Watched) -> None:
        self._checks = [check(watched) for check in checks]
        for event, wanted in _listeners(checks).items():
            setattr(self, event, [getattr(self._checks[k], event) for k in wanted])
        self.accesses = {"read": self.load, "write": self.store, "atomic": self.atomic}

    def begin(self, wave: Wave) -> None:
        """Other blocks begin."""
        for check in self._checks:
            check.wave = wave
            check.begin(wave)


EVENTS = tuple(
    name
    for name, value in vars(LaunchCheck).items()
    if callable(value) and not name.startswith("_")
)
"""The names of all events."""


def listens(checks: CheckTypes, event: str) -> bool:
    """Whether any of the checks wants to know of an event."""
    return bool(_listeners(checks)[event])


@lru_cache(maxsize=64)
def _listeners(checks: CheckTypes) -> dict[str, tuple[int, ...]]:
    """For each event, which of the checks define it."""

    def defines(check: Any, event: str) -> bool:
        return getattr(check, event) is not getattr(LaunchCheck, event)

    return {
        event: tuple(k for k, check in enumerate(checks) if defines(check, event))
        for event in EVENTS
        if event != "begin"
    }
