"""What the worker says to the grader: the messages of its channel, see `grader.framing`.

The worker runs student code in its own process, so every byte that arrives is untrusted.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from grader.framing import BrokenProtocol


class WorkerReady(
    msgspec.Struct, frozen=True, tag_field="kind", tag="hello", forbid_unknown_fields=True
):
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


class CaseResult(
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


Message = WorkerReady | Compiled | Failed | CaseResult | CaseError
MESSAGES: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def cut(message: CaseResult, payload: bytes, lengths: tuple[int, ...]) -> tuple[bytes, ...]:
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
