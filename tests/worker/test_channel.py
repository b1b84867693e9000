"""The channel to the worker: an untrusted end can't make it raise anything else, nor hang."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.worker.channel import (
    MAX_FRAME,
    BrokenProtocol,
    CaseError,
    Channel,
    Compiled,
    Failed,
    Hello,
    Late,
    Result,
    WorkerGone,
    cut,
)


@contextlib.contextmanager
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def frame(header, payload=b""):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<II", 4 + len(encoded) + len(payload), len(encoded)) + encoded + payload


def soon():
    return time.monotonic() + 2


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"kind": "hello", "seconds": 0.5}, Hello(seconds=0.5)),
        ({"kind": "compiled", "seconds": 15.0}, Compiled(seconds=15.0)),
        ({"kind": "failed", "stage": "compile", "message": "m"}, Failed("compile", "m")),
        ({"kind": "result", "case": 3, "lengths": [4]}, Result(case=3, lengths=(4,))),
        ({"kind": "error", "case": 3, "message": "m"}, CaseError(case=3, message="m")),
    ],
)
def test_each_message_is_read(header, message):
    with ends() as (channel, theirs):
        theirs.sendall(frame(header, b"data"))
        assert channel.receive(deadline=soon()) == (message, b"data")


def test_messages_may_come_in_pieces():
    data = frame({"kind": "result", "case": 1, "lengths": [8]}, b"12345678")
    with ends() as (channel, theirs):

        def drip():
            for byte in data:
                theirs.sendall(bytes([byte]))

        sender = threading.Thread(target=drip)
        sender.start()
        assert channel.receive(deadline=soon())[1] == b"12345678"
        sender.join()


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<II", MAX_FRAME + 1, 4),
        struct.pack("<II", 2**32 - 1, 2**32 - 1),
        struct.pack("<II", 3, 0),
        struct.pack("<II", 10, 20),
        frame(b"\xff\xfe"),
        frame(b"[" * 60_000),
        frame({"kind": "hello"}),
        frame({"kind": "hello", "seconds": "x"}),
        frame({"kind": "hello", "seconds": 1, "more": 2}),
        frame({"kind": "verdict", "score": 100}),
        frame({"kind": "result", "case": 1, "lengths": "all"}),
    ],
)
def test_what_is_no_frame_breaks_the_protocol(data):
    with ends() as (channel, theirs):
        theirs.sendall(data)
        with pytest.raises(BrokenProtocol):
            channel.receive(deadline=soon())


def test_silence_ends_at_the_deadline():
    with ends() as (channel, _):
        began = time.monotonic()
        with pytest.raises(Late):
            channel.receive(deadline=began + 0.1)
        assert time.monotonic() - began < 2


def test_half_a_frame_and_the_end_is_a_worker_gone():
    with ends() as (channel, theirs):
        theirs.sendall(frame({"kind": "hello", "seconds": 1})[:-3])
        theirs.close()
        with pytest.raises(WorkerGone):
            channel.receive(deadline=soon())


def test_a_worker_that_does_not_read_can_not_hold_the_grader():
    with ends() as (channel, _), pytest.raises(Late):
        channel.send({"kind": "case"}, b"x" * (1 << 24), deadline=time.monotonic() + 0.2)


GOOD = frame({"kind": "result", "case": 1, "lengths": [4]}, b"1234")
FRAMES = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda h, p: frame(h, p), st.binary(max_size=80), st.binary(max_size=40)),
    st.builds(
        lambda header: frame(header),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["kind", "case", "lengths", "message"]), inner)
            ),
            max_leaves=8,
        ),
    ),
    st.builds(
        lambda at, byte: GOOD[:at] + bytes([byte]) + GOOD[at + 1 :],
        st.integers(0, len(GOOD) - 1),
        st.integers(0, 255),
    ),
    st.builds(lambda at: GOOD[:at], st.integers(0, len(GOOD))),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(FRAMES, max_size=4))
def test_any_bytes_end_in_a_message_or_one_of_three_endings(chunks):
    """Random, truncated, mutated and reordered frames, then the end of the stream."""
    with ends() as (channel, theirs):
        theirs.sendall(b"".join(chunks))
        theirs.close()
        with contextlib.suppress(BrokenProtocol, WorkerGone, Late):
            while True:
                message, payload = channel.receive(deadline=soon())
                if isinstance(message, Result):
                    with contextlib.suppress(BrokenProtocol):
                        assert len(cut(message, payload, (4,))[0]) == 4


@given(st.lists(st.integers(-(2**31), 2**31), max_size=4), st.binary(max_size=64))
def test_only_the_right_lengths_are_cut(lengths, payload):
    message = Result(case=1, lengths=tuple(lengths))
    wanted = (8, 4)
    if tuple(lengths) == wanted and len(payload) == 12:
        assert b"".join(cut(message, payload, wanted)) == payload
    else:
        with pytest.raises(BrokenProtocol):
            cut(message, payload, wanted)
