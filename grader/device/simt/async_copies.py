"""``cp.async``: copies from global to shared memory that a thread has to wait for.

The source is read when the copy begins. The checks are told of the write then, since it may happen
from then on, and that the bytes arrive when somebody waits for them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.events import MemoryInstruction
from grader.device.evidence import Space
from grader.device.lanes import Lanes
from grader.device.ptx.model import Address, Immediate, Operand, Register
from grader.device.simt.addressing import AddressOperand, ResolvedAccess
from grader.device.simt.binding import Binding, BoundStep
from grader.device.simt.mbarriers import bind_copy_arrival

WORD = 4
"""Bytes that are copied at a time; sizes are multiples of it."""
_SIZES = (4, 8, 16)
_SPACES = {"shared": ("shared", "shared::cta"), "global": ("global",)}
_HINTS = frozenset({"L2::64B", "L2::128B", "L2::256B"})
Words = list[NDArray[np.uint32]]


def bind_async_copy(binding: Binding) -> BoundStep:
    """``cp.async`` without a bulk: the copy, its groups, and what waits for it.

    Raises:
        UnsupportedByDevice: Any other ``cp``.
    """
    parts = binding.site.instruction.modifiers
    copies = binding.machine.copies
    if parts == ("async", "commit_group"):
        return _step(binding, copies.commit)
    if parts == ("async", "wait_all"):
        return _wait(binding, copies.wait_for_all)
    if parts == ("async", "wait_group"):
        (number,) = binding.operands(1)
        if not isinstance(number, Immediate) or number.value < 0:
            raise binding.error("a number of groups that is no constant")
        return _wait(binding, partial(copies.wait, but=number.value))
    if parts[:3] == ("async", "mbarrier", "arrive"):
        return bind_copy_arrival(binding)
    return _bind_copy(binding)


def _step(binding: Binding, run: Callable[[Lanes], None]) -> BoundStep:
    return binding.step(BoundStep(partial(run, binding.machine.everyone), run))


def _wait(binding: Binding, wait: Callable[[Lanes], None]) -> BoundStep:
    machine = binding.machine

    def run(lanes: Lanes) -> None:
        wait(lanes)
        for tell in machine.observers.waited:
            tell(lanes.index)

    return _step(binding, run)


def _bind_copy(binding: Binding) -> BoundStep:
    parts = binding.site.instruction.modifiers
    if (
        len(parts) < 4
        or parts[:2] not in (("async", "ca"), ("async", "cg"))
        or parts[2] not in _SPACES["shared"]
        or parts[3] not in _SPACES["global"]
        or not _HINTS.issuperset(parts[4:])
    ):
        raise binding.site.unsupported()
    to, of, size, *rest = binding.operands(3, 4)
    if not isinstance(to, Address) or not isinstance(of, Address):
        raise binding.error("no address")
    if not isinstance(size, Immediate) or size.value not in _SIZES:
        raise binding.error("a size that is not 4, 8 or 16")
    destination = _address(binding, to, Space.SHARED, "write", size.value // WORD)
    source = _Source(binding, of, size.value, rest[0] if rest else None)
    copies = binding.machine.copies

    def run(lanes: Lanes) -> None:
        words = source.read(lanes)
        (resolved,) = destination.resolve(lanes)
        for k, word in enumerate(words):
            destination.watch(resolved, resolved.flat + k * WORD, k, word)
        for tell in binding.machine.observers.copying:
            for k, word in enumerate(words):
                tell(destination.element(resolved, resolved.flat + k * WORD, k, word))
        copies.begin(lanes, partial(_arrive, destination, resolved, words))

    return _step(binding, run)


def _arrive(
    destination: AddressOperand, resolved: ResolvedAccess, words: Words, arrived: NDArray[np.bool_]
) -> None:
    """Write the words of some of the lanes."""
    if not arrived.all():
        lanes = Lanes(resolved.lanes.index[arrived], resolved.lanes.total)
        offsets = np.broadcast_to(np.asarray(resolved.offsets), arrived.shape)[arrived]
        resolved = ResolvedAccess(
            resolved.region, resolved.space, lanes, offsets, resolved.flat[arrived]
        )
    for k, word in enumerate(words):
        at, values = resolved.flat + k * WORD, word[arrived]
        for tell in destination.machine.observers.arrived:
            tell(destination.element(resolved, at, k, values))
        destination.scatter(resolved, at, values)


class _Source:
    """Where a copy reads.

    Args:
        size: Bytes that are written.
        less: How many are read, the rest being zeros: a number, or a predicate that says
            whether none is.
    """

    def __init__(self, binding: Binding, of: Address, size: int, less: Operand | None) -> None:
        self._binding = binding
        self._size = size
        self._whole = _address(binding, of, Space.GLOBAL, "read", size // WORD)
        self._words = [
            _address(binding, Address(of.base, of.offset + start), Space.GLOBAL, "read", 1)
            for start in range(0, size, WORD)
        ]
        self._bytes: Any = None
        self._ignored: Any = None
        if isinstance(less, Register):
            register = binding.machine.register(binding.site, less.name)
            if register.dtype == np.bool_:
                self._ignored = register
        if less is not None and self._ignored is None:
            self._bytes = binding.source(less, np.dtype(np.uint32))

    def read(self, lanes: Lanes) -> Words:
        """The words, one array over ``lanes`` for each."""
        words = [np.zeros(lanes.count, dtype=np.uint32) for _ in self._words]
        taken = self._taken(lanes)
        whole, part = lanes.split(taken == self._size)
        if whole is not None:
            self._read_whole(whole, np.searchsorted(lanes.index, whole.index), words)
        if part is not None and taken.any():
            for k, address in enumerate(self._words):
                reading = lanes.pick((taken > k * WORD) & (taken < self._size))
                if reading is not None:
                    place = np.searchsorted(lanes.index, reading.index)
                    words[k][place] = _values(address, reading, 0)
        return words

    def _read_whole(self, lanes: Lanes, place: NDArray[np.int64], words: Words) -> None:
        for k, word in enumerate(words):
            word[place] = _values(self._whole, lanes, k)

    def _taken(self, lanes: Lanes) -> NDArray[np.int64]:
        """How many bytes each lane reads."""
        if self._ignored is not None:
            return np.where(lanes.take(self._ignored), 0, self._size)
        if self._bytes is None:
            return np.full(lanes.count, self._size)
        own = lanes.take(self._bytes) if isinstance(self._bytes, np.ndarray) else self._bytes
        taken = np.broadcast_to(np.asarray(own, dtype=np.int64), (lanes.count,))
        if (taken % WORD).any() or (taken > self._size).any():
            raise self._binding.site.unsupported(f"a source of {int(taken.max())} bytes")
        return taken


def _values(address: AddressOperand, lanes: Lanes, k: int) -> NDArray[np.uint32]:
    """The k-th word that each lane reads. The checks are told."""
    (resolved,) = address.resolve(lanes)
    at = resolved.flat + k * WORD
    address.watch(resolved, at, k)
    values: NDArray[np.uint32] = address.gather(resolved, at, k)
    return values


def _address(
    binding: Binding, operand: Address, space: Space, kind: str, words: int
) -> AddressOperand:
    access = MemoryInstruction(binding.site.pc, kind, WORD, words)
    return AddressOperand(binding, operand, space, access)
