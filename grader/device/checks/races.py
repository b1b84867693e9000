"""Data races: two threads, one cell, at least one write, and no barrier between them.

Each memory instruction that is executed is an *event* with a growing number.
Each cell remembers *stamps* (event and lane) of the accesses that a later one
could race with. Two accesses by threads of one block are ordered when the
block (or, within a warp, ``bar.warp.sync``) passed a barrier after the first;
so a stamp races when it is not older than the lane's last barrier. Stamps are
never cleared: those of earlier launches are older than any barrier.

Two *strong* accesses (atomics, volatile, relaxed, acquire, release) do not race
(PTX ISA, "Memory Consistency Model"). Accesses of different blocks, and of threads
between barriers, are ordered only where one thread released what it had done and the
other found that out: `grader.device.checks.handover`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grader.device.arena import Arena
from grader.device.checks.access import PAST, Access, Index, Wave
from grader.device.checks.order import LANE_MASK, Mask, Order
from grader.device.evidence import Finding, FindingKind, Space


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
        kept = (before >= start) & ((before ^ now) & LANE_MASK != 0)
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
        mine = block[np.minimum(now & LANE_MASK, top)]
        for candidates, chosen in ((before, kept), (stamps, others)):
            if chosen.any():
                theirs = block[np.minimum(candidates & LANE_MASK, top)]
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
                other_lane = int(clash.prior[place]) & LANE_MASK if clash.together else None
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
