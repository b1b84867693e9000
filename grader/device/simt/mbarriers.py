"""``mbarrier`` instructions, and ``cp.async.mbarrier.arrive``.

What PTX leaves undefined is told to the checks. Where nothing sensible is left to go on with, the
launch ends; a GPU would hang, or go on with rubbish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.events import MBARRIER_SIZE, MemoryInstruction, PhaseArrival
from grader.device.cuda import CudaResult, KernelFault
from grader.device.evidence import FindingKind, Space
from grader.device.lanes import Index, Lanes
from grader.device.ptx.model import Address, Operand
from grader.device.simt.accesses import CLUSTER
from grader.device.simt.addressing import AddressOperand, ResolvedAccess
from grader.device.simt.binding import Binding, BoundStep
from grader.device.simt.phases import MOST_ARRIVALS, Mbarrier, MbarrierMisused, OwedArrival

_U32 = np.dtype(np.uint32)
_U64 = np.dtype(np.uint64)
_PARITY = np.uint64(63)
"""The bit of a state that is the parity of its phase."""
_SPACES = frozenset({"shared", "shared::cta"})
_WAITS = ("test_wait", "try_wait")
_ARRIVES = ("arrive", "arrive_drop")
_KINDS = {"init": "write", "inval": "write", **dict.fromkeys(_WAITS, "read")}
_QUALIFIERS = {
    "init": frozenset[str](),
    "inval": frozenset[str](),
    "expect_tx": frozenset({"relaxed", "cta", "cluster"}),
    "complete_tx": frozenset({"relaxed", "cta", "cluster"}),
    **dict.fromkeys(_WAITS, frozenset({"parity", "acquire", "relaxed", "cta", "cluster"})),
    **dict.fromkeys(
        _ARRIVES, frozenset({"noComplete", "expect_tx", "release", "relaxed", "cta", "cluster"})
    ),
}


def bind_mbarrier(binding: Binding) -> BoundStep:
    """``mbarrier``: its life, arrivals and waits.

    Raises:
        UnsupportedByDevice: Any other ``mbarrier``.
    """
    parts = binding.site.instruction.modifiers
    if parts == ("pending_count", "b64"):
        return _pending_count(binding)
    if len(parts) < 2 or parts[0] not in _QUALIFIERS or parts[-1] != "b64":
        raise binding.site.unsupported()
    what, said = parts[0], frozenset(parts[1:-1])
    far = {CLUSTER} if what in (*_ARRIVES, "expect_tx", "complete_tx") else set()
    if not said <= _QUALIFIERS[what] | _SPACES | far:
        raise binding.site.unsupported()
    if what in _WAITS:
        return _wait(binding, said, most=4 if what == "try_wait" else 3)
    if what in _ARRIVES:
        return _arrive(binding, said, drop=what == "arrive_drop")
    if what == "inval":
        (operand,) = binding.operands(1)
        return _each(binding, operand, what, said, None, _Ends(binding))
    operand, amount = binding.operands(2)
    counts = binding.source(amount, _U32)
    if what == "init":
        return _each(binding, operand, what, said, counts, _Begins(binding))
    sign = 1 if what == "expect_tx" else -1
    return _each(binding, operand, what, said, counts, _Transacts(binding, sign))


def bind_copy_arrival(binding: Binding) -> BoundStep:
    """``cp.async.mbarrier.arrive``: an arrival when the thread's copies so far are complete."""
    said = frozenset(binding.site.instruction.modifiers[3:-1])
    if binding.site.instruction.modifiers[-1] != "b64" or not said <= {"noinc", *_SPACES}:
        raise binding.site.unsupported()
    (operand,) = binding.operands(1)
    return _each(binding, operand, "arrive", said, None, _Owes(binding, noinc="noinc" in said))


