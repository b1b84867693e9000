"""The driver protocol from the worker's side, in Python."""

from __future__ import annotations

import socket
import struct

from grader.device.streams import NOT_ORDERED
from grader.device.wire import REPLY_HEADER, REQUEST_HEADER, VERSION, DriverOp

TIMEOUT_S = 10.0
ORDER: dict[DriverOp, tuple[str, tuple[int, ...]]] = {
    DriverOp.MEM_ALLOC: ("Q", (NOT_ORDERED,)),
    DriverOp.MEM_FREE: ("Q", (NOT_ORDERED,)),
    DriverOp.COPY_TO_DEVICE: ("QQI", (0, 0, 1)),
    DriverOp.COPY_TO_HOST: ("QQI", (0, 0, 1)),
    DriverOp.COPY_ON_DEVICE: ("Q", (0,)),
    DriverOp.MEMSET: ("Q", (0,)),
}
"""What calls say of order, and what they say where a test does not care."""


class Gone(Exception):
    """The device hung up."""


class DriverClient:
    """Sends requests over a descriptor and reads the replies."""

    def __init__(self, fd: int) -> None:
        self.sock = socket.socket(fileno=socket.dup(fd))
        self.sock.settimeout(TIMEOUT_S)
        self.sequence = 0

    def close(self) -> None:
        self.sock.close()

    def send_raw(self, data: bytes) -> None:
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
            on: What a call on memory says of order, last of its fields: the stream; for copies
                with the host also the pinned address and whether the host waits.
        """
        self.sequence += 1
        more, plain = ORDER.get(op, ("", ()))
        fields, values = fields + more, (*values, *(plain if on is None else on))
        payload = struct.pack("<" + fields, *values) + tail
        self.send_raw(REQUEST_HEADER.pack(len(payload), self.sequence, op) + payload)
        sequence, result, answer = self.receive_reply()
        assert sequence == self.sequence
        return result, answer

    def ask(
        self, op: DriverOp, fields: str, *values: int, reply: str, tail: bytes = b""
    ) -> tuple[int, ...]:
        """The unpacked payload of a call that succeeds."""
        result, answer = self.call(op, fields, *values, tail=tail)
        assert result == 0
        return struct.unpack("<" + reply, answer)

    def hello(self) -> None:
        assert self.ask(DriverOp.HELLO, "I", VERSION, reply="I") == (VERSION,)

    def allocate(self, size: int) -> int:
        return self.ask(DriverOp.MEM_ALLOC, "Q", size, reply="Q")[0]

    def load(self, text: str) -> int:
        return self.ask(DriverOp.MODULE_LOAD, "", reply="Q", tail=text.encode())[0]

    def function(self, module: int, name: str) -> int:
        result, answer = self.call(DriverOp.MODULE_FUNCTION, "Q", module, tail=name.encode())
        assert result == 0
        return int(struct.unpack_from("<Q", answer)[0])

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
    ) -> int:
        """The launch's result."""
        numbers = (function, stream, *grid, *block, shared, *attributes)
        return self.call(DriverOp.LAUNCH, "QQ9I", *numbers, tail=parameters)[0]

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                part = self.sock.recv(size - len(data))
            except ConnectionResetError:
                raise Gone from None
            if not part:
                raise Gone
            data += part
        return bytes(data)
