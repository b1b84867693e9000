"""The grader's handle on the device process: its life, its end, its deadlines."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from grader.device import CaseSetup, FindingKind, control
from grader.device.process import SoftwareDevice, SpawnRequest, spawn_plain
from grader.device.wire import DriverClient, DriverOp, Gone
from grader.errors import DeviceFault, ProtocolFault
from tests.device.driver.conftest import spawn_fake
from tests.device.driver.fake_device import PROGRAM
from tests.device.kernels import kernel_text


def test_the_real_device_starts_and_stops() -> None:
    with SoftwareDevice() as device:
        client = DriverClient(device.worker_fd)
        client.hello()
        client.close()
        assert device.end_case().launches == ()


def test_the_worker_is_told_how_to_reach_the_device(device: SoftwareDevice) -> None:
    environment = device.worker_environment(fd=9, libraries=Path("/inside"))
    assert environment["GRADE_DEVICE_FD"] == "9"
    assert environment["MODULAR_DEVICE_CONTEXT_MEMORY_MANAGER_SIZE"] == "0"
    assert environment["MODULAR_DEVICE_CONTEXT_BUFFER_CACHE_SIZE"] == "0"
    assert environment["MODULAR_NVPTX_LIBRARY_PATH"] == "/inside/libNVPTX.so"
    assert environment["GRADE_DRIVER_LIBRARIES"].split(":") == [
        f"/inside/{path.name}" for path in device.driver_libraries()
    ]


def test_libraries_that_were_not_built_are_a_clear_fault(tmp_path: Path) -> None:
    with pytest.raises(DeviceFault, match="missing") as caught:
        SoftwareDevice(libraries=tmp_path)
    assert "pip install -e ." in caught.value.remedy


def test_a_device_that_ends_leaves_its_last_words() -> None:
    with SoftwareDevice(spawn=spawn_fake) as device:
        client = DriverClient(device.worker_fd)
        function = client.function(client.load(PROGRAM), "die")
        with pytest.raises(Gone):
            client.launch(function)
        with pytest.raises(DeviceFault, match="the simulator's last words"):
            device.end_case()
        client.close()


def test_a_device_that_can_t_be_started_is_a_clear_fault() -> None:
    def spawn(request: SpawnRequest) -> subprocess.Popen[bytes]:
        raise FileNotFoundError("no such program")

    with pytest.raises(DeviceFault, match="could not be started"):
        SoftwareDevice(spawn=spawn).__enter__()


def test_a_device_that_is_silent_is_given_up() -> None:
    def spawn(request: SpawnRequest) -> subprocess.Popen[bytes]:
        argv = (sys.executable, "-c", "import time; time.sleep(60)")
        return spawn_plain(SpawnRequest(argv, request.pass_fds, {}, request.stderr))

    device = SoftwareDevice(spawn=spawn)
    device._patience_s = 0.2
    with pytest.raises(DeviceFault, match="did not answer ControlHello"):
        device.__enter__()


def test_a_device_whose_module_is_absent_says_so() -> None:
    def spawn(request: SpawnRequest) -> subprocess.Popen[bytes]:
        argv = (sys.executable, "-P", "-m", "no_such_module")
        return spawn_plain(SpawnRequest(argv, request.pass_fds, {}, request.stderr))

    with pytest.raises(DeviceFault, match="no_such_module"):
        SoftwareDevice(spawn=spawn).__enter__()


def test_a_device_that_babbles_is_a_protocol_fault() -> None:
    code = (
        "import socket, struct, sys\n"
        "sock = socket.socket(fileno=int(sys.argv[1]))\n"
        "sock.recv(100)\n"
        "sock.sendall(struct.pack('<I', 4) + b'junk')\n"
    )

    def spawn(request: SpawnRequest) -> subprocess.Popen[bytes]:
        argv = (sys.executable, "-c", code, request.argv[-1])
        return spawn_plain(SpawnRequest(argv, request.pass_fds, {}, request.stderr))

    with pytest.raises(ProtocolFault, match="can't be read"):
        SoftwareDevice(spawn=spawn).__enter__()


def test_closing_twice_is_harmless_and_using_it_afterwards_is_a_fault() -> None:
    device = SoftwareDevice(spawn=spawn_fake)
    with device:
        pass
    device.close()
    with pytest.raises(DeviceFault, match="not running"):
        device.begin_case()
    with pytest.raises(DeviceFault, match="not running"):
        _ = device.worker_fd


def test_the_process_ends_when_the_grader_goes_away() -> None:
    started: list[subprocess.Popen[bytes]] = []

    def spawn(request: SpawnRequest) -> subprocess.Popen[bytes]:
        started.append(spawn_fake(request))
        return started[-1]

    device = SoftwareDevice(spawn=spawn).__enter__()
    assert device._control is not None
    device._control.shutdown(socket.SHUT_RDWR)
    assert started[0].wait(5) == 0
    device.close()


def test_an_old_worker_is_cut_off_by_a_new_connection(
    client: DriverClient, device: SoftwareDevice
) -> None:
    fresh = DriverClient(device.new_connection())
    fresh.hello()
    with pytest.raises(Gone):
        client.call(DriverOp.STATUS)
    fresh.close()


def test_evidence_waits_for_a_launch_that_runs(
    client: DriverClient, device: SoftwareDevice
) -> None:
    function = client.function(client.load(PROGRAM), "slow")
    launching = threading.Thread(target=client.launch, args=(function,))
    launching.start()
    time.sleep(0.3)
    assert [launch.kernel for launch in device.end_case().launches] == ["slow"]
    launching.join()


def test_a_worker_that_does_not_read_its_replies_blocks_nobody(
    client: DriverClient, device: SoftwareDevice
) -> None:
    address = client.allocate(32 << 20)
    request = (36).to_bytes(4, "little") + (99).to_bytes(4, "little")
    request += int(DriverOp.COPY_TO_HOST).to_bytes(4, "little")
    request += address.to_bytes(8, "little") + (32 << 20).to_bytes(8, "little")
    request += bytes(20)  # of the default stream
    client.send_raw(request)
    time.sleep(0.2)
    assert len(device.end_case().copies_out) == 1
    fresh = DriverClient(device.new_connection())
    fresh.hello()
    fresh.close()


def test_a_worker_that_sends_half_a_request_blocks_nobody(
    client: DriverClient, device: SoftwareDevice
) -> None:
    client.send_raw((100).to_bytes(4, "little"))
    device.begin_case()
    assert device.end_case().launches == ()


@pytest.mark.parametrize("poison", [-1, 1 << 32])
def test_a_poison_that_is_no_pattern_is_refused_before_it_is_sent(
    device: SoftwareDevice, poison: int
) -> None:
    with pytest.raises(ValueError, match="32-bit pattern"):
        device.begin_case(CaseSetup(poison=poison))


def test_a_check_is_switched_off_for_a_case_and_an_unknown_one_is_refused() -> None:
    """The next case has all checks again."""
    race = ".shared .align 4 .b8 tile[4];"
    text = kernel_text("mov.u32 %r1, tile; st.shared.u32 [%r1], %t;", buffers=0, module=race)
    kinds = []
    with SoftwareDevice() as device:
        client = DriverClient(device.worker_fd)
        client.hello()
        kernel = client.function(client.load(text), "k")
        for without in (frozenset({"races"}), frozenset[str]()):
            device.begin_case(CaseSetup(without=without))
            assert client.launch(kernel, block=(32, 1, 1)) == 0
            (launch,) = device.end_case().launches
            kinds.append([found.kind for found in launch.findings])
        client.close()
        with pytest.raises(DeviceFault, match="there is no check rases"):
            device.begin_case(CaseSetup(without=frozenset({"rases"})))
    assert kinds == [[], [FindingKind.RACE]]


def test_another_version_of_the_control_protocol_is_refused(device: SoftwareDevice) -> None:
    with pytest.raises(DeviceFault, match="version"):
        device._ask(control.ControlHello(version=control.VERSION + 1))


def test_a_connection_without_a_socket_is_refused(device: SoftwareDevice) -> None:
    with pytest.raises(DeviceFault, match="socket comes with Connect"):
        device._ask(control.Connect())
