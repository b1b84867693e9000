"""A kernel that uses the host's pinned memory by its address, as it may on a GPU."""

from __future__ import annotations

import pytest

from grader.device.addresses import BASE_ADDRESS
from grader.device.evidence import FindingKind
from grader.device.wire import DriverOp
from tests.device.driver.test_streams import SIZE, Host

PINNED = 0x1000_0000_0000


def launched(host: Host, of: int) -> tuple[bool, set[FindingKind]]:
    """Whether the launch is one that the device can't do, and what is found in it."""
    with pytest.raises(AssertionError):
        host.launch(host.graph, host.one, of)
    evidence = host.end()
    kinds = {finding.kind for launch in evidence.launches for finding in launch.findings}
    return bool(evidence.unsupported), kinds


@pytest.fixture
def host() -> Host:
    return Host()


def test_it_is_not_out_of_bounds(host: Host) -> None:
    host.call(DriverOp.HOST_MEMORY, "QQ", PINNED, 4 * SIZE)
    assert launched(host, PINNED + SIZE) == (True, set())


@pytest.mark.parametrize("place", [PINNED - SIZE, PINNED + 4 * SIZE])
def test_what_lies_beside_it_is(host: Host, place: int) -> None:
    host.call(DriverOp.HOST_MEMORY, "QQ", PINNED, 4 * SIZE)
    assert launched(host, place) == (False, {FindingKind.OUT_OF_BOUNDS})


def test_what_was_given_back_is(host: Host) -> None:
    host.call(DriverOp.HOST_MEMORY, "QQ", PINNED, SIZE)
    host.call(DriverOp.HOST_MEMORY, "QQ", PINNED, 0)
    assert launched(host, PINNED) == (False, {FindingKind.OUT_OF_BOUNDS})


def test_the_end_of_a_buffer_is_never_the_host_s(host: Host) -> None:
    """Whatever a worker says that it has pinned."""
    host.call(DriverOp.HOST_MEMORY, "QQ", 4096, 2**63)
    assert host.one > BASE_ADDRESS
    assert launched(host, host.one + 2 * SIZE) == (False, {FindingKind.OUT_OF_BOUNDS})
