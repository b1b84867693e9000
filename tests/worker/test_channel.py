"""What a worker may say. That it can say nothing else is tested in `tests.test_framing`."""

from __future__ import annotations

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.framing import BrokenProtocol, FramedChannel
from grader.worker.process import (
    MESSAGES,
    CaseError,
    CaseResult,
    Compiled,
    Failed,
    WorkerReady,
    cut,
)
from tests.frames import frame


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"kind": "hello", "seconds": 0.5}, WorkerReady(seconds=0.5)),
        ({"kind": "compiled", "seconds": 15.0}, Compiled(seconds=15.0)),
        ({"kind": "failed", "stage": "compile", "message": "m"}, Failed("compile", "m")),
        ({"kind": "result", "case": 3, "lengths": [4]}, CaseResult(case=3, lengths=(4,))),
        ({"kind": "error", "case": 3, "message": "m"}, CaseError(case=3, message="m")),
    ],
)
def test_each_message_is_read(header, message):
    ours, theirs = socket.socketpair()
    with FramedChannel(ours.detach(), MESSAGES) as channel, theirs:
        theirs.sendall(frame(header, b"data"))
        assert channel.receive(deadline=time.monotonic() + 2) == (message, b"data")


@pytest.mark.parametrize(
    "header",
    [
        {"kind": "hello"},
        {"kind": "hello", "seconds": "x"},
        {"kind": "hello", "seconds": 1, "more": 2},
        {"kind": "verdict", "score": 100},
        {"kind": "result", "case": 1, "lengths": "all"},
    ],
)
def test_no_other_message_is(header):
    ours, theirs = socket.socketpair()
    with FramedChannel(ours.detach(), MESSAGES) as channel, theirs:
        theirs.sendall(frame(header))
        with pytest.raises(BrokenProtocol):
            channel.receive(deadline=time.monotonic() + 2)


@given(st.lists(st.integers(-(2**31), 2**31), max_size=4), st.binary(max_size=64))
def test_only_the_right_lengths_are_cut(lengths, payload):
    message = CaseResult(case=1, lengths=tuple(lengths))
    wanted = (8, 4)
    if tuple(lengths) == wanted and len(payload) == 12:
        assert b"".join(cut(message, payload, wanted)) == payload
    else:
        with pytest.raises(BrokenProtocol):
            cut(message, payload, wanted)
