"""Messages between the grader and a process that it starts, over a pipe or a socket.

A frame is, little-endian, ``u32 length of what follows, u32 length of the header, header (JSON),
payload (raw bytes)``. Whoever receives believes nothing of the other end:

* lengths are checked against bounds before anything is read for them, and memory grows with what
  arrives, never with what a length promises;
* a header is decoded strictly, by msgspec, into the types of its channel;
* a receive ends with a message or with one of three errors: `BrokenProtocol`, `PeerGone` or
  `DeadlinePassed`. After the last it can be called again, and goes on where it was; so does a send,
  with `FramedChannel.flush`.

Two ends are written by hand, since they run in another Python in which nothing of the grader is
installed: ``grader/worker/script.py`` and ``grader/sandbox/inside/__main__.py``. The device has
frames of its own (``grader/device/wire.py`` and ``control.py``): it can be used without the grader,
and its other end is written in C.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any, Final, Generic, Self, TypeVar

import msgspec

MAX_FRAME: Final = 64 * 1024 * 1024
MAX_HEADER: Final = 64 * 1024
_LENGTHS: Final = struct.Struct("<II")
_AT_A_TIME: Final = 1 << 18

MessageT = TypeVar("MessageT")


class BrokenProtocol(Exception):
    """The other end sent what its protocol does not allow."""


class PeerGone(Exception):
    """The other end is closed: whoever held it has ended."""


class DeadlinePassed(Exception):
    """No whole message came, or could be sent, in time."""


class FramedChannel(Generic[MessageT]):
    """One end of a channel. It owns the descriptor from now on.

    Args:
        descriptor: Of a stream socket, or of one end of a pipe.
        messages: Decodes what the other end may send.
        max_frame: Bytes that a frame of the other end may have, all together.
    """

    def __init__(
        self,
        descriptor: int,
        messages: msgspec.json.Decoder[MessageT],
        *,
        max_frame: int = MAX_FRAME,
    ) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._decoder = messages
        self._max_frame = max_frame
        self._outgoing = bytearray()
        self._buffer = bytearray()
        self._begun: tuple[MessageT, int] | None = None
        """A message whose payload, of so many bytes, is still arriving."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close this end. A second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def send(self, message: Any, payload: bytes = b"", *, deadline: float) -> None:
        """Send one frame.

        Args:
            message: A struct or a dictionary of JSON's types.
            payload: Bytes that follow it.
            deadline: On `time.monotonic`'s clock.

        Raises:
            PeerGone: the other end is closed.
            DeadlinePassed: it did not read in time.
        """
        # Not msgspec's encoder: a path may hold bytes that are no text.
        header = json.dumps(msgspec.to_builtins(message)).encode()
        self._outgoing += _LENGTHS.pack(
            _LENGTHS.size // 2 + len(header) + len(payload), len(header)
        )
        self._outgoing += header
        self._outgoing += payload
        self.flush(deadline=deadline)

    def flush(self, *, deadline: float) -> None:
        """Send what an earlier call could not send in time. Raises as `send`."""
        while self._outgoing:
            try:
                with memoryview(self._outgoing) as view:
                    sent = os.write(self._descriptor, view)
                del self._outgoing[:sent]
            except BlockingIOError:
                self._wait(deadline, select.POLLOUT)
            except OSError as error:
                raise PeerGone from error

    def receive(self, *, deadline: float) -> tuple[MessageT, bytes]:
        """The next message and its payload.

        Args:
            deadline: On `time.monotonic`'s clock.

        Raises:
            BrokenProtocol: what arrived is no frame of this channel.
            PeerGone: the stream ended, be it within a frame.
            DeadlinePassed: no whole frame came in time.
        """
        while True:
            if self._begun is None:
                self._begun = self._header()
            if self._begun is not None and len(self._buffer) >= self._begun[1]:
                message, length = self._begun
                self._begun = None
                return message, self._take(length)
            self._fill(deadline)

    def _header(self) -> tuple[MessageT, int] | None:
        """The message of the next frame and the length of its payload; None where more must come.

        Raises:
            BrokenProtocol: the lengths are out of bounds, or the header is no message.
        """
        if len(self._buffer) < _LENGTHS.size:
            return None
        length, header_length = _LENGTHS.unpack_from(self._buffer)
        payload_length = length - _LENGTHS.size // 2 - header_length
        if header_length > MAX_HEADER or payload_length < 0 or length > self._max_frame:
            raise BrokenProtocol(f"a frame of {length} bytes with a header of {header_length}")
        if len(self._buffer) < _LENGTHS.size + header_length:
            return None
        self._take(_LENGTHS.size)
        try:
            return self._decoder.decode(self._take(header_length)), payload_length
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise BrokenProtocol(f"a header that is no message of this channel: {error}") from error

    def _take(self, count: int) -> bytes:
        with memoryview(self._buffer) as view:
            taken = bytes(view[:count])
        del self._buffer[:count]
        return taken

    def _fill(self, deadline: float) -> None:
        self._wait(deadline, select.POLLIN)
        try:
            part = os.read(self._descriptor, _AT_A_TIME)
        except BlockingIOError:
            return
        except OSError as error:
            raise PeerGone from error
        if not part:
            raise PeerGone
        self._buffer += part

    def _wait(self, deadline: float, event: int) -> None:
        if self._descriptor < 0:
            raise PeerGone
        left = deadline - time.monotonic()
        poll = select.poll()  # not select(): a batch may hold more than 1024 descriptors
        poll.register(self._descriptor, event)
        if left <= 0 or not poll.poll(left * 1000):
            raise DeadlinePassed
