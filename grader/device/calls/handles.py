"""Calls on streams and events.

All work is done when a call returns. On a GPU it is not, so who waits for whom is noted.
"""

from __future__ import annotations

import struct

from grader.device.calls.table import call, printable
from grader.device.results import CallRefused, Result
from grader.device.session import Session
from grader.device.streams import Event, Stream
from grader.device.wire import Op

_U64 = struct.Struct("<Q")
_F32 = struct.Struct("<f")
_DISABLE_TIMING = 2


@call(Op.STREAM_CREATE, "I")
def stream_create(session: Session, flags: int) -> bytes:
    """A new stream."""
    handle = session.streams.add(stream := Stream(0))
    session.order.created(stream, handle, flags)
    return _U64.pack(handle)


@call(Op.STREAM_DESTROY, "Q")
def stream_destroy(session: Session, stream: int) -> None:
    """Close a stream."""
    session.streams.remove(stream).destroyed = True


@call(Op.STREAM_CHECK, "Q")
def stream_check(session: Session, stream: int) -> None:
    """Whether the stream exists; if so, it is idle."""
    session.stream(stream)


@call(Op.STREAM_SYNCHRONIZE, "Q")
def stream_synchronize(session: Session, stream: int) -> None:
    """The host waits for a stream, or is told that it is idle."""
    session.order.host_waited_for(session.stream(stream))


@call(Op.STREAM_WAIT, "QQ")
def stream_wait(session: Session, stream: int, event: int) -> None:
    """What comes on the stream waits for the event."""
    session.order.waits(session.stream(stream), session.events.get(event))


@call(Op.CONTEXT_SYNCHRONIZE)
def context_synchronize(session: Session) -> None:
    """The host waits for all streams."""
    session.order.host_waited_for_all()


@call(Op.ORDER_UNSURE, tail=True)
def order_unsure(session: Session, why: memoryview) -> None:
    """The worker does what hides from the device who waits for whom."""
    session.order.unsure(printable(why))


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
    """Mark the time, and how far the stream has come."""
    known = session.events.get(event)
    session.order.recorded(known, session.stream(stream))
    known.recorded = session.now()


@call(Op.EVENT_SYNCHRONIZE, "Q")
def event_synchronize(session: Session, event: int) -> None:
    """The host waits for an event, or is told that it has happened."""
    session.order.host_waited(session.events.get(event).clock)


@call(Op.EVENT_ELAPSED, "QQ")
def event_elapsed(session: Session, start: int, end: int) -> bytes:
    """Milliseconds between two recorded events."""
    first, last = session.events.get(start), session.events.get(end)
    if first.recorded is None or last.recorded is None or not (first.timed and last.timed):
        raise CallRefused(Result.INVALID_HANDLE)
    return _F32.pack((last.recorded - first.recorded) * 1e3)
