"""Global memory of the software device.

Addresses are plain numbers: nothing is mapped there in the process that runs
the student's host code. Each byte carries a shadow: whether anything wrote it,
and who wrote it last.

Who wrote a byte last is one number for each byte, its *stamp*: a uint64 with the kind of writer,
then for a kernel its launch, and the linear indices of the block and of the thread. The interpreter
stamps thousands of bytes at a time, so it is a number here and becomes a `Provenance` only when
somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import BASE_ADDRESS, AddressSpace, Allocation, Arena, HostAccessError
from grader.device.evidence import Dim3, Provenance, Writer

Stamps = NDArray[np.uint64]

THREAD_BITS = 10
"""Of a thread's linear index: a block has 1024 threads at most."""
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


def stamp(writer: Writer) -> np.uint64:
    """The stamp of a byte that no kernel wrote."""
    return np.uint64(_CODES[writer]) << _WRITER_SHIFT


def launch_number(launch: int) -> int:
    """How a stamp counts launches: from 1 to 2**20 - 1, then again from 1."""
    return (launch - 1) % ((1 << _LAUNCH_BITS) - 1) + 1


def kernel_stamp(launch: int, block: int = 0, thread: int = 0) -> int:
    """The stamp of a byte that a thread of a kernel wrote.

    ``block`` and ``thread`` are linear indices; the stamp of thread t of block b is that
    of thread 0 of block 0 plus ``b * 1024 + t``.
    """
    who = (block << THREAD_BITS) + thread & _WHO_MASK
    return _CODES[Writer.KERNEL] << int(_WRITER_SHIFT) | launch_number(launch) << _WHO_BITS | who


def copied(stamps: Stamps, written: NDArray[np.uint8]) -> Stamps:
    """The stamps of a copy within the device.

    Where a kernel made the bytes, the copy's stamps keep its launch, block and thread.
    Bytes that nobody wrote stay unwritten.

    Args:
        stamps: Of what is copied.
        written: For each byte whether anything wrote it; of the same shape.
    """
    made = made_by_kernels(stamps)
    maker = stamps & np.uint64((1 << int(_WRITER_SHIFT)) - 1)
    code = stamp(Writer.DEVICE_COPY)
    return np.where(written == 0, 0, np.where(made, maker | code, code))


def made_by_kernels(stamps: Stamps) -> NDArray[np.bool_]:
    """Which bytes a kernel wrote, or a copy within the device."""
    writers = stamps >> _WRITER_SHIFT
    made: NDArray[np.bool_] = (writers == _CODES[Writer.KERNEL]) | (
        writers == _CODES[Writer.DEVICE_COPY]
    )
    return made


class LaunchShapes:
    """The shapes of the launches so far, which turn stamps into blocks and threads."""

    def __init__(self) -> None:
        self._launches: dict[int, tuple[int, Dim3, Dim3]] = {}

    def add(self, index: int, grid: Dim3, block: Dim3) -> None:
        """Remember a launch, and forget the one a million before it."""
        self._launches[launch_number(index)] = (index, grid, block)

    def provenance(self, stamps: Stamps, *, most_runs: int) -> tuple[Provenance, ...]:
        """Runs of equal stamps, in order.

        Where there are more than ``most_runs``, runs are one launch's, without block and
        thread.
        """
        runs = _runs(stamps)
        if len(runs) > most_runs:
            return tuple(
                self._told(run, named=False) for run in _runs(stamps & ~np.uint64(_WHO_MASK))
            )
        return tuple(self._told(run, named=True) for run in runs)

    def _told(self, run: tuple[int, int, int], *, named: bool) -> Provenance:
        start, stop, value = run
        writer = _WRITERS[value >> int(_WRITER_SHIFT)]
        number = value >> _WHO_BITS & (1 << _LAUNCH_BITS) - 1
        if number not in self._launches:
            return Provenance(start=start, stop=stop, writer=writer)
        index, grid, block = self._launches[number]
        who = value & _WHO_MASK
        return Provenance(
            start=start,
            stop=stop,
            writer=writer,
            launch=index,
            block=unravel(who >> THREAD_BITS, grid) if named else None,
            thread=unravel(who & (1 << THREAD_BITS) - 1, block) if named else None,
        )


def unravel(linear: int, shape: Dim3) -> Dim3:
    """The x, y, z of a linear index; x runs fastest."""
    rest, x = divmod(linear, shape[0])
    z, y = divmod(rest, shape[1])
    return x, y, z


def _runs(stamps: Stamps) -> list[tuple[int, int, int]]:
    """Start, stop and value of each run of equal values."""
    edges = np.flatnonzero(stamps[1:] != stamps[:-1]) + 1
    starts = [0, *edges.tolist()]
    stops = [*edges.tolist(), len(stamps)]
    return list(zip(starts, stops, stamps[starts].tolist(), strict=True))


_LEAST_CAPACITY = 64 << 20
_LONG_LOOK = 1 << 30
"""Bytes. To search that many takes longer than most kernels run."""
_MEMSET_TYPES: dict[int, Any] = {1: np.uint8, 2: np.uint16, 4: np.uint32}


T = TypeVar("T")


class Contents(NamedTuple):
    """What an allocation holds, with its shadow."""

    data: NDArray[np.uint8]
    written: NDArray[np.uint8]
    stamps: Stamps