class _Meeting:
    """The lanes of one instruction that use one mbarrier, in the order of their turns.

    Attributes:
        places: Which of the instruction's lanes they are, and
        lanes: their numbers.
        amounts: For each of them, the count, state or parity that it gives.
    """

    def __init__(self, at: int, places: Index, lanes: Index, amounts: NDArray[Any]) -> None:
        self.at = at
        self.places = places
        self.lanes = lanes
        self.amounts = amounts


class _Use:
    """What an instruction does with one mbarrier. The results of lanes are 0 where not set."""

    def __init__(self, binding: Binding) -> None:
        self.machine = binding.machine
        self.pc = binding.site.pc

    def __call__(self, group: _Meeting, word: int, results: NDArray[np.uint64]) -> int:
        """Do it; returns what the mbarrier's bytes hold then."""
        raise NotImplementedError

    def misused(
        self, lanes: Index, what: str, kind: FindingKind = FindingKind.MBARRIER_MISUSE
    ) -> None:
        """Tell the checks."""
        for tell in self.machine.observers.misused:
            tell(self.pc, lanes, what, kind)

    def arrived(self, arrival: PhaseArrival) -> None:
        """Tell the checks of arrivals."""
        for tell in self.machine.observers.phase_arrival:
            tell(arrival)


class _Begins(_Use):
    def __call__(self, group: _Meeting, word: int, results: NDArray[np.uint64]) -> int:
        if group.at in self.machine.mbarriers.valid:
            what = "began an mbarrier where one is (no mbarrier.inval)"
            self.misused(group.lanes[:1], what, FindingKind.MBARRIER_REUSE)
        if len(group.lanes) > 1:
            self.misused(group.lanes[1:], "began an mbarrier that another thread begins as well")
        return self.machine.mbarriers.begin(group.at, int(group.amounts[-1])).word


class _Ends(_Use):
    def __call__(self, group: _Meeting, word: int, results: NDArray[np.uint64]) -> int:
        one = self.machine.mbarriers.find(group.at, word)
        if one.owed:
            self.misused(group.lanes[:1], "ended an mbarrier at which copies were yet to arrive")
        del self.machine.mbarriers.valid[group.at]
        return word


class _Transacts(_Use):
    def __init__(self, binding: Binding, sign: int) -> None:
        super().__init__(binding)
        self._sign = sign

    def __call__(self, group: _Meeting, word: int, results: NDArray[np.uint64]) -> int:
        one = self.machine.mbarriers.find(group.at, word)
        for amount in group.amounts.tolist():
            self.machine.mbarriers.transact(one, self._sign * amount)
        self.machine.mbarriers.acted(group.lanes)
        return one.word


class _Arrives(_Use):
    def __init__(self, binding: Binding, said: frozenset[str], *, drop: bool) -> None:
        super().__init__(binding)
        self._drop = drop
        self._transacts = "expect_tx" in said
        self._incomplete = "noComplete" in said
        self._release = "relaxed" not in said

    def __call__(self, group: _Meeting, word: int, results: NDArray[np.uint64]) -> int:
        mbarriers = self.machine.mbarriers
        one = mbarriers.find(group.at, word)
        count, lanes = int(group.amounts[0]), group.lanes
        plain = not (self._transacts or self._incomplete or self._drop)
        if plain and (group.amounts == count).all() and 0 < count * len(lanes) <= one.pending:
            # As one by one, and faster: they all arrive in this phase.
            earlier = np.arange(len(lanes), dtype=np.uint64) * np.uint64(count)
            results[group.places] = np.uint64(one.word) - earlier
            number = one.number
            self.arrived(PhaseArrival(number, one.before, lanes, self._release))
            mbarriers.arrive(one, count * len(lanes))
            mbarriers.arrived(number, lanes, completed=one.number != number)
            return one.word
        phase, began = (one.number, one.before), 0
        for k, amount in enumerate(group.amounts.tolist()):
            results[group.places[k]] = one.word
            if self._transacts:
                one.tx += amount
            mbarriers.arrive(one, 1 if self._transacts else amount, drop=self._drop)
            if one.number != phase[0]:
                if self._incomplete:
                    self.misused(group.lanes[k : k + 1], "completed a phase by .noComplete")
                self.arrived(PhaseArrival(*phase, group.lanes[began : k + 1], self._release))
                mbarriers.arrived(phase[0], group.lanes[began : k + 1], completed=True)
                phase, began = (one.number, one.before), k + 1
        if began < len(group.lanes):
            self.arrived(PhaseArrival(*phase, group.lanes[began:], self._release))
            mbarriers.arrived(phase[0], group.lanes[began:], completed=False)
        return one.word


