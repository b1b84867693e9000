"""The grader's end of the channel to the worker.

The worker runs student code in its own process, so every byte that arrives is
untrusted: lengths are bounded before anything is read, headers are decoded
strictly into the types below, and whatever does not fit is a `BrokenProtocol`,
never another exception. A receive always ends: by a frame, by the end of the
stream, or by its deadline.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

MAX_FRAME = 64 * 1024 * 1024
MAX_HEADER = 64 * 1024
_LENGTHS = struct.Struct("<II")


class BrokenProtocol(Exception):
    """The worker sent something that the protocol does not allow."""


class WorkerGone(Exception):
    """The worker closed its end: it ended or died."""


class Late(Exception):
    """Nothing whole arrived before the deadline."""


class Hello(msgspec.Struct, frozen=True, tag_field="kind", tag="hello", forbid_unknown_fields=True):
    """The device is open. ``seconds`` since the worker began to import max."""

    seconds: float


class Compiled(
    msgspec.Struct, frozen=True, tag_field="kind", tag="compiled", forbid_unknown_fields=True
):
    """All graphs are compiled and loaded."""

    seconds: float


class Failed(
    msgspec.Struct, frozen=True, tag_field="kind", tag="failed", forbid_unknown_fields=True
):
    """The worker can't go on."""

    stage: Literal["device", "compile"]
    message: str


class Result(
    msgspec.Struct, frozen=True, tag_field="kind", tag="result", forbid_unknown_fields=True
):
    """A case ran. The payload is cut by ``lengths``: the output, then each input."""

    case: int
    lengths: tuple[int, ...]


class CaseError(
    msgspec.Struct, frozen=True, tag_field="kind", tag="error", forbid_unknown_fields=True
):
    """A case ended in an exception."""

    case: int
    message: str


Message = Hello | Compiled | Failed | Result | CaseError
_DECODER = msgspec.json.Decoder(Message)


class Channel:
    """Framed messages over a socket, with a deadline on every receive."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._socket.setblocking(False)
        self._buffer = bytearray()

    def send(self, header: Mapping[str, Any], payload: bytes = b"", *, deadline: float) -> None:
        """Send one frame; raises `WorkerGone` or `Late`."""
        encoded = json.dumps(header).encode()
        frame = _LENGTHS.pack(4 + len(encoded) + len(payload), len(encoded))
        rest = memoryview(frame + encoded + payload)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                self._wait(deadline, writing=True)
            except OSError as error:
                raise WorkerGone from error

    def receive(self, *, deadline: float) -> tuple[Message, bytes]:
        """The next message and its payload.

        Args:
            deadline: On `time.monotonic`'s clock.

        Raises:
            BrokenProtocol: what arrived is no frame of this protocol.
            WorkerGone: the stream ended.
            Late: the deadline passed first.
        """
        length, header_length = _LENGTHS.unpack(self._exactly(_LENGTHS.size, deadline))
        if header_length > MAX_HEADER or not 4 + header_length <= length <= MAX_FRAME:
            raise BrokenProtocol(f"a frame of {length} bytes with a header of {header_length}")
        header = self._exactly(header_length, deadline)
        try:
            message = _DECODER.decode(header)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise BrokenProtocol(f"a header that is none: {error}") from error
        return message, self._exactly(length - 4 - header_length, deadline)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _exactly(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            self._wait(deadline)
            try:
                part = self._socket.recv(min(1 << 20, max(4096, count - len(self._buffer))))
            except BlockingIOError:
                continue
            except OSError as error:
                raise WorkerGone from error
            if not part:
                raise WorkerGone
            self._buffer += part
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _wait(self, deadline: float, *, writing: bool = False) -> None:
        left = deadline - time.monotonic()
        poll = select.poll()  # not select(): a batch may hold more than 1024 descriptors
        poll.register(self._socket, select.POLLOUT if writing else select.POLLIN)
        if left <= 0 or not poll.poll(left * 1000):
            raise Late


def cut(message: Result, payload: bytes, lengths: tuple[int, ...]) -> tuple[bytes, ...]:
    """The parts of a result's payload, which must have exactly these lengths.

    Raises:
        BrokenProtocol: another number of parts, or other lengths, than the case has.
    """
    if message.lengths != lengths or len(payload) != sum(lengths):
        raise BrokenProtocol(f"a result of {message.lengths} bytes where the case has {lengths}")
    parts, start = [], 0
    for length in lengths:
        parts.append(payload[start : start + length])
        start += length
    return tuple(parts)
