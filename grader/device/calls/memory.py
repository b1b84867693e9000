"""Calls on device memory. Sizes and pitches are bytes unless a name says otherwise."""

from __future__ import annotations

import struct

from grader.device.calls.table import call
from grader.device.checks.history import of_ranges
from grader.device.cuda import CallRefused, CudaResult
from grader.device.journal import Copied, Filled, Freed, Placed, Read, Wrote
from grader.device.session import MAX_HANDLES, DriverSession
from grader.device.streams import device_range, host_range
from grader.device.wire import NOT_ORDERED, DriverOp
from grader.errors import UnsupportedByDevice

_U64 = struct.Struct("<Q")
_TWO_U64 = struct.Struct("<QQ")
_MAX_ROWS = 1 << 16


@call(DriverOp.MEM_INFO)
def mem_info(session: DriverSession) -> bytes:
    """Free and total bytes."""
    return _TWO_U64.pack(session.memory.free_bytes, session.memory.capacity)


@call(DriverOp.MEM_ALLOC, "QQ")
def mem_alloc(session: DriverSession, size: int, on: int) -> bytes:
    """The address of a new allocation of exactly ``size`` bytes."""
    stream = None if on == NOT_ORDERED else session.stream(on)
    if size == 0:
        raise CallRefused(CudaResult.INVALID_VALUE)
    address = session.memory.allocate(size)
    session.device.name(address)
    session.note(Placed(address, size))
    session.order.reserved(address)
    if stream is not None:
        session.order.begin(stream)
        whole = of_ranges(written=[device_range(address, size)])
        session.order.done(stream, "an allocation", whole)
    return _U64.pack(address)


@call(DriverOp.MEM_FREE, "QQ")
def mem_free(session: DriverSession, address: int, on: int) -> None:
    """Free; of address 0 it does nothing, as on a GPU."""
    stream = None if on == NOT_ORDERED else session.stream(on)
    if not address:
        return
    allocation = session.memory.find(address)
    if allocation is not None and allocation.address == address:
        session.order.freed(allocation, stream)
    session.memory.free(address)
    session.note(Freed(address))


@call(DriverOp.MEM_RANGE, "Q")
def mem_range(session: DriverSession, address: int) -> bytes:
    """Base and size of the allocation that holds ``address``."""
    allocation = session.memory.find(address)
    if allocation is None:
        raise CallRefused(CudaResult.INVALID_VALUE)
    return _TWO_U64.pack(allocation.address, allocation.size)


@call(DriverOp.COPY_TO_DEVICE, "QQQI", tail=True)
def copy_to_device(
    session: DriverSession, address: int, on: int, pinned: int, waits: int, data: memoryview
) -> None:
    """Copy from the worker's memory.

    Args:
        on: The stream.
        pinned: The address in the worker's memory, where that is pinned; else 0.
        waits: Whether the host knows at the end that the copy is over.
    """
    stream = session.stream(on)
    session.order.begin(stream)
    copied = bytes(data)
    kept = session.memory.write(address, copied)
    session.note(Wrote(address, copied, kept=kept))
    size = len(copied)
    touched = of_ranges(written=[device_range(address, size)], read=host_range(pinned, size))
    session.order.done(stream, "a copy to the device", touched)
    if waits:
        session.order.host_waited(stream.clock)


@call(DriverOp.COPY_TO_HOST, "QQQQI")
def copy_to_host(
    session: DriverSession, address: int, size: int, on: int, pinned: int, waits: int
) -> bytes:
    """Copy to the worker's memory, and keep the bytes and their writers as evidence."""
    stream = session.stream(on)
    session.order.begin(stream)
    data = session.memory.read(address, size)
    session.log.copy_out(address, data, lambda: session.memory.provenance(address, size))
    session.note(Read(address, size))
    touched = of_ranges(read=[device_range(address, size)], written=host_range(pinned, size))
    session.order.done(stream, "a copy to the host", touched)
    if waits:
        session.order.host_waited(stream.clock)
    return data


@call(DriverOp.COPY_ON_DEVICE, "QQQQ")
def copy_on_device(session: DriverSession, to: int, of: int, size: int, on: int) -> None:
    """Copy within the device."""
    stream = session.stream(on)
    session.order.begin(stream)
    session.memory.copy(to, of, size)
    session.note(Copied(to, of, size))
    touched = of_ranges(written=[device_range(to, size)], read=[device_range(of, size)])
    session.order.done(stream, "a copy on the device", touched)


@call(DriverOp.MEMSET, "QQQQIIQ")
def memset(
    session: DriverSession,
    address: int,
    pitch: int,
    columns: int,
    rows: int,
    value: int,
    width: int,
    on: int,
) -> None:
    """Fill ``rows`` rows of ``columns`` values of ``width`` bytes (1, 2 or 4)."""
    stream = session.stream(on)
    if width not in (1, 2, 4) or rows > _MAX_ROWS or (rows > 1 and pitch < columns * width):
        raise CallRefused(CudaResult.INVALID_VALUE)
    session.order.begin(stream)
    starts = [address + row * pitch for row in range(rows)]
    for start in starts:
        session.memory.memset(start, value, width, columns)
        session.note(Filled(start, value, width, columns))
    touched = of_ranges(written=[device_range(start, width * columns) for start in starts])
    session.order.done(stream, "a memset", touched)


@call(DriverOp.MEMSET_ON_HOST, "QQQ")
def memset_on_host(session: DriverSession, address: int, size: int, on: int) -> None:
    """The driver library is about to fill pinned memory of the worker."""
    stream = session.stream(on)
    session.order.begin(stream)
    touched = of_ranges(written=host_range(address, size))
    session.order.done(stream, "a memset of the host's memory", touched)


@call(DriverOp.HOST_MEMORY, "QQ")
def host_memory(session: DriverSession, address: int, size: int) -> None:
    """The worker has pinned memory of its own, or where ``size`` is 0 has it no more."""
    ranges = session.memory.on_host
    if not size:
        ranges.pop(address, None)
    elif len(ranges) < MAX_HANDLES:
        ranges[address] = size
    else:
        raise UnsupportedByDevice(f"the worker pins memory more than {MAX_HANDLES} times")
