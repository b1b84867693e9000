"""The history of accesses: numbered events, what orders them, and who accessed a cell last.

Each memory instruction that is executed is an *event* with a growing number. A *stamp* is an event
and a lane in one number. Comparing stamps tells what a barrier covers, so nothing ever has to be
cleared. The race check's shadow of memory holds a stamp for each cell, and outlives launches. So it
also tells which bytes a launch has `Touched`, which is compared for work on several streams.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import Arena
from grader.device.checks.happens_before import HappensBefore
from grader.device.lanes import LANE_BITS, LANE_MASK, Index, Mask
from grader.device.memory import GlobalMemory


class EventClock:
    """Numbers the events of one device. It never goes back, since shadows outlive launches."""

    def __init__(self) -> None:
        self.event = 1

    def tick(self) -> int:
        """The number of a new event."""
        self.event += 1
        return self.event


class EventLog:
    """The events and waves of one launch."""

    def __init__(self, clock: EventClock) -> None:
        self.clock = clock
        self.first_event = clock.event + 1
        self.pcs = array("i")
        """Program counter of each event."""
        self.waves: list[tuple[int, int]] = []
        """First event and first block of each wave."""


class Order:
    """Which accesses of one launch are ordered, by barriers or from thread to thread.

    What a thread copies asynchronously is stamped, when it arrives, with a lane of its own: that of
    the thread plus the number of lanes. The thread itself does not know of it before it waits.

    Args:
        block: For each lane of a wave, its block's place in it.
        warp: For each lane, a number that only its warp has.
        threads: Threads of a block.

    Attributes:
        communicates: Whether threads of different blocks may order what they do.
        since: For each lane, the first stamp that its block's last barrier does not cover.
        warp_since: The same for ``bar.warp.sync``, against lanes of its own warp.
        launch_start: The first stamp of the launch.
        happens_before: The order that threads make by strong accesses, where the program has any.
    """

    def __init__(self, block: Index, warp: Index, threads: int) -> None:
        self.threads = threads
        self.lane = np.arange(len(block), dtype=np.int64)
        self.block = np.tile(block, 2)
        self.warp = np.tile(warp, 2)
        self.communicates = True
        self.since: Index = np.zeros(len(block), dtype=np.int64)
        self.warp_since: Index = np.zeros(len(block), dtype=np.int64)
        self.happens_before: HappensBefore | None = None
        self.log = EventLog(EventClock())

    @property
    def launch_start(self) -> int:
        """The first stamp of the launch. All earlier ones are ordered before it."""
        return self.log.first_event << LANE_BITS

    def begin_wave(self, log: EventLog, first_block: int) -> None:
        """Begin with other blocks in the lanes; ``log`` is the launch's."""
        self.log = log
        event = log.clock.event + 1
        log.waves.append((event, first_block))
        self.since.fill(event << LANE_BITS)
        self.warp_since.fill(event << LANE_BITS)
        if self.happens_before is not None:
            self.happens_before.begin()

    @property
    def wave_start(self) -> int:
        """The first stamp of the current wave."""
        return self.log.waves[-1][0] << LANE_BITS

    def event(self, pc: int) -> int:
        """The base stamp of a new event; add the lane."""
        self.log.pcs.append(pc)
        return self.log.clock.tick() << LANE_BITS

    def barrier(self, lanes: Index | None) -> None:
        """Note that the blocks of these lanes (None for all) have passed a barrier."""
        now = self.log.clock.event + 1 << LANE_BITS
        if lanes is None:
            self.since.fill(now)
        else:
            blocks = np.unique(self.block[lanes])
            self.since.reshape(-1, self.threads)[blocks] = now
        self._joined(self.lane if lanes is None else lanes, self.block)

    def warp_barrier(self, lanes: Index) -> None:
        """Note that these lanes have passed a barrier of their warps."""
        self.warp_since[lanes] = self.log.clock.event + 1 << LANE_BITS
        self._joined(lanes, self.warp)

    def _joined(self, lanes: Index, team: Index) -> None:
        """Note that these lanes have waited for each other, by block or warp."""
        if self.happens_before is not None:
            for each in np.unique(team[lanes]).tolist():
                self.happens_before.barrier(lanes[team[lanes] == each], self.now)

    @property
    def now(self) -> int:
        """The last event."""
        return self.log.clock.event

    def party(self, stamp: int) -> tuple[int, int, int]:
        """Linear block and thread of a stamp, and the program counter of its event."""
        event, lane = stamp >> LANE_BITS, stamp & LANE_MASK
        place = bisect_right(self.log.waves, (event, 1 << 62)) - 1
        block, thread = divmod(lane % len(self.lane), self.threads)
        return self.log.waves[place][1] + block, thread, self.log.pcs[event - self.log.first_event]

    def racing(
        self, stamps: Index, lanes: Index | None, *, across_blocks: bool, in_wave: bool = False
    ) -> Mask:
        """Which of the stamped accesses race with the one that the lane makes now.

        Args:
            across_blocks: Whether other blocks access that memory, too, and
            in_wave: of those only such as are in flight.
        """
        if across_blocks:
            hit: Mask = stamps >= (self.wave_start if in_wave else self.launch_start)
        else:
            hit = stamps >= (self.since if lanes is None else self.since[lanes])
        if not hit.any():
            return hit
        at = np.flatnonzero(hit)
        mine = at if lanes is None else lanes[at]
        hit[at] = self._racing(stamps[at], mine, across_blocks)
        return hit

    def _racing(self, stamps: Index, mine: Index, across_blocks: bool) -> Mask:
        this_wave = stamps >= self.wave_start
        theirs = np.where(this_wave, np.minimum(stamps & LANE_MASK, len(self.block) - 1), 0)
        same_block = this_wave & (self.block[theirs] == self.block[mine])
        waited = stamps < self.since[mine]
        waited |= (self.warp[theirs] == self.warp[mine]) & (stamps < self.warp_since[mine])
        ordered = same_block & (waited | (theirs == mine))
        if self.happens_before is not None:
            # Earlier waves are over. Order between threads of different waves is not followed.
            known = self.happens_before.ordered(stamps >> LANE_BITS, theirs, mine)
            ordered |= np.where(this_wave, known, self.communicates)
        else:
            # Copies arrive only when their own thread waits.
            ordered |= same_block & (theirs - len(self.lane) == mine)
        result: Mask = ~ordered if across_blocks else same_block & ~ordered
        return result


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
                        _add_cells(cells, role, part, starts, [each[kind] for each in found])
        return [Touched(**{kind: merged(parts) for kind, parts in each.items()}) for each in found]


