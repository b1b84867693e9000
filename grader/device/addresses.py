"""The addresses that the device hands out, and the memory behind them.

Addresses are plain numbers: nothing is mapped there in the process that runs the student's host
code. Between two allocations lies a gap, and a freed address is not handed out again for a long
while, so that an access outside of its buffer meets nothing that is in use.
"""

from __future__ import annotations

import mmap
from bisect import bisect_right, insort
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# mmap.MAP_NORESERVE is missing from Python 3.11; this is its value on Linux.
_NO_RESERVE = int(getattr(mmap, "MAP_NORESERVE", 0x4000))

_WORDS: dict[int, type[np.unsignedinteger[Any]]] = {
    1: np.uint8,
    2: np.uint16,
    4: np.uint32,
    8: np.uint64,
}


class Arena:
    """``size`` bytes of zeros, committed page by page.

    Args:
        size: Bytes; a multiple of the page size.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        self._map = mmap.mmap(-1, size, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        self.bytes: NDArray[np.uint8] = np.frombuffer(self._map, dtype=np.uint8)

    def words(self, width: int) -> NDArray[np.unsignedinteger[Any]]:
        """The arena as unsigned integers of ``width`` bytes (1, 2, 4 or 8)."""
        return self.bytes.view(_WORDS[width])

    def zero(self, start: int, stop: int) -> None:
        """Zero ``[start, stop)`` and hand whole pages back."""
        first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
        last = stop // mmap.PAGESIZE * mmap.PAGESIZE
        if first >= last:
            self.bytes[start:stop] = 0
            return
        self.bytes[start:first] = 0
        self.bytes[last:stop] = 0
        self._map.madvise(mmap.MADV_DONTNEED, first, last - first)


BASE_ADDRESS = 0x7F00_0000_0000
"""Device address of the first byte."""
ALIGNMENT = 256
_LEAST_GAP = 4096
_MOST_GAP = 1 << 20


class HostAccessError(Exception):
    """The host named device memory that it does not own.

    The driver answers CUDA_ERROR_INVALID_VALUE and reports a finding; it is a
    mistake of the program under test, not of ours.
    """

    def __init__(self, what: str, *, address: int, size: int) -> None:
        super().__init__(what)
        self.address = address
        self.size = size


class OutOfDeviceMemory(Exception):
    """There is no room; the driver answers CUDA_ERROR_OUT_OF_MEMORY.

    Attributes:
        asked: Bytes that all allocations would have come to.
    """

    def __init__(self, what: str, *, asked: int) -> None:
        super().__init__(what)
        self.asked = asked


@dataclass(frozen=True, slots=True, order=True)
class Allocation:
    """``[start, stop)`` in bytes from the base address."""

    start: int
    stop: int
    number: int

    @property
    def address(self) -> int:
        return BASE_ADDRESS + self.start

    @property
    def size(self) -> int:
        return self.stop - self.start


class AddressSpace:
    """Which bytes are allocated.

    Args:
        capacity: Bytes that can be allocated at once.
        window: Bytes of address space, several times the capacity. None for four times.

    Attributes:
        allocated_bytes: Bytes of all allocations.
        allocated_ever: Bytes of all allocations so far.
        peak_bytes: Most bytes allocated at once since the last :meth:`reset_peak`.
    """

    def __init__(self, capacity: int, window: int | None) -> None:
        self.capacity = capacity
        self.window = max(window or 4 * capacity, 1 << 20) + 0xFFFF & ~0xFFFF
        self.allocated_bytes = 0
        self.allocated_ever = 0
        self.peak_bytes = 0
        # Which allocation owns each 256 bytes: its number, or 0.
        self._owners: NDArray[np.int32] = (
            Arena(self.window // ALIGNMENT * 4).words(4).view(np.int32)
        )
        self._stops: NDArray[np.int64] = np.zeros(64, dtype=np.int64)
        self._sorted: list[Allocation] = []
        self._numbers: list[int] = []
        self._next_number = 1
        self._cursor = ALIGNMENT

    def allocate(self, size: int) -> int:
        """Reserve ``size`` bytes and return their address, a multiple of 256.

        Raises:
            OutOfDeviceMemory: The capacity is used up.
            HostAccessError: ``size`` is not positive.
        """
        if size <= 0:
            raise HostAccessError(f"allocation of {size} bytes", address=0, size=size)
        if self.allocated_bytes + size > self.capacity:
            raise self._no_room(size, f"{size} bytes asked for, {self.free_bytes} are free")
        return self._add(self._find_room(size), size).address

    def rewind(self) -> None:
        """Hand out again what has been freed, lowest addresses first, as a GPU's driver does."""
        self._cursor = ALIGNMENT

    def place(self, address: int, size: int) -> Allocation:
        """Reserve ``size`` bytes at an address where an allocation was before.

        Raises:
            OutOfDeviceMemory: Something else lies there now.
        """
        start = address - BASE_ADDRESS
        blocks = slice(start // ALIGNMENT, -(-(start + size) // ALIGNMENT))
        if start % ALIGNMENT or start + size > self.window or self._owners[blocks].any():
            raise self._no_room(size, f"{size} bytes at {address:#x} are not free")
        cursor = self._cursor
        allocation = self._add(start, size)
        self._cursor = cursor
        return allocation

    @property
    def free_bytes(self) -> int:
        """Bytes that can still be allocated."""
        return self.capacity - self.allocated_bytes

    def reset_peak(self) -> None:
        """Start counting ``peak_bytes`` anew."""
        self.peak_bytes = self.allocated_bytes

    def live(self) -> tuple[Allocation, ...]:
        """All allocations, by address."""
        return tuple(self._sorted)

    def find(self, address: int) -> Allocation | None:
        """The allocation that holds the byte at ``address``."""
        offset = address - BASE_ADDRESS
        allocation = self.before(offset)
        return allocation if allocation is not None and offset < allocation.stop else None

    def before(self, offset: int) -> Allocation | None:
        """The last allocation that begins at or before ``offset`` bytes from the base."""
        place = bisect_right(self._sorted, offset, key=lambda a: a.start)
        return self._sorted[place - 1] if place else None

    def after(self, offset: int) -> Allocation | None:
        """The first allocation that begins after ``offset`` bytes from the base."""
        place = bisect_right(self._sorted, offset, key=lambda a: a.start)
        return self._sorted[place] if place < len(self._sorted) else None

    def within_one(self, first: int, last: int) -> bool:
        """Whether one allocation holds all bytes from ``first`` to ``last``, offsets included."""
        if not 0 <= first <= last < self.window:
            return False
        number = int(self._owners[first // ALIGNMENT])
        return number != 0 and last < int(self._stops[number])

    def outside(self, offsets: NDArray[np.uint64], size: int) -> NDArray[np.bool_]:
        """Which accesses of ``size`` bytes at ``offsets`` do not lie in one allocation each."""
        window = np.uint64(self.window)
        inside = offsets < window
        safe = np.where(inside, offsets, 0).astype(np.int64)
        numbers = self._owners[safe // ALIGNMENT]
        result: NDArray[np.bool_] = ~inside | (numbers == 0) | (safe + size > self._stops[numbers])
        return result

    def _release(self, address: int) -> Allocation:
        """Take an allocation's addresses back.

        Raises:
            HostAccessError: No allocation begins at ``address``.
        """
        allocation = self.find(address)
        if allocation is None or allocation.address != address:
            raise HostAccessError(
                f"free of {address:#x}, where no allocation begins",
                address=address,
                size=0,
            )
        self._sorted.remove(allocation)
        self._numbers.append(allocation.number)
        self._owners[allocation.start // ALIGNMENT : -(-allocation.stop // ALIGNMENT)] = 0
        self.allocated_bytes -= allocation.size
        return allocation

    def _find_room(self, size: int) -> int:
        """An aligned start with a guard gap on both sides; later addresses first."""
        gap = min(max(size, _LEAST_GAP), _MOST_GAP)
        for cursor in (self._cursor, ALIGNMENT):
            start = _align(cursor + gap)
            for allocation in self._sorted:
                if allocation.stop + _LEAST_GAP <= start:
                    continue
                if start + size + gap <= allocation.start:
                    break
                start = _align(allocation.stop + max(gap, _LEAST_GAP))
            if start + size + gap <= self.window:
                return start
        raise self._no_room(size, f"no room for {size} bytes between the other allocations")

    def _no_room(self, size: int, what: str) -> OutOfDeviceMemory:
        return OutOfDeviceMemory(what, asked=self.allocated_bytes + size)

    def _take_number(self) -> int:
        if self._numbers:
            return self._numbers.pop()
        self._next_number += 1
        return self._next_number - 1

    def _add(self, start: int, size: int) -> Allocation:
        allocation = Allocation(start, start + size, self._take_number())
        insort(self._sorted, allocation)
        if allocation.number >= len(self._stops):
            self._stops = np.concatenate([self._stops, np.zeros_like(self._stops)])
        self._stops[allocation.number] = allocation.stop
        self._owners[start // ALIGNMENT : -(-allocation.stop // ALIGNMENT)] = allocation.number
        self._cursor = allocation.stop
        self.allocated_bytes += size
        self.allocated_ever += size
        self.peak_bytes = max(self.peak_bytes, self.allocated_bytes)
        return allocation


def _align(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
