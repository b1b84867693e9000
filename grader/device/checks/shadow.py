"""Who accessed a cell last: the race check's shadow of memory, which outlives launches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.device.addresses import Arena
from grader.device.checks.order import LANE_BITS, EventClock
from grader.device.lanes import Index
from grader.device.memory import GlobalMemory
from grader.device.touched import Ranges, Touched, merged, of_cells

_STALE_BYTES = 64 << 20
"""After so many bytes of new buffers, the shadow is cleared."""
_TOUCHED = {"read": "read1", "written": "write", "watched": "watch1", "updated": "update1"}
"""Of `Touched`, the role in `Cells` that has the last access."""


class Cells:
    """Stamps of a space's cells of ``granule`` bytes, each role an array made on first use.

    Roles: ``write``; ``read1`` and ``read2``, two readers that differ whenever two did;
    ``far``, a reader of another block than ``read1``'s; ``update1`` and ``update2``, strong
    writes; ``watch1`` and ``watch2``, strong reads.
    """

    def __init__(self, size: int, granule: int) -> None:
        self.granule = granule
        self._bytes = -(-(size // granule + 1) * 8 // 65536) * 65536
        self._roles: dict[str, Index] = {}
        self._arenas: list[Arena] = []

    def clear(self) -> None:
        """Forget all stamps and hand their pages back."""
        for arena in self._arenas:
            arena.zero(0, arena.size)

    def role(self, name: str) -> Index:
        """The stamps of a role."""
        found = self._roles.get(name)
        if found is None:
            self._arenas.append(Arena(self._bytes))
            found = self._roles[name] = self._arenas[-1].words(8).view(np.int64)
        return found

    def has(self, name: str) -> bool:
        """Whether anything ever had this role."""
        return name in self._roles


class Shadow:
    """Of one device's global memory, and the clock of its events.

    It says also what launches on several streams have touched (`grader.device.streams`). It keeps
    who accessed a cell last. That is enough for launches that follow each other on one stream:
    what is ordered with the last of them is with all.
    """

    def __init__(self) -> None:
        self.clock = EventClock()
        self._cells: dict[int, Cells] = {}
        self._allocated = 0
        self._forgotten = 0

    def cells(self, memory: GlobalMemory, granule: int) -> Cells:
        """The stamps of cells of this size. Those of long ago are forgotten."""
        if memory.allocated_ever - self._allocated > _STALE_BYTES:
            for cells in self._cells.values():
                cells.clear()
            self._allocated = memory.allocated_ever
            self._forgotten = self.clock.event
        if granule not in self._cells:
            self._cells[granule] = Cells(memory.window, granule)
        return self._cells[granule]

    def touched(self, memory: GlobalMemory, firsts: Sequence[int]) -> list[Touched] | None:
        """What each launch touched, in what is allocated now, and no later one after it.

        Args:
            memory: The memory that this is the shadow of.
            firsts: The number of each launch's first event, in order.

        Returns:
            None where it is forgotten.
        """
        if firsts[0] <= self._forgotten:
            return None
        found: list[dict[str, list[Ranges]]] = [{kind: [] for kind in _TOUCHED} for _ in firsts]
        starts = np.array(firsts, dtype=np.int64) << LANE_BITS
        for cells in self._cells.values():
            for kind, role in _TOUCHED.items():
                if cells.has(role):
                    for allocation in memory.live():
                        part = slice(allocation.start, allocation.stop)
                        _look(cells, role, part, starts, [each[kind] for each in found])
        return [Touched(**{kind: merged(parts) for kind, parts in each.items()}) for each in found]


def _look(cells: Cells, role: str, part: slice, starts: Index, found: list[list[Ranges]]) -> None:
    """For each launch, add the cells in a part of memory that it was the last to access."""
    first = part.start // cells.granule
    stamps = cells.role(role)[first : -(-part.stop // cells.granule)]
    recent = np.flatnonzero(stamps >= starts[0])
    launches = np.searchsorted(starts, stamps[recent], side="right") - 1
    for launch in np.unique(launches).tolist():
        found[launch].append(of_cells(recent[launches == launch] + first, cells.granule))
