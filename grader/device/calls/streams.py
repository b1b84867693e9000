"""Calls on streams and events.

All work is done when a call returns. On a GPU it is not, so it is noted which work waits for which.
"""

from __future__ import annotations

import struct

from grader.device.calls.table import call, printable
from grader.device.cuda import CallRefused, CudaResult
from grader.device.session import DriverSession
from grader.device.streams import Stream, StreamEvent
from grader.device.wire import DriverOp

_U64 = struct.Struct("<Q")
_F32 = struct.Struct("<f")
_DISABLE_TIMING = 2


@call(DriverOp.STREAM_CREATE, "I")
def stream_create(session: DriverSession, flags: int) -> bytes:
    """A new stream."""
    handle = session.streams.add(stream := Stream(0))
    session.order.created(stream, handle, flags)
    return _U64.pack(handle)


@call(DriverOp.STREAM_DESTROY, "Q")
def stream_destroy(session: DriverSession, stream: int) -> None:
    """Close a stream."""
    session.streams.remove(stream).destroyed = True


@call(DriverOp.STREAM_CHECK, "Q")
def stream_check(session: DriverSession, stream: int) -> None:
    """Whether the stream exists; if so, it is idle."""
    session.stream(stream)


@call(DriverOp.STREAM_SYNCHRONIZE, "Q")
def stream_synchronize(session: DriverSession, stream: int) -> None:
    """The host waits for a stream, or is told that it is idle."""
    session.order.host_waited_for(session.stream(stream))


@call(DriverOp.STREAM_WAIT, "QQ")
def stream_wait(session: DriverSession, stream: int, event: int) -> None:
    """Later work on the stream waits for the event."""
    session.order.waits(session.stream(stream), session.events.get(event))


@call(DriverOp.CONTEXT_SYNCHRONIZE)
def context_synchronize(session: DriverSession) -> None:
    """The host waits for all streams."""
    session.order.host_waited_for_all()


@call(DriverOp.ORDER_UNSURE, tail=True)
def order_unsure(session: DriverSession, why: memoryview) -> None:
    """The worker does something after which the device can't tell which work waits for which."""
    session.order.unsure(printable(why))


@call(DriverOp.EVENT_CREATE, "I")
def event_create(session: DriverSession, flags: int) -> bytes:
    """A new event."""
    return _U64.pack(session.events.add(StreamEvent(timed=not flags & _DISABLE_TIMING)))


@call(DriverOp.EVENT_DESTROY, "Q")
def event_destroy(session: DriverSession, event: int) -> None:
    """Close an event."""
    session.events.remove(event)


@call(DriverOp.EVENT_RECORD, "QQ")
def event_record(session: DriverSession, event: int, stream: int) -> None:
    """Mark the time, and how far the stream has come."""
    known = session.events.get(event)
    session.order.recorded(known, session.stream(stream))
    known.recorded = session.now()


@call(DriverOp.EVENT_SYNCHRONIZE, "Q")
def event_synchronize(session: DriverSession, event: int) -> None:
    """The host waits for an event, or is told that it has happened."""
    session.order.host_waited(session.events.get(event).clock)


@call(DriverOp.EVENT_ELAPSED, "QQ")
def event_elapsed(session: DriverSession, start: int, end: int) -> bytes:
    """Milliseconds between two recorded events."""
    first, last = session.events.get(start), session.events.get(end)
    if first.recorded is None or last.recorded is None or not (first.timed and last.timed):
        raise CallRefused(CudaResult.INVALID_HANDLE)
    return _F32.pack((last.recorded - first.recorded) * 1e3)
