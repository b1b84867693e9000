"""Whatever arrives on either channel: no hang, no crash, no foreign exception."""

from __future__ import annotations

import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.device import control, wire
from grader.device.process import SoftwareDevice
from grader.device.wire import REQUEST_HEADER, DriverClient, DriverOp, Gone
from grader.errors import ProtocolFault
from tests.device.driver.fake_device import PROGRAM

FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

numbers = (
    st.integers(0, 2**64 - 1) | st.integers(0, 64) | st.integers(0x7F00_0000_0000, 0x7F00_0000_4000)
)
payloads = st.binary(max_size=128) | st.lists(numbers, max_size=8).map(
    lambda values: b"".join(value.to_bytes(8, "little") for value in values)
)
frames = st.tuples(st.sampled_from(list(DriverOp)), payloads).map(
    lambda f: REQUEST_HEADER.pack(len(f[1]), 7, f[0]) + f[1]
)
"""Well-formed frames of every operation with payloads of any length and value."""


def healthy(device: SoftwareDevice) -> bool:
    """A new worker gets through, and the grader gets evidence."""
    client = DriverClient(device.new_connection())
    client.hello()
    function = client.function(client.load(PROGRAM), "echo")
    launched = client.launch(function, bytes(48))
    client.close()
    return launched == 0 and bool(device.end_case().launches)


def pour(device: SoftwareDevice, data: bytes) -> None:
    """Send bytes as a worker and hang up; the device may hang up first."""
    client = DriverClient(device.new_connection())
    try:
        client.send_raw(data)
        client.sock.shutdown(socket.SHUT_WR)
        while True:
            client.receive_reply()
    except (Gone, OSError):
        pass
    finally:
        client.close()


@FUZZ
@given(data=st.binary(max_size=400))
def test_random_bytes_from_the_worker(device: SoftwareDevice, data: bytes) -> None:
    pour(device, data)
    assert healthy(device)


@FUZZ
@given(sequence=st.lists(frames, max_size=12))
def test_calls_in_any_order_with_any_values(device: SoftwareDevice, sequence: list[bytes]) -> None:
    device.begin_case()
    pour(device, b"".join(sequence))
    evidence = device.end_case()
    assert not [s for s in evidence.unsupported if s.startswith("the device failed")]
    assert healthy(device)


@FUZZ
@given(frame=frames, cut=st.integers(0, 140))
def test_truncated_frames(device: SoftwareDevice, frame: bytes, cut: int) -> None:
    pour(device, frame[:cut])
    assert healthy(device)


@pytest.mark.parametrize("op", list(DriverOp))
def test_a_frame_that_is_too_long_ends_the_connection(device: SoftwareDevice, op: DriverOp) -> None:
    client = DriverClient(device.worker_fd)
    client.send_raw(REQUEST_HEADER.pack(2**32 - 1, 1, op))
    with pytest.raises(Gone):
        client.receive_reply()
    client.close()
    assert "exceeds its limit" in device.end_case().broken_protocol
    assert healthy(device)


def test_an_operation_that_is_none_ends_the_connection(device: SoftwareDevice) -> None:
    client = DriverClient(device.worker_fd)
    client.send_raw(REQUEST_HEADER.pack(0, 1, 9999))
    with pytest.raises(Gone):
        client.receive_reply()
    client.close()
    assert "operation 9999" in device.end_case().broken_protocol


def test_a_reader_of_requests_gives_up_at_the_end(device: SoftwareDevice) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(REQUEST_HEADER.pack(10, 1, DriverOp.HELLO) + b"half")
        ours.shutdown(socket.SHUT_WR)
        assert wire.receive_request(theirs) is None


@FUZZ
@given(data=st.binary(max_size=200))
def test_the_control_decoders_take_no_junk(data: bytes) -> None:
    for decode in (control.decode_request, control.decode_answer):
        try:
            message = decode(data)
        except ProtocolFault:
            continue
        assert isinstance(message, control.ControlRequest | control.ControlAnswer)


@settings(max_examples=25, deadline=None)
@given(data=st.binary(min_size=1, max_size=100))
def test_a_control_channel_that_breaks_ends_with_a_message(data: bytes) -> None:
    from grader.device.server import Server
    from tests.device.driver.fake_device import FakeSimulator

    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises(ProtocolFault):
            Server(theirs, FakeSimulator()).run()


def test_a_control_frame_that_is_too_long_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall((control.MAX_REQUEST + 1).to_bytes(4, "little"))
        with pytest.raises(ProtocolFault, match="exceeds the limit"):
            control.receive(theirs, control.MAX_REQUEST)
