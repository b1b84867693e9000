"""Accesses to the shared memory of another block of the cluster, which may not be there.

"Accessing data in distributed shared memory requires all the thread blocks to exist": all must have
begun before, and none may end before (CUDA C++ Programming Guide, "Distributed Shared Memory").
A barrier of the cluster makes certain of both. `grader.device.checks.races` uses this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grader.device.checks.events import MemoryAccess, Wave
from grader.device.checks.happens_before import HappensBefore
from grader.device.lanes import Index, Mask

Report = Callable[[MemoryAccess, int, int, int, str], None]
"""Takes an access, which of its lanes, how many, whose memory, and what is wrong with it."""
NOT_BEGUN = "which may not have begun"
MAY_END = "which may have ended by then"
HAS_ENDED = "which has ended"


@dataclass(frozen=True, slots=True)
class _Visit:
    """The last access of a thread to the memory of a block."""

    event: int
    access: MemoryAccess
    k: int


class BlockLifetimes:
    """Compares accesses with when blocks begin and end.

    Args:
        wave: The blocks in flight.
        order: Who knows of whom.
        report: Is told.
    """

    def __init__(self, wave: Wave, order: HappensBefore, report: Report) -> None:
        self._wave = wave
        self._order = order
        self._report = report
        self._visits: dict[int, dict[int, _Visit]] = {}
        """By block, and by the lane that accessed its memory."""

    def visit(self, access: MemoryAccess, blocks: Index, now: int) -> None:
        """Lanes access the shared memory of these blocks."""
        lanes = access.lanes.index
        away = blocks != self._wave.block[lanes]
        for block in np.unique(blocks[away]).tolist():
            mine = np.flatnonzero(away & (blocks == block))
            members = self._members(block)
            if self._wave.exited[members].all():
                self._tell(access, mine, block, HAS_ENDED)
                continue
            unknown = ~self._order.know(lanes[mine], members, np.ones(len(members), np.int64))
            if unknown.any():
                self._tell(access, mine[unknown], block, NOT_BEGUN)
                continue
            visits = self._visits.setdefault(block, {})
            for k in mine.tolist():
                visits[int(lanes[k])] = _Visit(now, access, k)

    def ended(self, lanes: Index) -> None:
        """Threads have ended; where all of a block have, it must know of all accesses."""
        for block in np.unique(self._wave.block[lanes]).tolist() if self._visits else ():
            members = self._members(block)
            if block not in self._visits or not self._wave.exited[members].all():
                continue
            visits = self._visits.pop(block)
            visitors = np.array(list(visits), dtype=np.int64)
            events = np.array([each.event for each in visits.values()], dtype=np.int64)
            known: Mask = np.zeros(len(visitors), dtype=np.bool_)
            for k, (visitor, event) in enumerate(zip(visitors, events, strict=True)):
                known[k] = self._order.know(members, visitor[None], event[None]).any()
            late = visitors[~known]
            if len(late):
                first = visits[int(late[0])]
                self._report(first.access, first.k, len(late), block, MAY_END)

    def _tell(self, access: MemoryAccess, which: Index, block: int, what: str) -> None:
        self._report(access, int(which[0]), len(which), block, what)

    def _members(self, block: int) -> Index:
        threads = self._wave.threads
        return np.arange(block * threads, (block + 1) * threads)
