"""Who wrote a byte last, as one number for each byte.

A stamp is a uint64: the kind of writer, then for a kernel its launch, and the linear
indices of the block and of the thread. The interpreter stamps thousands of bytes at a
time, so it is a number here and becomes a `Provenance` only when somebody asks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