def _add_cells(
    cells: Cells, role: str, part: slice, starts: Index, found: list[list[Ranges]]
) -> None:
    """For each launch, add the cells in a part of memory that it was the last to access."""
    first = part.start // cells.granule
    stamps = cells.role(role)[first : -(-part.stop // cells.granule)]
    recent = np.flatnonzero(stamps >= starts[0])
    launches = np.searchsorted(starts, stamps[recent], side="right") - 1
    for launch in np.unique(launches).tolist():
        found[launch].append(of_cells(recent[launches == launch] + first, cells.granule))


Ranges = NDArray[np.int64]
"""Rows of start and stop, sorted and without overlaps."""

_NONE: Ranges = np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Touched:
    """Bytes, by how they were accessed.

    Attributes:
        watched: Strong reads (volatile, relaxed, acquire), and
        updated: strong writes and atomics. Such accesses do not race with each other.
    """

    read: Ranges
    written: Ranges
    watched: Ranges
    updated: Ranges


NOTHING = Touched(_NONE, _NONE, _NONE, _NONE)


class Clash(NamedTuple):
    """Bytes that two operations touch and at least one of them changes."""

    start: int
    stop: int
    first_writes: bool
    second_writes: bool


def of_ranges(
    *, read: Sequence[tuple[int, int]] = (), written: Sequence[tuple[int, int]] = ()
) -> Touched:
    """What a copy or a memset touches; the ranges of one kind do not overlap."""
    return Touched(_rows(read), _rows(written), _NONE, _NONE)


def of_cells(cells: NDArray[np.int64], granule: int) -> Ranges:
    """The bytes of cells of ``granule`` bytes, which are sorted and differ."""
    if not len(cells):
        return _NONE
    edges = np.flatnonzero(np.diff(cells) != 1) + 1
    starts = cells[np.concatenate([[0], edges])]
    stops = cells[np.concatenate([edges - 1, [len(cells) - 1]])] + 1
    return np.stack([starts, stops], axis=1) * granule


def clashes(first: Touched, second: Touched) -> Iterator[Clash]:
    """Where two operations meet, and the accesses are not both strong ones."""
    pairs = (
        (first.written, second.written, True, True),
        (first.written, second.updated, True, True),
        (first.updated, second.written, True, True),
        (first.written, second.read, True, False),
        (first.read, second.written, False, True),
        (first.written, second.watched, True, False),
        (first.watched, second.written, False, True),
        (first.updated, second.read, True, False),
        (first.read, second.updated, False, True),
    )
    for one, two, first_writes, second_writes in pairs:
        for start, stop in _common(one, two):
            yield Clash(start, stop, first_writes, second_writes)


def may_wait(first: Touched, second: Touched) -> bool:
    """Whether one may wait for what the other does: both make strong accesses to a cell."""
    pairs = (
        (first.updated, second.updated),
        (first.updated, second.watched),
        (first.watched, second.updated),
    )
    return any(True for one, two in pairs for _ in _common(one, two))


def merged(parts: Sequence[Ranges]) -> Ranges:
    """All of the ranges, sorted and without overlaps."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return _NONE
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    reach = np.maximum.accumulate(rows[:, 1])
    fresh = np.concatenate([[True], rows[1:, 0] > reach[:-1]])
    last = np.concatenate([np.flatnonzero(fresh)[1:] - 1, [len(rows) - 1]])
    return np.stack([rows[fresh, 0], reach[last]], axis=1)


def _common(one: Ranges, two: Ranges) -> Iterator[tuple[int, int]]:
    """For each range of the one, the first bytes that are in a range of the other as well."""
    if not len(one) or not len(two):
        return
    place = np.searchsorted(two[:, 1], one[:, 0], side="right")
    inside = place < len(two)
    chosen, rows = two[place[inside]], one[inside]
    starts, stops = np.maximum(chosen[:, 0], rows[:, 0]), np.minimum(chosen[:, 1], rows[:, 1])
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if start < stop:
            yield start, stop


def _rows(ranges: Sequence[tuple[int, int]]) -> Ranges:
    rows = sorted(each for each in ranges if each[0] < each[1])
    return np.array(rows, dtype=np.int64).reshape(-1, 2) if rows else _NONE