class _Owes(_Use):
    """Arrivals of copies: they come as late as they may, when somebody asks for the phase."""

    def __init__(self, binding: Binding, *, noinc: bool) -> None:
        super().__init__(binding)
        self._noinc = noinc

    def __call__(self, group: _Meeting, word: int, results: NDArray[np.uint64]) -> int:
        one = self.machine.mbarriers.find(group.at, word)
        if not self._noinc:
            one.pending += len(group.lanes)
            if one.pending > MOST_ARRIVALS:
                raise MbarrierMisused(f"made an mbarrier wait for {one.pending} arrivals")
        one.owed.append(OwedArrival(group.lanes, self.machine.copies.begun))
        return one.word


class _Asks(_Use):
    """A wait, whose answer is as late as it may be.

    A thread that has arrived and asks at once may do so before the last one has arrived. So it is
    told once that the phase is not complete, also where all threads run side by side: whoever does
    not ask again goes on without having waited.
    """

    def __init__(self, binding: Binding, said: frozenset[str]) -> None:
        super().__init__(binding)
        self._parity = "parity" in said
        self._acquire = "relaxed" not in said

    def __call__(self, group: _Meeting, word: int, results: NDArray[np.uint64]) -> int:
        one = self.machine.mbarriers.find(group.at, word)
        if not self._parity:
            self._look_at(one, group)
        over = self._over(one, group)
        if not over.all():
            self._pay(one)
            over = self._over(one, group)
        over &= ~self.machine.mbarriers.may_be_early(one, group.lanes)
        results[group.places] = over
        if one.before and over.any():
            for tell in self.machine.observers.phase_passed:
                tell(one.before, np.sort(group.lanes[over]), acquire=self._acquire)
        return one.word

    def _over(self, one: Mbarrier, group: _Meeting) -> NDArray[np.bool_]:
        """For each lane, whether the phase that it asks for is complete."""
        parities = group.amounts if self._parity else group.amounts >> _PARITY
        return np.asarray((parities & 1) != one.parity)

    def _look_at(self, one: Mbarrier, group: _Meeting) -> None:
        """Tell of states for which nobody can ask."""
        wrong = ~one.knows(group.amounts)
        if wrong.any():
            what = "asked an mbarrier for a state that no arrival at it gave in this phase or the "
            lanes = np.sort(group.lanes[wrong])
            self.misused(lanes, what + "last", FindingKind.MBARRIER_STATE)

    def _pay(self, one: Mbarrier) -> None:
        """Let copies arrive, where that completes the phase."""
        machine = self.machine
        for owed in one.debts():
            machine.copies.arrive_of(owed.lanes, owed.copies)
            arrival = PhaseArrival(one.number, one.before, owed.lanes, copies=True)
            self.arrived(arrival)
            machine.mbarriers.arrive(one, len(owed.lanes))


