"""Data races: two threads, one cell, at least one write, and no barrier between them.

Each memory instruction that is executed is an *event* with a growing number.
Each cell remembers *stamps* (event and lane) of the accesses that a later one
could race with. Two accesses by threads of one block are ordered when the
block (or, within a warp, ``bar.warp.sync``) passed a barrier after the first;
so a stamp races when it is not older than the lane's last barrier. Stamps are
never cleared: those of earlier launches are older than any barrier.

Two *strong* accesses (atomics, volatile, relaxed, acquire, release) do not race
(PTX ISA, "Memory Consistency Model"). Accesses of different blocks are ordered
only where both blocks used strong accesses with fences after the first one.
This errs on the side of silence: it takes any such pair for a handshake.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.device.arena import Arena
from grader.device.checks.access import PAST, Access, Index, Wave
from grader.device.evidence import Finding, FindingKind, Space

LANE_BITS = 24
_LANE = (1 << LANE_BITS) - 1

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Detail:
    """Asked only when there is something to report.

    Attributes:
        locate: From the position of a lane in the access to address, cell and words.
        unchanged: Whether the value that the lane at this position writes is what the cell
            holds, or (with a second lane) what that lane writes too.
    """

    locate: Callable[[int], tuple[int, int | None, str]]
    unchanged: Callable[[int, int | None], bool]


class Clock:
    """Numbers the events of one device; never goes back, since shadows outlive launches."""

    def __init__(self) -> None:
        self.event = 1

    def tick(self) -> int:
        """The number of a new event."""
        self.event += 1
        return self.event


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


class Log:
    """The events and waves of one launch."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.first_event = clock.event + 1
        self.pcs = array("i")
        """Program counter of each event."""
        self.waves: list[tuple[int, int]] = []
        """First event and first block of each wave."""
        self.handshakes: list[int] = []
        """The last handshake in each wave that is over, as a stamp; 0 for none."""


