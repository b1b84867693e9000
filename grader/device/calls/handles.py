"""Calls on streams and events. All work is done when a call returns."""

from __future__ import annotations

import struct

from grader.device.calls.table import call
from grader.device.results import CallRefused, Result
from grader.device.session import Event, Session
from grader.device.wire import Op

_U64 = struct.Struct("<Q")
_F32 = struct.Struct("<f")
_DISABLE_TIMING = 2


@call(Op.STREAM_CREATE)
def stream_create(session: Session) -> bytes:
    """A new stream."""
    return _U64.pack(session.streams.add(None))


@call(Op.STREAM_DESTROY, "Q")
def stream_destroy(session: Session, stream: int) -> None:
    """Close a stream."""
    session.streams.remove(stream)


@call(Op.STREAM_CHECK, "Q")
def stream_check(session: Session, stream: int) -> None:
    """Whether the stream exists; if so, it is idle."""
    session.check_stream(stream)


@call(Op.EVENT_CREATE, "I")
def event_create(session: Session, flags: int) -> bytes:
    """A new event."""
    return _U64.pack(session.events.add(Event(timed=not flags & _DISABLE_TIMING)))


@call(Op.EVENT_DESTROY, "Q")
def event_destroy(session: Session, event: int) -> None:
    """Close an event."""
    session.events.remove(event)


@call(Op.EVENT_RECORD, "QQ")
def event_record(session: Session, event: int, stream: int) -> None:
    """Mark the time."""
    session.check_stream(stream)
    session.events.get(event).recorded = session.now()


@call(Op.EVENT_CHECK, "Q")
def event_check(session: Session, event: int) -> None:
    """Whether the event exists; if so, it has happened."""
    session.events.get(event)


@call(Op.EVENT_ELAPSED, "QQ")
def event_elapsed(session: Session, start: int, end: int) -> bytes:
    """Milliseconds between two recorded events."""
    first, last = session.events.get(start), session.events.get(end)
    if first.recorded is None or last.recorded is None or not (first.timed and last.timed):
        raise CallRefused(Result.INVALID_HANDLE)
    return _F32.pack((last.recorded - first.recorded) * 1e3)
