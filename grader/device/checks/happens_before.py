"""Which thread knows what another has done: the order that strong accesses and fences make.

Each thread has a vector clock. What a thread has done becomes known to another one when it is
*released* into a place (by a fence, or by the release of a store or an atomic) and the other
*acquires* it from there: by a strong read with ``.acquire``, or by a strong read and a fence after
it (PTX ISA, "Memory Consistency Model": release and acquire patterns, causality order). One
schedule does not show whether the other was certain to find it there. Another schedule may show
that it can come too early.

Barriers are treated more generously than in the manual, since NVIDIA's own samples rely on that
(threadFenceReduction): what a thread has fenced stays fenced for all who meet at a barrier, and
what it has found by a strong read counts as acquired for them.

An mbarrier orders whoever arrived in a phase, and the copies that arrived in it, before whoever saw
that it is complete (PTX ISA, ``mbarrier.test_wait``). What was released in earlier phases is known,
too: arrivals update one place, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from grader.device.checks.events import EXACT_LANES, Ordering, PhaseArrival
from grader.device.evidence import Space
from grader.device.lanes import Index, Mask

MOST_PLACES = 4096
"""Most places that are remembered. If a program releases into more, the oldest is forgotten."""


class HappensBefore(Protocol):
    """The happens-before relation: told of strong accesses, it knows which events they order."""

    def begin(self) -> None:
        """Forget everything: other blocks take over the lanes."""

    def barrier(self, lanes: Index, now: int) -> None:
        """Note that these lanes of one block or warp have passed a barrier together."""

    def fence(self, lanes: Index, now: int, *, device: bool) -> None:
        """Note that these lanes passed a fence."""

    def read(self, space: Space, at: Index, lanes: Index, now: int, ordering: Ordering) -> None:
        """Note that lanes made a strong read of these places."""

    def write(self, space: Space, at: Index, lanes: Index, now: int, ordering: Ordering) -> None:
        """Note that lanes made a strong write, one after the other as given."""

    def update(
        self, space: Space, at: Index, lanes: Index, wrote: Mask, now: int, ordering: Ordering
    ) -> None:
        """Note that lanes updated these places, one after the other.

        Some may have found another value than they wanted, and have not written.
        """

    def waited(self, lanes: Index, now: int) -> None:
        """Note that lanes waited for their own copies."""

    def arrive(self, arrival: PhaseArrival, now: int) -> None:
        """Note that lanes, or copies of theirs, arrived at an mbarrier."""

    def see(self, phase: int, lanes: Index, now: int, *, acquire: bool) -> None:
        """Note that lanes saw that a phase is complete."""

    def know(self, who: Index, of: Index, since: Index | int) -> Mask:
        """Which of the lanes ``who`` know which of the lanes ``of``, each since an event.

        Returns:
            A row for each that may know.
        """

    def ordered(self, events: Index, theirs: Index, mine: Index) -> Mask:
        """Whether these events of other lanes are known to mine.

        ``theirs`` may also be copies; see `Order`.
        """


class _MemoryScope:
    """What is released at one scope: by lane, and into places.

    Attributes:
        fenced: For each lane, what it has fenced.
        found: For each lane, what it has found by strong reads.
        places: What was released into each.
        is_fenced, is_found: Whether there is anything at all.
    """

    def __init__(self, lanes: int, known: int) -> None:
        self.fenced: Index = np.zeros((lanes, known), dtype=np.int64)
        self.found: Index = np.zeros((lanes, known), dtype=np.int64)
        self.places: dict[tuple[Space, int, int], Index] = {}
        self.is_fenced = self.is_found = False

    def clear(self) -> None:
        """Forget all that was released."""
        if self.is_fenced:
            self.fenced.fill(0)
        if self.is_found:
            self.found.fill(0)
        self.is_fenced = self.is_found = False
        self.places.clear()

    def put(self, place: tuple[Space, int, int], row: Index) -> None:
        """Release ``row`` into a place."""
        if place not in self.places and len(self.places) >= MOST_PLACES:
            del self.places[next(iter(self.places))]
        self.places[place] = row


class VectorClocks:
    """A vector clock for each lane.

    Args:
        block: The block of each lane.
        copies: Whether there are asynchronous copies: for each lane one more.
        within: Whether threads order what they do within their block only. Then a clock holds the
            threads of its own block.
    """

    def __init__(self, block: Index, *, copies: bool = False, within: bool = False) -> None:
        self._block = block
        self._within = within
        count = len(block)
        others = int(np.count_nonzero(block == block[0])) if within else count
        lane = np.arange(count, dtype=np.int64) % others
        self._columns = 2 * others if copies else others
        self._column: Index = np.concatenate([lane, lane + others])
        """Where a clock has each lane, and each lane's copies."""
        self._known: Index = np.zeros((count, self._columns), dtype=np.int64)
        """For each lane, the last event of each other lane that it knows of."""
        self._own = _MemoryScope(count, self._columns)
        self._device = _MemoryScope(count, self._columns)
        self._phases: dict[int, Index] = {}
        """What was released in each phase of an mbarrier, and before."""

    def begin(self) -> None:
        self._known.fill(0)
        self._phases.clear()
        self._own.clear()
        self._device.clear()

    def barrier(self, lanes: Index, now: int) -> None:
        for scope in (self._own, self._device):
            self._acquire(scope, lanes)
        joint = self._known[lanes].max(axis=0)
        joint[self._column[lanes]] = now
        self._known[lanes] = joint
        for scope in (self._own, self._device):
            if scope.is_fenced:
                scope.fenced[lanes] = scope.fenced[lanes].max(axis=0)

    def fence(self, lanes: Index, now: int, *, device: bool) -> None:
        scopes = (self._own, self._device) if device else (self._own,)
        for scope in scopes:
            self._acquire(scope, lanes)
        released = self._whole(lanes, now)
        for scope in scopes:
            scope.fenced[lanes] = released
            scope.is_fenced = True

    def read(self, space: Space, at: Index, lanes: Index, now: int, ordering: Ordering) -> None:
        for scope, place, group in self._groups(space, at, lanes, ordering):
            found = scope.places.get(place)
            if found is not None:
                self._find(scope, lanes[group], found, ordering)

    def write(self, space: Space, at: Index, lanes: Index, now: int, ordering: Ordering) -> None:
        for scope, place, group in self._groups(space, at, lanes, ordering):
            last = lanes[group[-1:]]
            scope.put(place, self._released(scope, last, now, ordering)[0])

    def update(
        self, space: Space, at: Index, lanes: Index, wrote: Mask, now: int, ordering: Ordering
    ) -> None:
        groups = list(self._groups(space, at, lanes, ordering))
        rows = [self._released(scope, lanes[group], now, ordering) for scope, _, group in groups]
        for (scope, place, group), released in zip(groups, rows, strict=True):
            before = scope.places.get(place)
            first = np.zeros((1, self._columns), np.int64) if before is None else before[None]
            released[~wrote[group]] = 0
            # Each lane finds what all before it have left: updates keep what was released.
            left = np.maximum.accumulate(np.concatenate([first, released]), axis=0)
            self._find(scope, lanes[group], left[:-1], ordering)
            scope.put(place, left[-1])

    def waited(self, lanes: Index, now: int) -> None:
        self._known[lanes, self._column[lanes + len(self._block)]] = now

    def arrive(self, arrival: PhaseArrival, now: int) -> None:
        lanes, phases = arrival.lanes, self._phases
        if arrival.phase not in phases:
            if len(phases) >= MOST_PLACES:
                del phases[next(iter(phases))]
            nothing = np.zeros(self._columns, dtype=np.int64)
            phases[arrival.phase] = phases.get(arrival.before, nothing).copy()
        released = phases[arrival.phase]
        if arrival.copies:
            released[self._column[lanes + len(self._block)]] = now
            return
        scope = self._device if arrival.across else self._own
        rows = self._whole(lanes, now) if arrival.release else scope.fenced[lanes]
        np.maximum(released, rows.max(axis=0), out=released)

    def see(self, phase: int, lanes: Index, now: int, *, acquire: bool) -> None:
        released = self._phases.get(phase)
        if released is not None:
            self._find(self._own, lanes, released, Ordering(acquire=acquire))

    def know(self, who: Index, of: Index, since: Index | int) -> Mask:
        return np.asarray(self._known[np.ix_(who, self._column[of])] >= since)

    def ordered(self, events: Index, theirs: Index, mine: Index) -> Mask:
        result: Mask = events <= self._known[mine, self._column[theirs]]
        if self._within:
            result &= self._block[theirs % len(self._block)] == self._block[mine]
        return result

    def _find(self, scope: _MemoryScope, lanes: Index, what: Index, ordering: Ordering) -> None:
        """Note that these lanes find what was released into a place."""
        to = self._known if ordering.acquire else scope.found
        scope.is_found |= not ordering.acquire
        to[lanes] = np.maximum(to[lanes], what)

    def _acquire(self, scope: _MemoryScope, lanes: Index) -> None:
        """Make what these lanes have found known to them."""
        if scope.is_found:
            self._known[lanes] = np.maximum(self._known[lanes], scope.found[lanes])

    def _whole(self, lanes: Index, now: int) -> Index:
        """What these lanes know, with what they did themselves."""
        rows = self._known[lanes]
        rows[np.arange(len(lanes)), self._column[lanes]] = now
        return rows

    def _released(self, scope: _MemoryScope, lanes: Index, now: int, ordering: Ordering) -> Index:
        return self._whole(lanes, now) if ordering.release else scope.fenced[lanes]

    def _groups(
        self, space: Space, at: Index, lanes: Index, ordering: Ordering
    ) -> Iterator[tuple[_MemoryScope, tuple[Space, int, int], Index]]:
        """Which of the lanes meet at which place, at each scope: indices into ``lanes``."""
        blocks = self._block[lanes]
        both = at * (int(self._block[-1]) + 1) + blocks
        scopes = [(self._own, both, blocks)]
        if ordering.device:
            scopes.append((self._device, at, np.full_like(blocks, -1)))
        for scope, keys, owners in scopes:
            order = np.argsort(keys, kind="stable")
            edges = np.flatnonzero(np.diff(keys[order])) + 1
            for group in np.split(order, edges):
                first = int(group[0])
                yield scope, (space, int(at[first]), int(owners[first])), group


