"""The other end of a channel can't make it raise anything else than it says, nor hang."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
import tracemalloc

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.framing import (
    MAX_FRAME,
    MAX_HEADER,
    BrokenProtocol,
    DeadlinePassed,
    FramedChannel,
    PeerGone,
)
from tests.frames import frame


class Said(msgspec.Struct, frozen=True, tag_field="kind", tag="said", forbid_unknown_fields=True):
    number: int
    texts: tuple[str, ...] = ()


class Over(msgspec.Struct, frozen=True, tag_field="kind", tag="over", forbid_unknown_fields=True):
    pass


MESSAGES: msgspec.json.Decoder[Said | Over] = msgspec.json.Decoder(Said | Over)
GOOD = frame({"kind": "said", "number": 1, "texts": ["a"]}, b"1234")


@contextlib.contextmanager
def ends(**more):
    ours, theirs = socket.socketpair()
    with FramedChannel(ours.detach(), MESSAGES, **more) as channel, theirs:
        yield channel, theirs


def soon():
    return time.monotonic() + 2


def test_a_message_comes_as_it_was_sent():
    with ends() as (channel, theirs), FramedChannel(theirs.detach(), MESSAGES) as other:
        other.send(Said(3, ("x",)), b"data", deadline=soon())
        other.send({"kind": "over"}, deadline=soon())
        assert channel.receive(deadline=soon()) == (Said(3, ("x",)), b"data")
        assert channel.receive(deadline=soon()) == (Over(), b"")


def test_it_may_come_in_pieces_and_a_receive_goes_on_where_it_was():
    with ends() as (channel, theirs):
        for byte in GOOD:
            with pytest.raises(DeadlinePassed):
                channel.receive(deadline=time.monotonic() + 0.001)
            theirs.sendall(bytes([byte]))
        assert channel.receive(deadline=soon()) == (Said(1, ("a",)), b"1234")


def test_a_pipe_is_as_good_as_a_socket():
    read, write = os.pipe()
    with FramedChannel(read, MESSAGES) as channel:
        os.write(write, GOOD)
        os.close(write)
        assert channel.receive(deadline=soon())[1] == b"1234"
        with pytest.raises(PeerGone):
            channel.receive(deadline=soon())


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<II", MAX_FRAME + 1, 4),
        struct.pack("<II", MAX_FRAME, MAX_HEADER + 1),
        struct.pack("<II", 2**32 - 1, 2**32 - 1),
        struct.pack("<II", 3, 0),
        struct.pack("<II", 10, 20),
        frame(b""),
        frame(b"\xff\xfe"),
        frame(b"[" * 60_000),
        frame({"kind": "said"}),
        frame({"kind": "said", "number": "x"}),
        frame({"kind": "said", "number": 1, "more": 2}),
        frame({"kind": "verdict", "score": 100}),
        frame([]),
    ],
)
def test_what_is_no_frame_breaks_the_protocol(data):
    with ends() as (channel, theirs):
        theirs.sendall(data)
        with pytest.raises(BrokenProtocol):
            channel.receive(deadline=soon())


def test_a_bound_of_its_own_holds():
    with ends(max_frame=100) as (channel, theirs):
        theirs.sendall(frame({"kind": "over"}, b"x" * 50) + frame({"kind": "over"}, b"x" * 90))
        assert channel.receive(deadline=soon()) == (Over(), b"x" * 50)
        with pytest.raises(BrokenProtocol):
            channel.receive(deadline=soon())


def test_a_length_that_is_promised_takes_no_memory():
    promise = struct.pack("<II", MAX_FRAME, len(b'{"kind":"over"}')) + b'{"kind":"over"}'
    with ends() as (channel, theirs):
        theirs.sendall(promise)
        tracemalloc.start()
        try:
            with pytest.raises(DeadlinePassed):
                channel.receive(deadline=time.monotonic() + 0.1)
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()


def test_silence_ends_at_the_deadline():
    with ends() as (channel, _):
        began = time.monotonic()
        with pytest.raises(DeadlinePassed):
            channel.receive(deadline=began + 0.1)
        assert time.monotonic() - began < 60


def test_half_a_frame_and_the_end_is_a_peer_gone():
    with ends() as (channel, theirs):
        theirs.sendall(GOOD[:-3])
        theirs.close()
        with pytest.raises(PeerGone):
            channel.receive(deadline=soon())


def test_an_end_that_does_not_read_can_not_hold_the_grader():
    payload = b"x" * (1 << 24)
    with ends() as (channel, theirs), FramedChannel(theirs.detach(), MESSAGES) as other:
        with pytest.raises(DeadlinePassed):
            channel.send(Over(), payload, deadline=time.monotonic() + 0.2)
        # What could not be sent in time is sent later, whole and once.
        sender = threading.Thread(target=lambda: channel.flush(deadline=soon()))
        sender.start()
        assert other.receive(deadline=soon()) == (Over(), payload)
        sender.join()


def test_a_closed_end_says_so():
    with ends() as (channel, theirs):
        theirs.close()
        with pytest.raises(PeerGone):
            channel.send(Over(), b"x" * (1 << 20), deadline=soon())
        channel.close()
        channel.close()
        with pytest.raises(PeerGone):
            channel.receive(deadline=soon())


FRAMES = st.one_of(
    st.binary(max_size=200),
    st.builds(frame, st.binary(max_size=80), st.binary(max_size=40)),
    st.builds(
        frame,
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["kind", "number", "texts", "more"]), inner)
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
def test_any_bytes_end_in_messages_or_one_of_two_endings(chunks):
    """Random, truncated, mutated and reordered frames, then the end of the stream."""
    with ends() as (channel, theirs):
        theirs.sendall(b"".join(chunks))
        theirs.close()
        with contextlib.suppress(BrokenProtocol, PeerGone):
            while True:
                message, payload = channel.receive(deadline=soon())
                assert isinstance(message, Said | Over)
                assert isinstance(payload, bytes)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(), st.text(max_size=9), st.binary(max_size=99)), max_size=4),
    st.lists(st.integers(1, 40), min_size=1, max_size=9),
)
def test_messages_come_whole_and_in_order_however_they_are_cut(sent, sizes):
    messages = [(Said(number % 2**60, (text,)), payload) for number, text, payload in sent]
    stream = b"".join(frame(msgspec.to_builtins(one), payload) for one, payload in messages)
    with ends() as (channel, theirs):
        got = []
        while stream:
            size = sizes[len(stream) % len(sizes)]
            theirs.sendall(stream[:size])
            stream = stream[size:]
            with contextlib.suppress(DeadlinePassed):
                while True:
                    got.append(channel.receive(deadline=time.monotonic() + 0.0005))
        assert got == messages
