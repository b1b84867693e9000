"""The driver channel: frames between the driver library and the device process.

Every number is little-endian. A request is ``length, sequence, op`` (three u32)
and ``length`` bytes; its reply is ``length, sequence`` (u32), ``result`` (i32)
and ``length`` bytes. One request is open at a time. The other end is the
worker, where student code runs: nothing that it sends is trusted.

The C side is ``driver/channel.c``; ``driver/ops.def`` lists the same numbers.
"""

from __future__ import annotations

import socket
import struct
from enum import IntEnum
from typing import Final, NamedTuple

from grader.errors import ProtocolFault

VERSION = 2

NOT_ORDERED: Final = (1 << 64) - 1
"""Stands for the stream in calls that reserve or free memory without one."""

REQUEST_HEADER = struct.Struct("<III")
REPLY_HEADER = struct.Struct("<IIi")


class DriverOp(IntEnum):
    """What a request asks for. Numbers are never reused."""

    HELLO = 1
    UNSUPPORTED = 2
    STATUS = 3
    DEVICE_NAME = 4
    DEVICE_ATTRIBUTE = 5
    ORDER_UNSURE = 6
    CONTEXT_SYNCHRONIZE = 7
    MEM_INFO = 10
    MEM_ALLOC = 11
    MEM_FREE = 12
    MEM_RANGE = 13
    COPY_TO_DEVICE = 14
    COPY_TO_HOST = 15
    COPY_ON_DEVICE = 16
    MEMSET = 17
    MEMSET_ON_HOST = 18
    STREAM_CREATE = 20
    STREAM_DESTROY = 21
    STREAM_CHECK = 22
    EVENT_CREATE = 23
    EVENT_DESTROY = 24
    EVENT_RECORD = 25
    EVENT_ELAPSED = 27
    EVENT_SYNCHRONIZE = 28
    STREAM_SYNCHRONIZE = 29
    MODULE_LOAD = 30
    MODULE_UNLOAD = 31
    MODULE_FUNCTION = 32
    MODULE_GLOBAL = 33
    FUNCTION_GET = 34
    FUNCTION_SET = 35
    OCCUPANCY = 36
    LAUNCH = 37
    STREAM_WAIT = 38
    HOST_MEMORY = 39


MAX_SMALL_FRAME = 64 * 1024
"""Bytes in a request that carries neither data nor an image (parameters of a launch fit)."""
MAX_IMAGE = 4 << 20
"""Bytes in the text of one module: about 130,000 instructions, or 7 s of parsing.

``MAX_IMAGE`` in ``driver/module.c``.
"""
MAX_COPY = 64 << 20
"""Bytes in one copy; ``MAX_COPY`` in ``driver/memory.c``."""

_MAX_LENGTH = {DriverOp.MODULE_LOAD: MAX_IMAGE, DriverOp.COPY_TO_DEVICE: MAX_COPY + 32}
_CHUNK = 1 << 20


class DriverRequest(NamedTuple):
    """One request, its frame checked and its payload not."""

    sequence: int
    op: DriverOp
    payload: bytearray


def receive_exactly(sock: socket.socket, size: int) -> bytearray | None:
    """Read ``size`` bytes; None where the other end closed first.

    Memory grows with what arrives, not with what a header promises.
    """
    data = bytearray()
    while len(data) < size:
        part = sock.recv(min(size - len(data), _CHUNK))
        if not part:
            return None
        data += part
    return data


def receive_request(sock: socket.socket) -> DriverRequest | None:
    """Read one request; None where the worker closed its end, even halfway.

    Raises:
        ProtocolFault: An unknown operation, or a length that its operation can't have.
    """
    header = receive_exactly(sock, REQUEST_HEADER.size)
    if header is None:
        return None
    length, sequence, number = REQUEST_HEADER.unpack(header)
    try:
        op = DriverOp(number)
    except ValueError:
        raise ProtocolFault(
            f"a request asks for operation {number}, which does not exist"
        ) from None
    limit = _MAX_LENGTH.get(op, MAX_SMALL_FRAME)
    if length > limit:
        raise ProtocolFault(f"a request {op.name} of {length} bytes exceeds its limit of {limit}")
    payload = receive_exactly(sock, length)
    return None if payload is None else DriverRequest(sequence, op, payload)


def send_reply(sock: socket.socket, sequence: int, result: int, payload: bytes = b"") -> None:
    """Answer the request ``sequence``."""
    sock.sendall(REPLY_HEADER.pack(len(payload), sequence, result) + payload)