def _each(
    binding: Binding,
    operand: Operand,
    what: str,
    said: frozenset[str],
    amounts: Any,
    use: _Use,
    put: Callable[[Lanes, NDArray[np.uint64]], None] | None = None,
) -> BoundStep:
    """A step that lets lanes use mbarriers, those of one mbarrier together."""
    if not isinstance(operand, Address):
        raise binding.error("no address")
    kind = _KINDS.get(what, "atomic")
    access = MemoryInstruction(binding.site.pc, kind, MBARRIER_SIZE, strong=kind != "write")
    space = Space.SHARED if said & _SPACES or CLUSTER in said else None
    address = AddressOperand(binding, operand, space, access, cluster=CLUSTER in said)

    def run(lanes: Lanes) -> None:
        for resolved in address.resolve(lanes):
            results = np.zeros(resolved.lanes.count, dtype=np.uint64)
            given = np.broadcast_to(_of(resolved.lanes, amounts), (resolved.lanes.count,))
            if resolved.region.space is not Space.SHARED:
                use.misused(resolved.lanes.index, "used an mbarrier that is not in shared memory")
                raise KernelFault(CudaResult.LAUNCH_FAILED)
            address.watch(resolved, resolved.flat, 0, given)
            words = resolved.region.data[MBARRIER_SIZE]
            for group in _groups(address, resolved, given):
                cell = group.at // MBARRIER_SIZE
                try:
                    words[cell] = use(group, int(words[cell]), results)
                except MbarrierMisused as misuse:
                    use.misused(np.sort(group.lanes), misuse.what)
                    raise KernelFault(CudaResult.LAUNCH_FAILED) from None
            if kind != "read":
                address.mark(resolved, resolved.flat // MBARRIER_SIZE)
            if put is not None:
                put(resolved.lanes, results)

    return binding.step(BoundStep(partial(run, binding.machine.everyone), run))


def _of(lanes: Lanes, values: Any) -> Any:
    if values is None:
        return np.uint64(1)
    return lanes.take(values) if isinstance(values, np.ndarray) else values


def _groups(
    address: AddressOperand, resolved: ResolvedAccess, given: NDArray[Any]
) -> Iterator[_Meeting]:
    turns = address.turns(resolved.lanes)
    places = np.arange(resolved.lanes.count) if turns is None else turns
    flat = np.broadcast_to(np.asarray(resolved.flat), (resolved.lanes.count,))[places]
    for at in np.unique(flat).tolist():
        mine = places[flat == at]
        yield _Meeting(at, mine, resolved.lanes.index[mine], given[mine])


def _arrive(binding: Binding, said: frozenset[str], *, drop: bool) -> BoundStep:
    """``mbarrier.arrive`` and ``arrive_drop``, which give the state from before."""
    destination, operand, *rest = binding.operands(2, 3)
    if {"expect_tx", "noComplete"} & said and not rest:
        raise binding.error("no count")
    amounts = binding.source(rest[0], _U32) if rest else None
    out = binding.destination(destination, _U64)
    use = _Arrives(binding, said, drop=drop)
    return _each(
        binding, operand, "arrive", said, amounts, use, lambda lanes, found: lanes.put(out, found)
    )


def _wait(binding: Binding, said: frozenset[str], *, most: int) -> BoundStep:
    """``mbarrier.test_wait`` and ``try_wait``. Both answer at once: a wait may be cut short."""
    destination, operand, wanted, *_ = binding.operands(3, most)
    amounts = binding.source(wanted, _U32 if "parity" in said else _U64)
    out = binding.destination(destination, np.dtype(np.bool_))
    machine, pc = binding.machine, binding.site.pc

    def put(lanes: Lanes, found: NDArray[np.uint64]) -> None:
        lanes.put(out, found != 0)
        waits = lanes.pick(found == 0)
        if waits is not None:
            machine.mbarriers.polled(waits, pc)

    return _each(binding, operand, "test_wait", said, amounts, _Asks(binding, said), put)


def _pending_count(binding: Binding) -> BoundStep:
    """``mbarrier.pending_count``: what a state says."""
    destination, state = binding.operands(2)
    out, value = binding.destination(destination, _U32), binding.source(state, _U64)

    def run(lanes: Lanes) -> None:
        lanes.put(out, (_of(lanes, value) & np.uint64(MOST_ARRIVALS)).astype(np.uint32))

    return binding.step(BoundStep(partial(run, binding.machine.everyone), run))
