"""Data races: two threads, one cell, at least one write, and no barrier between them.

Each memory instruction that is executed is an *event* with a growing number.
Each cell remembers *stamps* (event and lane) of the accesses that a later one
could race with. Two accesses by threads of one block are ordered when the
block (or, within a warp, ``bar.warp.sync``) passed a barrier after the first;
so a stamp races when it is not older than the lane's last barrier. Stamps are
never cleared: those of earlier launches are older than any barrier.

Plain stores of one value by several threads are told by a name of their own: whichever comes last,
the cell holds that value. "The axioms are sufficient to describe the behavior of a PTX program with
only uniform-size data-races" (PTX ISA, "Limitations on Mixed-size Data-races").

A wait at an mbarrier that races only with one that begins it again, where one is, is told as that
mistake, which it belongs to (``MBARRIER_REUSE``).

Two *strong* accesses (atomics, volatile, relaxed, acquire, release) do not race
(PTX ISA, "Memory Consistency Model"). Accesses of different blocks, and of threads
between barriers, are ordered only where one thread released what it had done and the
other acquired it: `grader.device.checks.happens_before`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.device.checks.check import LaunchCheck
from grader.device.checks.events import (
    MBARRIER_SIZE,
    PAST,
    BarrierPassed,
    MemoryAccess,
    PhaseArrival,
    StrongAccess,
    Watched,
    Wave,
)
from grader.device.checks.happens_before import happens_before_for
from grader.device.checks.history import Cells, EventLog, Order, Shadow
from grader.device.checks.lifetimes import BlockLifetimes, Visit
from grader.device.evidence import Finding, FindingKind, Space
from grader.device.lanes import LANE_MASK, Index, Lanes, Mask


class RaceCheck(LaunchCheck):
    """Reports races in global and shared memory."""

    name = "races"
    _order: Order
    _spaces: dict[Space, SpaceRaces]

    def __init__(self, watched: Watched) -> None:
        super().__init__(watched)
        self._begun_again: set[int] = set()
        self._log: EventLog | None = None
        self._lifetimes: BlockLifetimes | None = None

    def begin(self, wave: Wave) -> None:
        watched = self.watched
        shadow = watched.memory.kept(Shadow)
        if self._log is None:
            self._log = EventLog(shadow.clock)
        order = self._order = _kept_order(wave)
        if watched.fences and order.happens_before is None:
            within = not (watched.communicates or watched.clusters)
            order.happens_before = happens_before_for(
                wave.block, copies=watched.copies, within=within
            )
        order.communicates = watched.communicates
        order.begin_wave(self._log, wave.first_block)
        cells = shadow.cells(watched.memory, watched.global_granule)
        self._spaces = {Space.GLOBAL: SpaceRaces(self, cells, order, across_blocks=True)}
        if wave.shared_bytes:
            cells = _kept_cells(wave, watched.shared_granule)
            races = SpaceRaces(self, cells, order, across_blocks=watched.clusters, in_wave=True)
            self._spaces[Space.SHARED] = races
        if watched.clusters and order.happens_before is not None:
            self._lifetimes = BlockLifetimes(wave, order.happens_before, self._tell_absent)

    def load(self, access: MemoryAccess) -> None:
        races = self._spaces.get(access.region.space)
        if races is not None:
            races.watch(access)

    store = load
    atomic = load

    def remote(self, access: MemoryAccess, blocks: Index) -> None:
        if self._lifetimes is not None:
            self._lifetimes.visit(access, blocks, self._order.now + 1)

    def exit(self, lanes: Lanes) -> None:
        if self._lifetimes is not None:
            self._lifetimes.ended(lanes.index)

    def _tell_absent(self, visit: Visit, count: int, block: int, what: str) -> None:
        instruction = visit.instruction
        address, cell, where = visit.region.locate(visit.offset, instruction.size)
        _, _, name = self._who(block * self.wave.threads)
        self._report(
            FindingKind.ABSENT_BLOCK,
            instruction.pc,
            visit.lane,
            f"{PAST[instruction.kind]} {where} of {name.rpartition(' of ')[2]}, {what}",
            count=count,
            space=Space.SHARED,
            access=instruction.kind,
            address=address,
            cell=cell,
            array=visit.region.named(visit.offset, instruction.size)[0],
            size=instruction.size,
        )

    def arrived(self, access: MemoryAccess) -> None:
        self._spaces[Space.SHARED].arrived(access)

    def waited(self, lanes: Index) -> None:
        if self._order.happens_before is not None:
            self._order.happens_before.waited(lanes, self._order.now)

    def phase_arrival(self, arrival: PhaseArrival) -> None:
        if self._order.happens_before is not None:
            self._order.happens_before.arrive(arrival, self._order.now)

    def phase_passed(self, phase: int, lanes: Index, *, acquire: bool) -> None:
        if self._order.happens_before is not None:
            self._order.happens_before.see(phase, lanes, self._order.now, acquire=acquire)

    def strong(self, access: StrongAccess) -> None:
        order, now = self._order.happens_before, self._order.now
        if order is None:
            return
        where = (access.space, access.at, access.lanes)
        if access.instruction.kind == "read":
            order.read(*where, now, access.ordering)
        elif access.instruction.kind == "write":
            order.write(*where, now, access.ordering)
        else:
            assert access.wrote is not None
            order.update(*where, access.wrote, now, access.ordering)

    def fence(self, lanes: Index, *, device: bool) -> None:
        if self._order.happens_before is not None:
            self._order.happens_before.fence(lanes, self._order.now, device=device)

    def barrier(self, passed: BarrierPassed) -> None:
        self._order.barrier(None if passed.lanes.full else passed.lanes.index)

    def warp_barrier(self, lanes: Index) -> None:
        self._order.warp_barrier(lanes)

    def misused(self, pc: int, lanes: Index, what: str, kind: FindingKind) -> None:
        if kind is FindingKind.MBARRIER_REUSE:
            self._begun_again.add(pc)

    def tell(self, access: MemoryAccess, hit: Mask, clashes: list[_Clash]) -> None:
        """Report the lanes of an access that race with what cells remember."""
        same = self._same_value(access, hit, clashes)
        again = self._begins_again(access, hit, clashes)
        for kind, lanes in (
            (FindingKind.RACE, hit & ~same & ~again),
            (FindingKind.SAME_VALUE_RACE, same & ~again),
            (FindingKind.MBARRIER_REUSE, again),
        ):
            if lanes.any():
                self._tell(kind, access, lanes, clashes)

    def _begins_again(self, access: MemoryAccess, hit: Mask, clashes: list[_Clash]) -> Mask:
        """The lanes of those where a wait meets one that begins a valid mbarrier again."""
        again = np.zeros_like(hit)
        opcode = self.watched.place(access.instruction.pc).opcode
        begins, waits = opcode.startswith(_BEGINS), opcode.startswith(_WAITS)
        if access.region.space is not Space.SHARED or not (begins or waits):
            return again
        at = np.broadcast_to(np.asarray(access.at), hit.shape)
        for k in np.flatnonzero(hit).tolist():
            others = [self._order.party(int(c.prior[k]))[2] for c in clashes if c.hit[k]]
            if begins:
                valid = int(at[k]) // MBARRIER_SIZE * MBARRIER_SIZE in self.wave.mbarriers
                waiting = (self.watched.place(pc).opcode.startswith(_WAITS) for pc in others)
                again[k] = valid and all(waiting)
            else:
                again[k] = self._begun_again.issuperset(others)
        return again

    def _same_value(self, access: MemoryAccess, hit: Mask, clashes: list[_Clash]) -> Mask:
        """The lanes of those that race whose store leaves what others have stored there."""
        same = np.zeros_like(hit)
        if access.instruction.kind == "write" and all(clash.role == "write" for clash in clashes):
            same |= hit
            for clash in clashes:
                winners = clash.prior & LANE_MASK if clash.together else None
                same &= ~clash.hit | access.leaves(winners)
        return same

    def _tell(
        self, kind: FindingKind, access: MemoryAccess, hit: Mask, clashes: list[_Clash]
    ) -> None:
        instruction = access.instruction

        def make() -> Finding:
            k = int(np.argmax(hit))
            clash = next(clash for clash in clashes if clash.hit[k])
            block, thread, name = self._who(int(access.lanes.index[k]))
            other = self._order.party(int(clash.prior[k]))
            other_place = self.watched.place(other[2])
            other_block, other_thread, other_name = self.watched.recorder.who(*other[:2])
            address, cell, where = access.locate(k)
            if other_block == block:
                other_name = other_name.rpartition(" of block ")[0]
                between = "with no barrier between the two"
            elif access.region.space is Space.SHARED:
                between = "with no barrier of their cluster between the two"
            elif self.watched.clusters:
                between = "and no barrier of a cluster orders the two"
            else:
                between = "and nothing orders different blocks within a launch"
            same = " (the same value)" if kind is FindingKind.SAME_VALUE_RACE else ""
            return Finding(
                kind=kind,
                message=f"{name} {PAST[instruction.kind]} {where}, which {other_name} "
                f"{PAST[_ACCESS_OF_ROLE[clash.role]]}{same}, {between}",
                kernel=self.watched.recorder.kernel,
                block=block,
                thread=thread,
                space=access.region.space,
                access=instruction.kind,
                address=address,
                cell=cell,
                array=access.array(k),
                size=instruction.size,
                other_block=other_block,
                other_thread=other_thread,
                other_access=_ACCESS_OF_ROLE[clash.role],
                other_ptx_line=other_place.line,
                other_source=other_place.source,
            )

        self.watched.recorder.add(
            kind,
            self.watched.place(instruction.pc),
            int(np.count_nonzero(hit)),
            make,
            space=access.region.space,
            access=instruction.kind,
        )


def _kept_order(wave: Wave) -> Order:
    order: Order | None = wave.kept.get(Order)
    if order is None:
        order = wave.kept[Order] = Order(wave.block, wave.warp, wave.threads)
    return order


def _kept_cells(wave: Wave, granule: int) -> Cells:
    """The stamps of shared memory. Stale ones are older than any barrier."""
    cells: Cells | None = wave.kept.get(Cells)
    if cells is None:
        cells = wave.kept[Cells] = Cells(wave.shared_bytes, granule)
    return cells


@dataclass(frozen=True, slots=True)
class _Clash:
    """Which lanes race with the access that each cell remembers in a role."""

    hit: Mask
    prior: Index
    role: str
    together: bool = False
    """Whether the other access is of the same instruction."""


class SpaceRaces:
    """Compares the accesses to one space with what its cells remember.

    Args:
        check: Is told of races.
        cells: The stamps.
        order: Says which accesses are ordered.
        across_blocks: Whether several blocks see one cell, and
        in_wave: whether only while they are in flight.
    """

    def __init__(
        self,
        check: RaceCheck,
        cells: Cells,
        order: Order,
        *,
        across_blocks: bool,
        in_wave: bool = False,
    ) -> None:
        self._check = check
        self._cells = cells
        self._order = order
        self._across_blocks = across_blocks
        self._in_wave = in_wave

    def watch(self, access: MemoryAccess) -> None:
        """One element of an access, before memory changes."""
        order, granule = self._order, self._cells.granule
        base = order.event(access.instruction.pc)
        lanes = None if access.lanes.full else access.lanes.index
        stamps = base + (order.lane if lanes is None else lanes)
        flat: Any = access.at
        first = flat // granule if granule & (granule - 1) else flat >> granule.bit_length() - 1
        for part in range(max(access.instruction.size // granule, 1)):
            self._watch_cells(access, first + part if part else first, lanes, stamps)

    def arrived(self, access: MemoryAccess) -> None:
        """A word that was copied asynchronously: others must know of it before they use it.

        Whoever used it since the copy began was told of that then.
        """
        order, granule = self._order, self._cells.granule
        stamps = order.event(access.instruction.pc) + access.lanes.index + len(order.lane)
        write = self._cells.role("write")
        for part in range(max(access.instruction.size // granule, 1)):
            write[access.at // granule + part] = stamps

    def _watch_cells(
        self, access: MemoryAccess, at: Index, lanes: Index | None, stamps: Index
    ) -> None:
        kind = access.instruction.kind, access.instruction.strong
        cells, order = self._cells, self._order
        clashes: list[_Clash] = []
        for role in _RIVALS[kind]:
            if cells.has(role):
                prior = cells.role(role)[at]
                hit = order.racing(
                    prior, lanes, across_blocks=self._across_blocks, in_wave=self._in_wave
                )
                if hit.any():
                    clashes.append(_Clash(hit, prior, role))
        if kind == ("write", False):
            write = cells.role("write")
            write[at] = stamps
            now = write[at]
            hit = now != stamps
            if hit.any():
                clashes.append(_Clash(hit, now, "write", together=True))
        else:
            self._remember(_ROLES[kind], at, stamps)
        if clashes:
            hit = np.logical_or.reduce([clash.hit for clash in clashes])
            self._check.tell(access, hit, clashes)

    def _remember(self, roles: tuple[str, str], at: Index, stamps: Index) -> None:
        """Keep two stamps of different lanes in each cell, if there were two."""
        first, second = (self._cells.role(role) for role in roles)
        before = first[at]
        first[at] = stamps
        now = first[at]
        others = now != stamps
        if others.any():
            second[at[others]] = stamps[others]
        # The lane that was there before stays as the second one, unless it is the same.
        start = self._order.launch_start
        kept = (before >= start) & ((before ^ now) & LANE_MASK != 0)
        if kept.any():
            second[at[kept]] = before[kept]
        if self._across_blocks and roles[0] == "read1":
            self._remember_far(at, before, now, stamps, others, kept)

    def _remember_far(
        self, at: Index, before: Index, now: Index, stamps: Index, others: Mask, kept: Mask
    ) -> None:
        """Keep a reader of another block than the last reader's."""
        far = self._cells.role("far")
        block = self._order.block
        top = len(block) - 1
        wave_start = self._order.wave_start
        mine = block[np.minimum(now & LANE_MASK, top)]
        for candidates, chosen in ((before, kept), (stamps, others)):
            if chosen.any():
                theirs = block[np.minimum(candidates & LANE_MASK, top)]
                away = chosen & ((theirs != mine) | (candidates < wave_start))
                far[at[away]] = candidates[away]


_BEGINS = "mbarrier.init"
_WAITS = ("mbarrier.test_wait", "mbarrier.try_wait")
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
_ACCESS_OF_ROLE = {
    "write": "write",
    **dict.fromkeys((*_READERS, *_WATCHES), "read"),
    **dict.fromkeys(_UPDATES, "atomic"),
}
