"""Asynchronous copies that have begun and have not arrived.

The bytes arrive when the thread that asked for them waits, and not before. On a
GPU they may arrive earlier, by chance; only waiting makes sure of it, a barrier
does not (PTX ISA, "cp.async", "cp.async.wait_group"). So a kernel that does not
wait reads what was there before, on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.device.lanes import Lanes

Arrive = Callable[[NDArray[np.bool_]], None]
"""Writes what some of the lanes asked for: one bool for each lane that asked."""


@dataclass(slots=True)
class _Copy:
    """Copies that lanes asked for with one instruction.

    Attributes:
        group: For each of these lanes, which of its groups they belong to.
        waits: For each of these lanes, whether they are still under way.
    """

    lanes: Lanes
    arrive: Arrive
    group: NDArray[np.int64]
    waits: NDArray[np.bool_]


class PendingCopies:
    """The copies that are under way.

    Args:
        total: Lanes in flight.
    """

    def __init__(self, total: int) -> None:
        self._committed: NDArray[np.int64] = np.zeros(total, dtype=np.int64)
        """How many groups each lane has made."""
        self._copies: list[_Copy] = []

    def reset(self) -> None:
        """Other blocks take over the lanes."""
        self._committed.fill(0)
        self._copies.clear()

    def begin(self, lanes: Lanes, arrive: Arrive) -> None:
        """Lanes ask for a copy each; ``arrive`` is called once for each of them, or never."""
        group = lanes.take(self._committed).copy()
        self._copies.append(_Copy(lanes, arrive, group, np.ones(lanes.count, dtype=np.bool_)))

    def commit(self, lanes: Lanes) -> None:
        """What lanes have asked for since they last did this becomes a group."""
        lanes.put(self._committed, lanes.take(self._committed) + 1)

    def wait(self, lanes: Lanes, *, but: int) -> None:
        """The groups of these lanes arrive, except for the last ``but``."""
        self._let_arrive(lanes, self._committed - but)

    def wait_for_all(self, lanes: Lanes) -> None:
        """All copies of these lanes arrive, in a group or not."""
        self._let_arrive(lanes, self._committed + 1)

    def any_of(self, lanes: NDArray[np.bool_]) -> bool:
        """Whether a copy that one of these lanes asked for is under way."""
        return any((copy.waits & lanes[copy.lanes.index]).any() for copy in self._copies)

    def _let_arrive(self, lanes: Lanes, before: NDArray[np.int64]) -> None:
        for copy in self._copies:
            index = copy.lanes.index
            arrived = copy.waits & lanes.mask[index] & (copy.group < before[index])
            if arrived.any():
                copy.waits &= ~arrived
                copy.arrive(arrived)
        self._copies = [copy for copy in self._copies if copy.waits.any()]
