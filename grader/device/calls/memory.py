"""Calls on device memory. Sizes and pitches are bytes unless a name says otherwise."""

from __future__ import annotations

import struct

from grader.device.calls.table import call
from grader.device.journal import Copied, Filled, Freed, Placed, Read, Wrote
from grader.device.results import CallRefused, Result
from grader.device.session import Session
from grader.device.wire import Op

_U64 = struct.Struct("<Q")
_TWO_U64 = struct.Struct("<QQ")
_MAX_ROWS = 1 << 16


@call(Op.MEM_INFO)
def mem_info(session: Session) -> bytes:
    """Free and total bytes."""
    return _TWO_U64.pack(session.memory.free_bytes, session.memory.capacity)


@call(Op.MEM_ALLOC, "Q")
def mem_alloc(session: Session, size: int) -> bytes:
    """The address of a new allocation of exactly ``size`` bytes."""
    if size == 0:
        raise CallRefused(Result.INVALID_VALUE)
    address = session.memory.allocate(size)
    session.note(Placed(address, size))
    return _U64.pack(address)


@call(Op.MEM_FREE, "Q")
def mem_free(session: Session, address: int) -> None:
    """Free; of address 0 it does nothing, as on a GPU."""
    if address:
        session.memory.free(address)
        session.note(Freed(address))


@call(Op.MEM_RANGE, "Q")
def mem_range(session: Session, address: int) -> bytes:
    """Base and size of the allocation that holds ``address``."""
    allocation = session.memory.find(address)
    if allocation is None:
        raise CallRefused(Result.INVALID_VALUE)
    return _TWO_U64.pack(allocation.address, allocation.size)


@call(Op.COPY_TO_DEVICE, "Q", tail=True)
def copy_to_device(session: Session, address: int, data: memoryview) -> None:
    """Copy from the worker's memory."""
    copied = bytes(data)
    kept = session.memory.write(address, copied)
    session.note(Wrote(address, copied, kept=kept))


@call(Op.COPY_TO_HOST, "QQ")
def copy_to_host(session: Session, address: int, size: int) -> bytes:
    """Copy to the worker's memory, and keep the bytes and their writers as evidence."""
    data = session.memory.read(address, size)
    session.log.copy_out(address, data, lambda: session.memory.provenance(address, size))
    session.note(Read(address, size))
    return data


@call(Op.COPY_ON_DEVICE, "QQQ")
def copy_on_device(session: Session, to: int, of: int, size: int) -> None:
    """Copy within the device."""
    session.memory.copy(to, of, size)
    session.note(Copied(to, of, size))


@call(Op.MEMSET, "QQQQII")
def memset(
    session: Session, address: int, pitch: int, columns: int, rows: int, value: int, width: int
) -> None:
    """Fill ``rows`` rows of ``columns`` values of ``width`` bytes (1, 2 or 4)."""
    if width not in (1, 2, 4) or rows > _MAX_ROWS or (rows > 1 and pitch < columns * width):
        raise CallRefused(Result.INVALID_VALUE)
    for row in range(rows):
        session.memory.memset(address + row * pitch, value, width, columns)
        session.note(Filled(address + row * pitch, value, width, columns))
