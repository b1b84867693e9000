"""The driver channel: frames between the driver library and the device process.

`DriverClient` makes from Python the calls that the driver library makes for a worker.

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

from grader.device.case import LaunchLimits
from grader.device.cuda import CallRefused, CudaResult
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
    LAUNCH_CLUSTERS = 40


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


SLACK_S = 30.0
"""Seconds that an answer may take longer than a launch may."""
ORDER: dict[DriverOp, tuple[str, tuple[int, ...]]] = {
    DriverOp.MEM_ALLOC: ("Q", (NOT_ORDERED,)),
    DriverOp.MEM_FREE: ("Q", (NOT_ORDERED,)),
    DriverOp.COPY_TO_DEVICE: ("QQI", (0, 0, 1)),
    DriverOp.COPY_TO_HOST: ("QQI", (0, 0, 1)),
    DriverOp.COPY_ON_DEVICE: ("Q", (0,)),
    DriverOp.MEMSET: ("Q", (0,)),
}
"""The fields that put calls in order, and their values where the caller does not care."""


class Gone(Exception):
    """The device hung up."""


class DriverClient:
    """Sends requests over a descriptor, and reads the replies.

    Raises:
        Gone: the device hung up, or said nothing for longer than a launch may take.
    """

    def __init__(self, fd: int) -> None:
        self.sock = socket.socket(fileno=socket.dup(fd))
        self.allow(LaunchLimits().wall_clock_s)
        self.sequence = 0

    def allow(self, seconds: float) -> None:
        """Let a launch take so long."""
        self.sock.settimeout(seconds + SLACK_S)

    def close(self) -> None:
        """Drop the descriptor; the connection stays."""
        self.sock.close()

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def receive_reply(self) -> tuple[int, int, bytes]:
        """Sequence, result and payload."""
        length, sequence, result = REPLY_HEADER.unpack(self._exactly(REPLY_HEADER.size))
        return sequence, result, self._exactly(length)

    def call(
        self,
        op: DriverOp,
        fields: str = "",
        *values: int,
        tail: bytes = b"",
        on: tuple[int, ...] | None = None,
    ) -> tuple[int, bytes]:
        """Result and payload of one call.

        Args:
            op: What to ask for.
            fields: Types of the values, as `struct` writes them.
            values: Its numbers.
            tail: Bytes behind them.
            on: What a call on memory says of order, last of its fields: the stream; for copies
                with the host also the pinned address and whether the host waits.
        """
        self.sequence += 1
        more, plain = ORDER.get(op, ("", ()))
        fields, values = fields + more, (*values, *(plain if on is None else on))
        payload = struct.pack("<" + fields, *values) + tail
        self.send_raw(REQUEST_HEADER.pack(len(payload), self.sequence, op) + payload)
        sequence, result, answer = self.receive_reply()
        if sequence != self.sequence:
            raise Gone
        return result, answer

    def ask(
        self, op: DriverOp, fields: str, *values: int, reply: str = "", tail: bytes = b""
    ) -> tuple[int, ...]:
        """The numbers that a call answers with.

        Raises:
            CallRefused: it did not succeed.
        """
        answer = self._bytes(op, fields, *values, tail=tail)
        return struct.unpack_from("<" + reply, answer)

    def hello(self) -> None:
        """Begin; the device must speak this version."""
        if self.ask(DriverOp.HELLO, "I", VERSION, reply="I") != (VERSION,):
            raise Gone

    def allocate(self, size: int) -> int:
        """The address of so many bytes."""
        return self.ask(DriverOp.MEM_ALLOC, "Q", size, reply="Q")[0]

    def free(self, address: int) -> None:
        """Give an allocation back."""
        self.ask(DriverOp.MEM_FREE, "Q", address)

    def fill(self, address: int, size: int, value: int = 0) -> None:
        """Set bytes."""
        self.ask(DriverOp.MEMSET, "QQQQII", address, size, size, 1, value, 1)

    def write(self, address: int, data: bytes) -> None:
        """Copy to the device."""
        self.ask(DriverOp.COPY_TO_DEVICE, "Q", address, tail=data)

    def read(self, address: int, size: int) -> bytes:
        """Copy from the device."""
        return self._bytes(DriverOp.COPY_TO_HOST, "QQ", address, size)

    def load(self, text: str) -> int:
        """The handle of a module of PTX."""
        return self.ask(DriverOp.MODULE_LOAD, "", reply="Q", tail=text.encode())[0]

    def function(self, module: int, name: str) -> int:
        """The handle of a kernel."""
        return self.kernel(module, name)[0]

    def kernel(self, module: int, name: str) -> tuple[int, tuple[tuple[int, int], ...]]:
        """The handle of a kernel, and offset and size of each of its parameters."""
        answer = self._bytes(DriverOp.MODULE_FUNCTION, "Q", module, tail=name.encode())
        (handle,) = struct.unpack_from("<Q", answer)
        return int(handle), tuple(struct.iter_unpack("<II", answer[8:]))

    def launch(
        self,
        function: int,
        parameters: bytes = b"",
        *,
        grid: tuple[int, int, int] = (1, 1, 1),
        block: tuple[int, int, int] = (1, 1, 1),
        shared: int = 0,
        stream: int = 0,
        attributes: tuple[int, int] = (0, 0),
        cluster: tuple[int, int, int] | None = None,
    ) -> int:
        """The launch's result."""
        numbers = (function, stream, *grid, *block, shared)
        if cluster is not None:
            op = DriverOp.LAUNCH_CLUSTERS
            return self.call(op, "QQ10I", *numbers, *cluster, tail=parameters)[0]
        return self.call(DriverOp.LAUNCH, "QQ9I", *numbers, *attributes, tail=parameters)[0]

    def synchronize(self) -> None:
        """Wait for all that was begun."""
        self.ask(DriverOp.CONTEXT_SYNCHRONIZE, "")

    def _bytes(self, op: DriverOp, fields: str, *values: int, tail: bytes = b"") -> bytes:
        result, answer = self.call(op, fields, *values, tail=tail)
        if result:
            raise CallRefused(CudaResult(result), answer.decode("utf-8", "replace"))
        return answer

    def _exactly(self, size: int) -> bytes:
        try:
            data = receive_exactly(self.sock, size)
        except (ConnectionResetError, TimeoutError):
            raise Gone from None
        if data is None:
            raise Gone
        return bytes(data)
