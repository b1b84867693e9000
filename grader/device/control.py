"""The control channel: what the grader tells the device process, and its answers.

Frames are a little-endian u32 length and a MessagePack document, decoded
strictly into the types below. The worker never holds this socket.
"""

from __future__ import annotations

import socket
import struct
from typing import TypeVar

import msgspec

from grader.device.case import CaseSetup
from grader.device.evidence import CaseEvidence, Launch
from grader.errors import ProtocolFault

VERSION = 1
MAX_REQUEST = 64 * 1024
"""Bytes in a message of the grader."""
MAX_ANSWER = 512 << 20
"""Bytes in a message of the device: evidence with its copies."""

_LENGTH = struct.Struct("<I")
_CHUNK = 1 << 20


class ControlHello(msgspec.Struct, frozen=True, tag=True):
    """The first message of the grader."""

    version: int = VERSION


class Connect(msgspec.Struct, frozen=True, tag=True):
    """A new worker comes; its driver socket travels with the message (SCM_RIGHTS)."""


class BeginCase(msgspec.Struct, frozen=True, tag=True):
    """From here on, evidence belongs to a new case."""

    setup: CaseSetup = CaseSetup()


class EndCase(msgspec.Struct, frozen=True, tag=True):
    """Ask for the evidence of the open case."""


class Keep(msgspec.Struct, frozen=True, tag=True):
    """Keep what the last case did, under a number; what was kept under it is forgotten."""

    number: int


class Compare(msgspec.Struct, frozen=True, tag=True):
    """Whether the host did the same in two cases that are kept.

    ``pairs``: each input as it was copied to the device in the one, and in the other.
    """

    one: int
    other: int
    pairs: tuple[tuple[bytes, bytes], ...]


class Repeat(msgspec.Struct, frozen=True, tag=True):
    """Do again what a kept case did, with other inputs and without the host.

    ``pairs``: each input as it was copied to the device, and what to copy instead; none for the
    same inputs. ``like``: the case whose checks, limits and fills hold. ``copy``: which copy to
    the host to answer with; 1 is the last. ``moved``: whether inputs are exchanged also where
    the host moved them.
    """

    kept: int
    like: int
    pairs: tuple[tuple[bytes, bytes], ...]
    copy: int
    moved: bool = True


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """End the device process."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """The request was carried out."""

    version: int = VERSION


class EvidenceAnswer(msgspec.Struct, frozen=True, tag=True):
    """The answer to :class:`EndCase`."""

    evidence: CaseEvidence


class Compared(msgspec.Struct, frozen=True, tag=True):
    """The answer to :class:`Compare`: the first difference, or why it can't be determined."""

    difference: str = ""
    why: str = ""


class Repeated(msgspec.Struct, frozen=True, tag=True):
    """The answer to :class:`Repeat`: the bytes of the copy and the launches, or why there are none.

    Without bytes and without a reason, a kernel failed.
    """

    data: bytes | None = None
    launches: tuple[Launch, ...] = ()
    why: str = ""


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The request can't be carried out."""

    what: str


ControlRequest = ControlHello | Connect | BeginCase | EndCase | Keep | Compare | Repeat | Shutdown
ControlAnswer = Done | EvidenceAnswer | Compared | Repeated | Refused

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[ControlRequest] = msgspec.msgpack.Decoder(ControlRequest)
_answers: msgspec.msgpack.Decoder[ControlAnswer] = msgspec.msgpack.Decoder(ControlAnswer)

M = TypeVar("M")


def _decode(decoder: msgspec.msgpack.Decoder[M], data: bytes) -> M:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProtocolFault(f"a control message can't be read: {error}") from error


def decode_request(data: bytes) -> ControlRequest:
    """Raises ``ProtocolFault`` where ``data`` is not a message of the grader."""
    return _decode(_requests, data)


def decode_answer(data: bytes) -> ControlAnswer:
    """Raises ``ProtocolFault`` where ``data`` is not a message of the device."""
    return _decode(_answers, data)


def send(
    sock: socket.socket, message: ControlRequest | ControlAnswer, fds: tuple[int, ...] = ()
) -> None:
    """Send one message, and descriptors beside it."""
    body = _encoder.encode(message)
    frame = _LENGTH.pack(len(body)) + body
    sent = socket.send_fds(sock, [frame], list(fds)) if fds else 0
    sock.sendall(frame[sent:])


def receive(sock: socket.socket, limit: int) -> tuple[bytes, tuple[int, ...]] | None:
    """Read one frame and the descriptors that came with it; None at the end.

    Raises:
        ProtocolFault: The frame is longer than ``limit``, or ends halfway.
        TimeoutError: As the socket's timeout says.
    """
    head, fds, _, _ = socket.recv_fds(sock, _LENGTH.size, 1)
    if not head:
        return None
    head += _rest(sock, _LENGTH.size - len(head))
    (length,) = _LENGTH.unpack(head)
    if length > limit:
        raise ProtocolFault(f"a control message of {length} bytes exceeds the limit of {limit}")
    return _rest(sock, length), tuple(fds)


def _rest(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = sock.recv(min(size - len(data), _CHUNK))
        if not part:
            raise ProtocolFault("a control message ends halfway")
        data += part
    return bytes(data)