class GlobalMemory(AddressSpace):
    """The bytes behind the device's addresses.

    Args:
        capacity: Bytes that can be allocated at once.
        window: Bytes of address space, several times the capacity, so that a freed address
            is not handed out again for a long while. None for four times the capacity.

    Attributes:
        poison: 32-bit pattern that bytes which nobody wrote are read as (little-endian,
            by address modulo 4). May be set at any time.
    """

    def __init__(self, capacity: int = 256 << 20, window: int | None = None) -> None:
        super().__init__(capacity, window)
        self.poison = 0x7FA5A5A5
        self._kept: dict[object, Any] = {}
        self._data = Arena(self.window)
        self._written = Arena(self.window)
        self._stamps = Arena(self.window * 8)
        self.data = {width: self._data.words(width) for width in (1, 2, 4, 8)}
        """The bytes, as unsigned integers of 1, 2, 4 and 8 bytes."""
        self.written = {width: self._written.words(width) for width in (1, 2, 4, 8)}
        """1 for each byte that anything wrote, in the same shapes as ``data``."""
        self.stamps: Stamps = self._stamps.words(8).view(np.uint64)
        """The last writer of each byte, see `grader.device.memory`."""
        self.on_host: dict[int, int] = {}
        """Where the worker has pinned memory, and how many bytes of it."""
        self.names: dict[int, str] = {}
        """Names of allocations by where they start, for what is said of an access."""
        self._launches = LaunchShapes()

    @classmethod
    def reserve(cls, capacity: int) -> GlobalMemory:
        """A memory of that capacity, or less where the machine refuses to reserve the addresses.

        It refuses where ``vm.overcommit_memory`` is 2, or under a limit on the process's address
        space.
        """
        while True:
            try:
                return cls(capacity)
            except (OSError, MemoryError, OverflowError):
                if capacity <= _LEAST_CAPACITY:
                    raise
                capacity //= 2

    def kept(self, make: Callable[[], T]) -> T:
        """What launches on this memory leave for later ones: one object of each kind.

        Args:
            make: The kind: makes the object where there is none yet.
        """
        found: T | None = self._kept.get(make)
        if found is None:
            found = self._kept[make] = make()
        return found

    def free(self, address: int) -> None:
        """Give an allocation back; what it held is gone.

        Raises:
            HostAccessError: No allocation begins at ``address``.
        """
        allocation = self._release(address)
        self.names.pop(allocation.start, None)
        self._forget(allocation)

    def _forget(self, allocation: Allocation) -> None:
        """Mark all bytes as unwritten, and give the pages back to the machine."""
        self._written.zero(allocation.start, allocation.stop)
        self._stamps.zero(allocation.start * 8, allocation.stop * 8)
        self._data.zero(allocation.start, allocation.stop)

    def is_written(self, allocation: Allocation) -> bool:
        """Whether anything was written to an allocation. A very large one is assumed to be."""
        if allocation.size > _LONG_LOOK:
            return True
        return bool(self._written.bytes[allocation.start : allocation.stop].any())

    def contents(self, allocation: Allocation) -> Contents:
        """A copy of what an allocation holds."""
        part = slice(allocation.start, allocation.stop)
        return Contents(
            self._data.bytes[part].copy(),
            self._written.bytes[part].copy(),
            self.stamps[part].copy(),
        )

    def restore(self, allocation: Allocation, contents: Contents | None) -> None:
        """Put earlier contents of an allocation back; None: as if nothing had been written."""
        if contents is None:
            self._forget(allocation)
        else:
            part = slice(allocation.start, allocation.stop)
            self._data.bytes[part], self._written.bytes[part], self.stamps[part] = contents

    def write(self, address: int, data: bytes, kept: bytes | None = None) -> bytes | None:
        """Copy ``data`` from the host to ``address``.

        A byte that the copy does not change keeps its writer: mapping a buffer to the host
        copies all of it there and back, and what the host left alone is not its work.

        Args:
            kept: What an earlier call returned: bytes to leave alone, whatever they hold now.

        Returns:
            For each byte 1 where the device had made it and the copy did not change it; None
            where there is no such byte.

        Raises:
            HostAccessError: Not all of it lies in one allocation.
        """
        if not data:
            return None
        part = self._host_range(address, len(data), "write")
        new, now = np.frombuffer(data, dtype=np.uint8), self._data.bytes[part]
        if kept is not None:
            new = np.where(np.frombuffer(kept, dtype=np.bool_), now, new)
        same = (new == now) & (self._written.bytes[part] != 0)
        self.stamps[part] = np.where(same, self.stamps[part], stamp(Writer.HOST_COPY))
        same &= made_by_kernels(self.stamps[part])
        self._data.bytes[part] = new
        self._written.bytes[part] = 1
        return same.tobytes() if same.any() else None

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
        self.stamps[part] = stamp(Writer.MEMSET)

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
        written = self._written.bytes[of].copy()
        self.stamps[to] = copied(self.stamps[of], written)
        self._data.bytes[to] = self._data.bytes[of].copy()
        self._written.bytes[to] = written

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
        return self._launches.provenance(stamps, most_runs=most_runs)

    def is_on_host(self, address: int) -> bool:
        """Whether an address is of memory that the worker has pinned, and no device memory."""
        if BASE_ADDRESS <= address < BASE_ADDRESS + self.window:
            return False
        return any(start <= address < start + size for start, size in self.on_host.items())

    def begin_launch(self, index: int, grid: Dim3, block: Dim3) -> None:
        """Remember a launch's shape, to name blocks and threads by."""
        self._launches.add(index, grid, block)

    def _host_range(self, address: int, size: int, what: str) -> slice:
        start = address - BASE_ADDRESS
        if size < 0 or not self.within_one(start, start + size - 1):
            raise HostAccessError(
                f"{what} of {size} bytes at {address:#x}, which no allocation holds",
                address=address,
                size=size,
            )
        return slice(start, start + size)