class _Times:
    """When each thread, or each block, last did something that makes order.

    Attributes:
        fenced: The last fence.
        sent: Up to which event its work was released: by a fence before its last strong write,
            or by that write.
        found: The last strong read.
        acquired: The last strong read that was acquired.
    """

    def __init__(self, count: int) -> None:
        self.fenced: Index = np.zeros(count, dtype=np.int64)
        self.sent: Index = np.zeros(count, dtype=np.int64)
        self.found: Index = np.zeros(count, dtype=np.int64)
        self.acquired: Index = np.zeros(count, dtype=np.int64)

    def clear(self) -> None:
        """Forget all that was done."""
        for times in (self.fenced, self.sent, self.found, self.acquired):
            times.fill(0)

    def read(self, who: Index, now: int, ordering: Ordering) -> None:
        """Note a strong read by these."""
        (self.acquired if ordering.acquire else self.found)[who] = now

    def write(self, who: Index, now: int, ordering: Ordering) -> None:
        """Note a strong write by these."""
        self.sent[who] = now if ordering.release else np.maximum(self.sent[who], self.fenced[who])

    def acquire(self, who: Index) -> None:
        """Count what these have found as known to them."""
        self.acquired[who] = np.maximum(self.acquired[who], self.found[who])


class CoarseHappensBefore:
    """Only asks whether one thread sent and the other acquired, for too many threads to know more.

    It errs on the side of silence: what was sent to one thread counts as sent to all, and between
    blocks what a thread does counts for its whole block.

    Args:
        block: The block of each lane.
    """

    def __init__(self, block: Index) -> None:
        self._lanes = len(block)
        self._block = np.tile(block, 2)
        self._own = _Times(2 * len(block))
        self._device = _Times(int(block[-1]) + 1)

    def begin(self) -> None:
        self._own.clear()
        self._device.clear()

    def barrier(self, lanes: Index, now: int) -> None:
        """`Order` itself knows what was before a barrier."""
        self._own.acquire(lanes)
        self._device.acquire(self._block[lanes])

    def fence(self, lanes: Index, now: int, *, device: bool) -> None:
        for times, who in self._concerned(lanes, device=device):
            times.acquire(who)
            times.fenced[who] = now

    def read(self, space: Space, at: Index, lanes: Index, now: int, ordering: Ordering) -> None:
        for times, who in self._concerned(lanes, device=ordering.device):
            times.read(who, now, ordering)

    def write(self, space: Space, at: Index, lanes: Index, now: int, ordering: Ordering) -> None:
        for times, who in self._concerned(lanes, device=ordering.device):
            times.write(who, now, ordering)

    def update(
        self, space: Space, at: Index, lanes: Index, wrote: Mask, now: int, ordering: Ordering
    ) -> None:
        self.read(space, at, lanes, now, ordering)
        self.write(space, at, lanes[wrote], now, ordering)

    def waited(self, lanes: Index, now: int) -> None:
        self._own.sent[lanes + self._lanes] = now
        self._own.acquired[lanes] = now

    def arrive(self, arrival: PhaseArrival, now: int) -> None:
        if arrival.copies:
            self._own.sent[arrival.lanes + self._lanes] = now
        else:
            for times, who in self._concerned(arrival.lanes, device=arrival.across):
                times.write(who, now, Ordering(release=arrival.release))

    def see(self, phase: int, lanes: Index, now: int, *, acquire: bool) -> None:
        for times, who in self._concerned(lanes, device=True):
            times.read(who, now, Ordering(acquire=acquire))

    def know(self, who: Index, of: Index, since: Index | int) -> Mask:
        return np.ones((len(who), len(of)), dtype=np.bool_)

    def ordered(self, events: Index, theirs: Index, mine: Index) -> Mask:
        their, my = self._block[theirs], self._block[mine]
        own = (self._own.sent[theirs] >= events) & (self._own.acquired[mine] >= events)
        device = (self._device.sent[their] >= events) & (self._device.acquired[my] >= events)
        result: Mask = np.where(their == my, own, device)
        return result

    def _concerned(self, lanes: Index, *, device: bool) -> Iterator[tuple[_Times, Index]]:
        yield self._own, lanes
        if device:
            yield self._device, self._block[lanes]


def happens_before_for(block: Index, *, copies: bool, within: bool) -> HappensBefore:
    """The relation of a wave with these lanes, kept in the way that their number allows.

    With very many threads in flight a clock for each would cost too much.
    """
    if len(block) <= EXACT_LANES:
        return VectorClocks(block, copies=copies, within=within)
    return CoarseHappensBefore(block)
