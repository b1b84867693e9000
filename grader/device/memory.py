"""Global memory of the software device.

Addresses are plain numbers: nothing is mapped there in the process that runs
the student's host code. Each byte carries a shadow: whether anything wrote it,
and who wrote it last.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.device.arena import Arena
from grader.device.evidence import Dim3, Provenance, Writer

BASE_ADDRESS = 0x7F00_0000_0000
"""Device address of the first byte."""
ALIGNMENT = 256
_LEAST_GAP = 4096
_MOST_GAP = 1 << 20

# A stamp is one uint64 per byte: writer, launch, block and thread.
_THREAD_BITS = 10
_WHO_BITS = 41
_LAUNCH_BITS = 20
_WHO_MASK = (1 << _WHO_BITS) - 1
_WRITER_SHIFT = np.uint64(_WHO_BITS + _LAUNCH_BITS)
_CODES = {
    Writer.NOBODY: 0,
    Writer.HOST_COPY: 1,
    Writer.MEMSET: 2,
    Writer.DEVICE_COPY: 3,
    Writer.KERNEL: 4,
}
_WRITERS = {code: writer for writer, code in _CODES.items()}
_MEMSET_TYPES: dict[int, Any] = {1: np.uint8, 2: np.uint16, 4: np.uint32}


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
    """There is no room; the driver answers CUDA_ERROR_OUT_OF_MEMORY."""


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


class Contents(NamedTuple):
    """What an allocation holds, with its shadow."""

    data: NDArray[np.uint8]
    written: NDArray[np.uint8]
    stamps: NDArray[np.uint64]


class GlobalMemory:
    """The memory behind device addresses.

    Args:
        capacity: Bytes that can be allocated at once.
        window: Bytes of address space, several times the capacity, so that a freed address
            is not handed out again for a long while. None for four times the capacity.

    Attributes:
        poison: 32-bit pattern that bytes which nobody wrote are read as (little-endian,
            by address modulo 4). May be set at any time.
        peak_bytes: Most bytes allocated at once since the last :meth:`reset_peak`.
    """

    def __init__(self, capacity: int = 256 << 20, window: int | None = None) -> None:
        self.capacity = capacity
        self.window = max(window or 4 * capacity, 1 << 20) + 0xFFFF & ~0xFFFF
        self.poison = 0x7FA5A5A5
        self.allocated_bytes = 0
        self.peak_bytes = 0
        self.allocated_ever = 0
        """Bytes of all allocations so far."""
        self.launch_state: object | None = None
        """What the interpreter keeps from one launch to the next; it dies with the memory."""
        self._data = Arena(self.window)
        self._written = Arena(self.window)
        self._stamps = Arena(self.window * 8)
        self.data = {width: self._data.words(width) for width in (1, 2, 4, 8)}
        """The bytes, as unsigned integers of 1, 2, 4 and 8 bytes."""
        self.written = {width: self._written.words(width) for width in (1, 2, 4, 8)}
        """1 for each byte that anything wrote, in the same shapes as ``data``."""
        self.stamps: NDArray[np.uint64] = self._stamps.words(8).view(np.uint64)
        """The last writer of each byte, see :meth:`kernel_stamp`."""
        # Which allocation owns each 256 bytes: its number, or 0.
        self._owners: NDArray[np.int32] = (
            Arena(self.window // ALIGNMENT * 4).words(4).view(np.int32)
        )
        self._stops: NDArray[np.int64] = np.zeros(64, dtype=np.int64)
        self._by_number: dict[int, Allocation] = {}
        self._sorted: list[Allocation] = []
        self._numbers: list[int] = []
        self._next_number = 1
        self._cursor = ALIGNMENT
        self._launches: dict[int, tuple[Dim3, Dim3]] = {}

    # Allocation

    def allocate(self, size: int) -> int:
        """Reserve ``size`` bytes and return their address, a multiple of 256.

        Raises:
            OutOfDeviceMemory: The capacity is used up.
            HostAccessError: ``size`` is not positive.
        """
        if size <= 0:
            raise HostAccessError(f"allocation of {size} bytes", address=0, size=size)
        if self.allocated_bytes + size > self.capacity:
            raise OutOfDeviceMemory(f"{size} bytes asked for, {self.free_bytes} are free")
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
            raise OutOfDeviceMemory(f"{size} bytes at {address:#x} are not free")
        cursor = self._cursor
        allocation = self._add(start, size)
        self._cursor = cursor
        return allocation

    def _add(self, start: int, size: int) -> Allocation:
        allocation = Allocation(start, start + size, self._take_number())
        self._by_number[allocation.number] = allocation
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

    def free(self, address: int) -> None:
        """Give an allocation back.

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
        del self._by_number[allocation.number]
        self._numbers.append(allocation.number)
        self._owners[allocation.start // ALIGNMENT : -(-allocation.stop // ALIGNMENT)] = 0
        self._written.zero(allocation.start, allocation.stop)
        self._stamps.zero(allocation.start * 8, allocation.stop * 8)
        self._data.zero(allocation.start, allocation.stop)
        self.allocated_bytes -= allocation.size

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

    def contents(self, allocation: Allocation) -> Contents:
        """A copy of what an allocation holds."""
        part = slice(allocation.start, allocation.stop)
        return Contents(
            self._data.bytes[part].copy(),
            self._written.bytes[part].copy(),
            self.stamps[part].copy(),
        )

    def restore(self, allocation: Allocation, contents: Contents | None) -> None:
        """Make an allocation hold what it held once; None: what nobody wrote."""
        part = slice(allocation.start, allocation.stop)
        if contents is None:
            self._data.bytes[part] = 0
            self._written.bytes[part] = 0
            self.stamps[part] = 0
        else:
            self._data.bytes[part], self._written.bytes[part], self.stamps[part] = contents

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

    # What the host does

    def write(self, address: int, data: bytes, writer: Writer = Writer.HOST_COPY) -> None:
        """Copy ``data`` to ``address``.

        Raises:
            HostAccessError: Not all of it lies in one allocation.
        """
        if not data:
            return
        part = self._host_range(address, len(data), "write")
        self._data.bytes[part] = np.frombuffer(data, dtype=np.uint8)
        self._written.bytes[part] = 1
        self.stamps[part] = np.uint64(_CODES[writer]) << _WRITER_SHIFT

    def memset(self, address: int, value: int, width: int, count: int) -> None:
        """Write ``count`` values of ``width`` bytes (1, 2 or 4).

        Raises:
            HostAccessError: Not all of it lies in one allocation, or the address is misaligned.
        """
        if count == 0:
            return
        part = self._host_range(address, width * count, "memset")
        if address % width:
            raise HostAccessError(
                f"memset of {width}-byte values at {address:#x}",
                address=address,
                size=width,
            )
        word = np.array(value & (1 << 8 * width) - 1, dtype=_MEMSET_TYPES[width])
        self.data[width][part.start // width : part.stop // width] = word
        self._written.bytes[part] = 1
        self.stamps[part] = np.uint64(_CODES[Writer.MEMSET]) << _WRITER_SHIFT

    def copy(self, destination: int, source: int, size: int) -> None:
        """Copy within the device; the ranges may overlap.

        The copied bytes become DEVICE_COPY. Where a kernel made them, the copy's provenance
        names that kernel's launch, block and thread. Bytes that nobody wrote stay unwritten.

        Raises:
            HostAccessError: One of the ranges does not lie in one allocation.
        """
        if size == 0:
            return
        to = self._host_range(destination, size, "copy to")
        of = self._host_range(source, size, "copy from")
        stamps = self.stamps[of].copy()
        writers = stamps >> _WRITER_SHIFT
        made = (writers == _CODES[Writer.KERNEL]) | (writers == _CODES[Writer.DEVICE_COPY])
        maker = stamps & np.uint64((1 << int(_WRITER_SHIFT)) - 1)
        code = np.uint64(_CODES[Writer.DEVICE_COPY]) << _WRITER_SHIFT
        written = self._written.bytes[of].copy()
        self._data.bytes[to] = self._data.bytes[of].copy()
        self._written.bytes[to] = written
        self.stamps[to] = np.where(written == 0, 0, np.where(made, maker | code, code))

    def read(self, address: int, size: int) -> bytes:
        """The bytes at ``address``; those that nobody wrote read as the poison.

        Raises:
            HostAccessError: Not all of it lies in one allocation.
        """
        if size == 0:
            return b""
        part = self._host_range(address, size, "read")
        data = self._data.bytes[part]
        written = self._written.bytes[part]
        if written.all():
            return data.tobytes()
        poison = np.frombuffer(self.poison.to_bytes(4, "little"), dtype=np.uint8)
        fill = np.resize(np.roll(poison, -(part.start % 4)), size)
        return np.where(written != 0, data, fill).tobytes()

    def provenance(
        self, address: int, size: int, *, most_runs: int = 65536
    ) -> tuple[Provenance, ...]:
        """Who wrote each byte last, as runs that cover ``0..size`` in order.

        A run that a kernel wrote is one thread's. Where that makes more than ``most_runs``,
        runs are one launch's, without block and thread.

        Raises:
            HostAccessError: Not all of it lies in one allocation.
        """
        if size == 0:
            return ()
        stamps = self.stamps[self._host_range(address, size, "read")]
        runs = _runs(stamps)
        if len(runs) > most_runs:
            return tuple(
                self._run(run, named=False) for run in _runs(stamps & ~np.uint64(_WHO_MASK))
            )
        return tuple(self._run(run, named=True) for run in runs)

    # What a launch needs

    def begin_launch(self, index: int, grid: Dim3, block: Dim3) -> None:
        """Remember a launch's shape, to name blocks and threads by."""
        self._launches[index % (1 << _LAUNCH_BITS)] = (grid, block)

    @staticmethod
    def kernel_stamp(launch: int, block: int = 0, thread: int = 0) -> int:
        """The stamp of a byte that a thread of a kernel wrote.

        ``block`` and ``thread`` are linear indices; the stamp of thread t of block b is that
        of thread 0 of block 0 plus ``b * 1024 + t``.
        """
        who = (block << _THREAD_BITS) + thread & _WHO_MASK
        index = launch % (1 << _LAUNCH_BITS)
        return _CODES[Writer.KERNEL] << int(_WRITER_SHIFT) | index << _WHO_BITS | who

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
        raise OutOfDeviceMemory(f"no room for {size} bytes between the other allocations")

    def _take_number(self) -> int:
        if self._numbers:
            return self._numbers.pop()
        self._next_number += 1
        return self._next_number - 1

    def _host_range(self, address: int, size: int, what: str) -> slice:
        start = address - BASE_ADDRESS
        if size < 0 or not self.within_one(start, start + size - 1):
            raise HostAccessError(
                f"{what} of {size} bytes at {address:#x}, which no allocation holds",
                address=address,
                size=size,
            )
        return slice(start, start + size)

    def _run(self, run: tuple[int, int, int], *, named: bool) -> Provenance:
        start, stop, stamp = run
        writer = _WRITERS[stamp >> int(_WRITER_SHIFT)]
        index = stamp >> _WHO_BITS & (1 << _LAUNCH_BITS) - 1
        if index == 0 or index not in self._launches:
            return Provenance(start=start, stop=stop, writer=writer)
        grid, block = self._launches[index]
        who = stamp & _WHO_MASK
        return Provenance(
            start=start,
            stop=stop,
            writer=writer,
            launch=index,
            block=unravel(who >> _THREAD_BITS, grid) if named else None,
            thread=unravel(who & (1 << _THREAD_BITS) - 1, block) if named else None,
        )


def unravel(linear: int, shape: Dim3) -> Dim3:
    """The x, y, z of a linear index; x runs fastest."""
    rest, x = divmod(linear, shape[0])
    z, y = divmod(rest, shape[1])
    return x, y, z


def _align(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _runs(stamps: NDArray[np.uint64]) -> list[tuple[int, int, int]]:
    """Start, stop and value of each run of equal values."""
    edges = np.flatnonzero(stamps[1:] != stamps[:-1]) + 1
    starts = [0, *edges.tolist()]
    stops = [*edges.tolist(), len(stamps)]
    return list(zip(starts, stops, stamps[starts].tolist(), strict=True))
