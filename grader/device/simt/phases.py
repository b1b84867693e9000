"""The mbarriers of the blocks in flight: counts and phases (PTX ISA, "mbarrier").

An mbarrier is 8 bytes of shared memory. What is in them is opaque. Here they hold what
``mbarrier.arrive`` gives a thread as the state: the parity of the phase, its number, and how many
arrivals it waits for. So an mbarrier that something else overwrote is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from grader.device.lanes import Index, Lanes, Mask

MOST_ARRIVALS = (1 << 20) - 1
"""PTX ISA, "Contents of the mbarrier object": counts, and what the tx-count is between."""
_NUMBER_SHIFT = 20
_NUMBER_BITS = 43
_MOST_POLLS = 4000
"""How often each thread may find that a phase is not complete while nobody arrives anywhere."""


class MbarrierMisused(Exception):
    """Some lanes use an mbarrier in a way that leaves nothing to go on with.

    Args:
        what: A verb and its object.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(slots=True)
class OwedArrival:
    """Arrivals that come when copies of these lanes are complete.

    Attributes:
        copies: How many copies had been asked for: those are waited for.
    """

    lanes: Index
    copies: int


@dataclass(slots=True)
class Mbarrier:
    """One mbarrier.

    Attributes:
        expected: How many arrivals each later phase waits for, and
        pending: this one still does.
        tx: What asynchronous transactions of this phase have still to bring.
        number: Of the current phase, and
        before: of the one before it; 0 where there was none.
        owed: Arrivals of copies that were not complete when somebody last looked.
    """

    expected: int
    pending: int
    number: int
    before: int = 0
    parity: int = 0
    tx: int = 0
    owed: list[OwedArrival] = field(default_factory=list)

    @property
    def word(self) -> int:
        """What its 8 bytes hold."""
        return self.parity << 63 | self.number << _NUMBER_SHIFT | self.pending

    @property
    def complete(self) -> bool:
        """Whether the current phase is: "pending arrivals == 0" and "tx-count == 0"."""
        return self.pending == self.tx == 0

    def knows(self, states: NDArray[np.uint64]) -> Mask:
        """Whether each state is one of the current phase or the one before it."""
        numbers = states >> np.uint64(_NUMBER_SHIFT) & np.uint64((1 << _NUMBER_BITS) - 1)
        known: Mask = (numbers == self.number) | (numbers == self.before) & (numbers != 0)
        return known

    def debts(self) -> Iterator[OwedArrival]:
        """The arrivals of copies that would complete the phase, which are then no longer owed."""
        if self.tx or sum(len(each.lanes) for each in self.owed) < self.pending:
            return
        missing = self.pending
        while missing:
            first = self.owed.pop(0)
            if len(first.lanes) > missing:
                self.owed.insert(0, OwedArrival(first.lanes[missing:], first.copies))
                first = OwedArrival(first.lanes[:missing], first.copies)
            missing -= len(first.lanes)
            yield first


class Mbarriers:
    """All mbarriers of the blocks in flight.

    Args:
        total: Lanes in flight.

    Attributes:
        valid: By the index of their first byte in shared memory's data.
    """

    def __init__(self, total: int) -> None:
        self.valid: dict[int, Mbarrier] = {}
        self._total = total
        self._phases = 0
        self._polls: NDArray[np.int32] | None = None
        self._fresh: NDArray[np.int64] | None = None
        self._places: Index = np.zeros(total, dtype=np.int64)

    def reset(self) -> None:
        """Forget all: other blocks take over."""
        self.valid.clear()
        self._polls = None
        self._fresh = None

    def begin(self, at: int, count: int) -> Mbarrier:
        """Make an mbarrier.

        Raises:
            MbarrierMisused: The count is not one.
        """
        if not 1 <= count <= MOST_ARRIVALS:
            raise MbarrierMisused(f"began an mbarrier that waits for {count} arrivals")
        made = self.valid[at] = Mbarrier(count, count, self._next())
        return made

    def find(self, at: int, word: int) -> Mbarrier:
        """The mbarrier whose bytes are ``word``.

        Raises:
            MbarrierMisused: There is none.
        """
        found = self.valid.get(at)
        if found is None:
            raise MbarrierMisused("used an mbarrier where none had begun (mbarrier.init)")
        if found.word != word:
            raise MbarrierMisused("used an mbarrier that something else had overwritten")
        return found

    def arrive(self, one: Mbarrier, count: int, *, drop: bool = False) -> None:
        """Count arrivals; the phase may be complete then.

        Raises:
            MbarrierMisused: It does not wait for so many.
        """
        if not 1 <= count <= one.pending or (drop and count > one.expected):
            raise MbarrierMisused(
                f"arrived {count} times at an mbarrier that waits for {one.pending} arrivals more"
            )
        one.pending -= count
        one.expected -= count if drop else 0
        self.settle(one)

    def arrived(self, phase: int, lanes: Index, *, completed: bool) -> None:
        """Note that lanes have arrived in a phase; whether the last of them completed it."""
        if self._fresh is None:
            self._fresh = np.zeros(self._total, dtype=np.int64)
        self._fresh[lanes] = phase
        if completed:
            self._fresh[lanes[-1]] = 0

    def acted(self, lanes: Index) -> None:
        """Note that lanes did something else by which they may know of others' arrivals."""
        if self._fresh is not None:
            self._fresh[lanes] = 0

    def may_be_early(self, one: Mbarrier, lanes: Index) -> Mask:
        """Which lanes may have asked for the phase that is over before it was; each lane once.

        It is those that have arrived in it, have not completed it, and have done nothing since by
        which they may know that it is over.
        """
        if self._fresh is None or not one.before:
            return np.zeros(len(lanes), dtype=np.bool_)
        early = np.asarray(self._fresh[lanes] == one.before)
        self._fresh[lanes] = 0
        return early

    def transact(self, one: Mbarrier, size: int) -> None:
        """Change the tx-count.

        Raises:
            MbarrierMisused: It leaves its range.
        """
        if abs(one.tx + size) > MOST_ARRIVALS:
            raise MbarrierMisused(f"took the tx-count of an mbarrier to {one.tx + size}")
        one.tx += size
        self.settle(one)

    def settle(self, one: Mbarrier) -> None:
        """Begin the next phase where this one is complete."""
        self._polls = None
        if one.complete:
            one.before, one.number = one.number, self._next()
            one.parity ^= 1
            one.pending = one.expected

    @property
    def asked(self) -> bool:
        """Whether somebody asked in vain since anything changed."""
        return self._polls is not None

    def polled(self, lanes: Lanes, pc: int) -> None:
        """Note that these lanes asked at ``pc`` for a phase that is not complete."""
        if self._polls is None:
            self._polls = np.zeros(self._total, dtype=np.int32)
        self._polls[lanes.index] += 1
        self._places[lanes.index] = pc

    def stuck(self, ended: Mask, waiting: Mask) -> tuple[Index, Index] | None:
        """The lanes that ask in vain, and where; None where one may still arrive.

        That is so where all others have ended or wait for these, and each of these has asked very
        often since anything changed.
        """
        if self._polls is None:
            return None
        asking = (self._polls > _MOST_POLLS) & ~ended
        if not asking.any() or not (asking | ended | waiting).all():
            return None
        lanes = np.flatnonzero(asking)
        return lanes, self._places[lanes]

    def _next(self) -> int:
        self._phases += 1
        return self._phases
