"""Accesses to the shared memory of another block of the cluster, which may not be there.

"Accessing data in distributed shared memory requires all the thread blocks to exist": all must have
begun before, and none may end before (CUDA C++ Programming Guide, "Distributed Shared Memory").
A barrier of the cluster makes certain of both. `grader.device.checks.races` uses this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grader.device.checks.events import MemoryAccess, MemoryInstruction, WatchedRegion, Wave
from grader.device.checks.happens_before import HappensBefore
from grader.device.lanes import Index

Report = Callable[["Visit", int, int, str], None]
"""Takes the first access, how many there are, whose memory it is, and what is wrong with it."""
NOT_BEGUN = "which may not have begun"
MAY_END = "which may have ended by then"
HAS_ENDED = "which has ended"


@dataclass(frozen=True, slots=True)
class Visit:
    """An access of a lane to the memory of another block, and where in it."""

    instruction: MemoryInstruction
    region: WatchedRegion
    lane: int
    offset: int


class _Visits:
    """The last access of each lane to the memory of a block.

    Args:
        lanes: How many there are.

    Attributes:
        events: For each lane, the event; 0 where there is none.
    """

    def __init__(self, lanes: int) -> None:
        self.events: Index = np.zeros(lanes, dtype=np.int64)
        self._offsets: Index = np.zeros(lanes, dtype=np.int64)
        self._places: Index = np.zeros(lanes, dtype=np.int64)
        self._seen: dict[int, tuple[MemoryInstruction, WatchedRegion]] = {}

    def add(self, access: MemoryAccess, which: Index, now: int) -> None:
        """Note accesses of these of the lanes."""
        lanes = access.lanes.index[which]
        offsets = np.broadcast_to(np.asarray(access.offsets), (access.lanes.count,))
        self.events[lanes], self._offsets[lanes] = now, offsets[which]
        self._places[lanes] = access.instruction.pc
        self._seen[access.instruction.pc] = (access.instruction, access.region)

    def last_of(self, lane: int) -> Visit:
        """The last access of a lane that has made one."""
        return Visit(*self._seen[int(self._places[lane])], lane, int(self._offsets[lane]))


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
        self._visits: dict[int, _Visits] = {}
        """By block."""

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
            unknown = ~self._order.know(lanes[mine], members, 1).any(axis=1)
            if unknown.any():
                self._tell(access, mine[unknown], block, NOT_BEGUN)
                continue
            if block not in self._visits:
                self._visits[block] = _Visits(len(self._wave.block))
            self._visits[block].add(access, mine, now)

    def ended(self, lanes: Index) -> None:
        """Threads have ended; where all of a block have, it must know of all accesses."""
        for block in np.unique(self._wave.block[lanes]).tolist() if self._visits else ():
            members = self._members(block)
            if block not in self._visits or not self._wave.exited[members].all():
                continue
            visits = self._visits.pop(block)
            visitors = np.flatnonzero(visits.events)
            known = self._order.know(members, visitors, visits.events[visitors]).any(axis=0)
            late = visitors[~known]
            if len(late):
                self._report(visits.last_of(int(late[0])), len(late), block, MAY_END)

    def _tell(self, access: MemoryAccess, which: Index, block: int, what: str) -> None:
        k = int(which[0])
        lane = int(access.lanes.index[k])
        first = Visit(access.instruction, access.region, lane, access.offset(k))
        self._report(first, len(which), block, what)

    def _members(self, block: int) -> Index:
        threads = self._wave.threads
        return np.arange(block * threads, (block + 1) * threads)