class Order:
    """Which accesses of one launch are ordered by barriers.

    Args:
        lanes: Lanes of a wave.
        threads: Threads of a block.

    Attributes:
        since: For each lane, the first stamp that its block's last barrier does not cover.
        warp_since: The same for ``bar.warp.sync``, against lanes of its own warp.
        launch_start: The first stamp of the launch.
    """

    def __init__(self, lanes: int, threads: int) -> None:
        self.threads = threads
        self.lane = np.arange(lanes, dtype=np.int64)
        self.block = self.lane // threads
        self.warp = self.block * 64 + self.lane % threads // 32
        self.since: Index = np.zeros(lanes, dtype=np.int64)
        self.warp_since: Index = np.zeros(lanes, dtype=np.int64)
        self.synced: Index = np.zeros(lanes // threads, dtype=np.int64)
        self.log = Log(Clock())

    @property
    def launch_start(self) -> int:
        """The first stamp of the launch: all that was before is ordered with all that comes."""
        return self.log.first_event << LANE_BITS

    def begin_wave(self, log: Log, first_block: int) -> None:
        """Other blocks take over the lanes; ``log`` is the launch's."""
        self.log = log
        event = log.clock.event + 1
        log.waves.append((event, first_block))
        self.since.fill(event << LANE_BITS)
        self.warp_since.fill(event << LANE_BITS)
        self.synced.fill(0)

    def end_wave(self) -> None:
        """The blocks have ended."""
        self.log.handshakes.append(int(self.synced.max()))

    @property
    def wave_start(self) -> int:
        """The first stamp of the present wave."""
        return self.log.waves[-1][0] << LANE_BITS

    def event(self, pc: int) -> int:
        """The base stamp of a new event; add the lane."""
        self.log.pcs.append(pc)
        return self.log.clock.tick() << LANE_BITS

    def barrier(self, lanes: Index | None) -> None:
        """The blocks of these lanes (None for all) have passed a barrier."""
        now = self.log.clock.event + 1 << LANE_BITS
        if lanes is None:
            self.since.fill(now)
        else:
            blocks = np.unique(self.block[lanes])
            self.since.reshape(-1, self.threads)[blocks] = now

    def warp_barrier(self, lanes: Index) -> None:
        """These lanes have passed a barrier of their warps."""
        self.warp_since[lanes] = self.log.clock.event + 1 << LANE_BITS

    def handshake(self, lanes: Index) -> None:
        """These lanes made a strong access to global memory, with fences about."""
        self.synced[self.block[lanes]] = self.log.clock.event << LANE_BITS

    def party(self, stamp: int) -> tuple[int, int, int]:
        """Linear block and thread of a stamp, and the program counter of its event."""
        event, lane = stamp >> LANE_BITS, stamp & _LANE
        place = bisect_right(self.log.waves, (event, 1 << 62)) - 1
        block, thread = divmod(lane, self.threads)
        return self.log.waves[place][1] + block, thread, self.log.pcs[event - self.log.first_event]

    def racing(self, stamps: Index, lanes: Index | None, *, across_blocks: bool) -> Mask:
        """Which of the stamped accesses race with one that the lane makes now."""
        since = self.since if lanes is None else self.since[lanes]
        hit: Mask = stamps >= (self.launch_start if across_blocks else since)
        if not hit.any():
            return hit
        at = np.flatnonzero(hit)
        mine = at if lanes is None else lanes[at]
        hit[at] = self._racing(stamps[at], mine, across_blocks)
        return hit

    def _racing(self, stamps: Index, mine: Index, across_blocks: bool) -> Mask:
        this_wave = stamps >= self.wave_start
        theirs = np.where(this_wave, np.minimum(stamps & _LANE, len(self.lane) - 1), 0)
        same_block = this_wave & (self.block[theirs] == self.block[mine])
        ordered = stamps < self.since[mine]
        ordered |= (self.warp[theirs] == self.warp[mine]) & (stamps < self.warp_since[mine])
        result: Mask = same_block & (theirs != mine) & ~ordered
        if across_blocks:
            result |= ~same_block & ~self._shook_hands(stamps, theirs, this_wave, mine)
        return result

    def _shook_hands(self, stamps: Index, theirs: Index, this_wave: Mask, mine: Index) -> Mask:
        synced = self.synced[self.block[theirs]]
        if not this_wave.all():
            starts = [event for event, _ in self.log.waves]
            waves = np.searchsorted(starts, stamps >> LANE_BITS, side="right") - 1
            ends = np.array([*self.log.handshakes, 0], dtype=np.int64)
            synced = np.where(this_wave, synced, ends[waves])
        result: Mask = (synced > stamps) & (self.synced[self.block[mine]] > stamps)
        return result


@dataclass(frozen=True, slots=True)
class _Clash:
    """Which lanes race with the access that each cell remembers in a role."""

    hit: Mask
    prior: Index
    role: str
    together: bool = False
    """Whether the other access is of the same instruction."""


class RaceCheck:
    """Watches one space.

    Args:
        space: SHARED or GLOBAL; only global memory is visible to other blocks.
        cells: Its stamps.
        order: The launch's barriers.
    """

    def __init__(self, space: Space, cells: Cells, order: Order) -> None:
        self.space = space
        self.cells = cells
        self.order = order
        self.across_blocks = space is Space.GLOBAL

    def watch(
        self, access: Access, wave: Wave, flat: Index, lanes: Index | None, detail: Detail
    ) -> None:
        """Tell of one element of an access, before memory changes.

        Args:
            flat: Index of each lane's first byte in the space.
            lanes: The lanes; None for all.
            detail: Describes what one of them accessed.
        """
        base = self.order.event(access.pc)
        ids = self.order.lane if lanes is None else lanes
        granule = self.cells.granule
        first = flat // granule if granule & (granule - 1) else flat >> granule.bit_length() - 1
        for part in range(max(access.size // granule, 1)):
            at = first + part if part else first
            self._watch_cells(access, wave, at, lanes, base + ids, detail)

    def _watch_cells(
        self,
        access: Access,
        wave: Wave,
        at: Index,
        lanes: Index | None,
        stamps: Index,
        detail: Detail,
    ) -> None:
        clashes: list[_Clash] = []
        for role in _RIVALS[access.kind, access.strong]:
            if self.cells.has(role):
                prior = self.cells.role(role)[at]
                hit = self.order.racing(prior, lanes, across_blocks=self.across_blocks)
                if hit.any():
                    clashes.append(_Clash(hit, prior, role))
        if access.kind == "write" and not access.strong:
            write = self.cells.role("write")
            write[at] = stamps
            now = write[at]
            hit = now != stamps
            if hit.any():
                clashes.append(_Clash(hit, now, "write", together=True))
        else:
            self._remember(_ROLES[access.kind, access.strong], at, lanes, stamps)
        if clashes:
            self._report(access, wave, clashes, lanes, detail)

    def _remember(
        self, roles: tuple[str, str], at: Index, lanes: Index | None, stamps: Index
    ) -> None:
        """Keep two stamps of different lanes in each cell, if there were two."""
        first, second = (self.cells.role(role) for role in roles)
        before = first[at]
        first[at] = stamps
        now = first[at]
        others = now != stamps
        if others.any():
            second[at[others]] = stamps[others]
        # Whoever was there before stays as the second, unless it is the same lane.
        start = self.order.launch_start
        kept = (before >= start) & ((before ^ now) & _LANE != 0)
        if kept.any():
            second[at[kept]] = before[kept]
        if self.across_blocks and roles[0] == "read1":
            self._remember_far(at, before, now, stamps, others, kept)

    def _remember_far(
        self, at: Index, before: Index, now: Index, stamps: Index, others: Mask, kept: Mask
    ) -> None:
        """Keep a reader of another block than the last reader's."""
        far = self.cells.role("far")
        block = self.order.block
        top = len(block) - 1
        wave_start = self.order.wave_start
        mine = block[np.minimum(now & _LANE, top)]
        for candidates, chosen in ((before, kept), (stamps, others)):
            if chosen.any():
                theirs = block[np.minimum(candidates & _LANE, top)]
                away = chosen & ((theirs != mine) | (candidates < wave_start))
                far[at[away]] = candidates[away]

    def _report(
        self,
        access: Access,
        wave: Wave,
        clashes: list[_Clash],
        lanes: Index | None,
        detail: Detail,
    ) -> None:
        union = np.logical_or.reduce([clash.hit for clash in clashes])

        def make() -> Finding:
            place = int(np.argmax(union))
            lane = place if lanes is None else int(lanes[place])
            clash = next(clash for clash in clashes if clash.hit[place])
            block, thread, name = wave.who(lane)
            other = self.order.party(int(clash.prior[place]))
            other_block, other_thread, other_name = wave.recorder.who(*other[:2])
            address, cell, where = detail.locate(place)
            if other_block == block:
                other_name = other_name.rpartition(" of block ")[0]
                between = "with no barrier between the two"
            else:
                between = "and nothing orders different blocks within a launch"
            same = ""
            if access.kind == "write" and clash.role == "write":
                other_lane = int(clash.prior[place]) & _LANE if clash.together else None
                same = " (the same value)" if detail.unchanged(place, other_lane) else ""
            return Finding(
                kind=FindingKind.RACE,
                message=f"{name} {PAST[access.kind]} {where}, which {other_name} "
                f"{_PAST_OF_ROLE[clash.role]}{same}, {between}",
                kernel=wave.recorder.kernel,
                block=block,
                thread=thread,
                space=self.space,
                access=access.kind,
                address=address,
                cell=cell,
                size=access.size,
                other_block=other_block,
                other_thread=other_thread,
                other_ptx_line=wave.line_of(other[2]),
            )

        wave.recorder.add(
            FindingKind.RACE,
            access.place,
            int(np.count_nonzero(union)),
            make,
            space=self.space,
            access=access.kind,
        )


_READERS = ("read1", "read2", "far")
_UPDATES = ("update1", "update2")
_WATCHES = ("watch1", "watch2")
_RIVALS: dict[tuple[str, bool], tuple[str, ...]] = {
    ("read", False): ("write", *_UPDATES),
    ("read", True): ("write",),
    ("write", False): ("write", *_READERS, *_UPDATES, *_WATCHES),
    ("write", True): ("write", *_READERS),
    ("atomic", True): ("write", *_READERS),
}
_ROLES: dict[tuple[str, bool], tuple[str, str]] = {
    ("read", False): ("read1", "read2"),
    ("read", True): _WATCHES,
    ("write", True): _UPDATES,
    ("atomic", True): _UPDATES,
}
_PAST_OF_ROLE = {
    "write": "wrote",
    **dict.fromkeys(_READERS, "read"),
    **dict.fromkeys(_UPDATES, "updated atomically"),
    **dict.fromkeys(_WATCHES, "read"),
}
