"""The built C libraries, called as MAX calls them, against a device process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from grader.device.cuda import TOTAL_MEMORY
from grader.device.process import SoftwareDevice

PROBE = Path(__file__).with_name("library_probe.py")
SYMBOLS = sorted(Path(__file__).with_name("symbols").glob("*.txt"))

Probe = Callable[..., dict[str, Any]]


@pytest.fixture
def probe(device: SoftwareDevice, worker_environment: dict[str, str]) -> Probe:
    """Runs one scenario of ``library_probe.py`` as a worker process."""

    def run(
        scenario: str, *, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, str(PROBE), scenario],
            env={**worker_environment, **(environment or {})},
            pass_fds=[device.worker_fd],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return run


@pytest.mark.parametrize("listing", SYMBOLS, ids=lambda path: path.stem)
def test_every_symbol_that_max_looks_up_is_there(probe: Probe, listing: Path) -> None:
    assert probe("symbols", stdin=listing.read_text()) == {"missing": []}


def test_properties(probe: Probe) -> None:
    assert probe("properties") == {
        "init": 0,
        "name": [0, "Softwar"],
        "major": 8,
        "other device": 101,
        "error": [0, "CUDA_ERROR_ILLEGAL_ADDRESS"],
        "no error": 1,
    }


def test_nvml_agrees_with_the_driver(probe: Probe) -> None:
    assert probe("management") == {
        "init": 0,
        "memory": [TOTAL_MEMORY, TOTAL_MEMORY, 0],
        "capability": [8, 0],
        "pci": ["0000:01:00.0", 0, 1, 0],
        "bus": "00000000:01:00.0",
        "mig": 3,
        "bad handle": 2,
    }


def test_the_ptx_compiler_hands_the_text_through(probe: Probe) -> None:
    assert probe("compiler") == {
        "compile": 0,
        "program": ".version 8.1\n\0",
        "destroy": 0,
        "without a handle": 1,
    }


def test_memory_round_trip(probe: Probe) -> None:
    seen = probe("memory")
    data = bytearray(range(60))
    data[4:8] = bytes.fromhex("ddccbbaa")
    assert seen == {
        "in": 0,
        "set": 0,
        "out": 0,
        "data": data.hex(),
        "range": [0, 60],
        "device": [0, 2],
        "elsewhere": [0, 0],
        "outside": 1,
        "long": [0, 0, 1, True],
        "free": [0, 1],
    }


def test_pinned_memory_is_reserved_and_not_touched(probe: Probe) -> None:
    assert probe("host_memory") == {"alloc": 0, "apart": True, "free": [0, 1]}


def test_pinned_memory_is_filled_in_its_own_process(probe: Probe) -> None:
    seen = probe("host_memset")
    data = bytearray(64)
    data[4:12] = bytes.fromhex("ddccbbaa") * 2
    data[14:16] = bytes.fromhex("3412")
    data[20:23] = data[25:28] = bytes([7] * 3)
    data[60:64] = bytes.fromhex("ddccbbaa")
    assert seen == {
        "words": 0,
        "shorts": 0,
        "rows": 0,
        "none": 0,
        "last": 0,
        "past": 1,
        "far past": 1,
        "rows past": 1,
        "misaligned": 1,
        "bad stream": 400,
        "bytes": data.hex(" ", 4),
    }


def test_launch_with_either_way_to_pass_parameters(probe: Probe) -> None:
    assert probe("launches") == {
        "parameters": 0,
        "buffer": 0,
        "both": 1,
        "neither": 1,
        "bad handle": 400,
        "values": [3.5, 4.5],
        "second": 0,
        "layout": [8, 4],
        "third": 1,
    }


def test_launches_in_clusters(probe: Probe, device: SoftwareDevice) -> None:
    assert probe("clusters") == {"none": 0, "clusters": 0, "placed": 0, "another": 801}
    evidence = device.end_case()
    assert [launch.printed for launch in evidence.launches] == [
        "None of 8 at most",
        "(2, 3, 1) of 8 at most",
        "(4, 1, 1) of 8 at most",
    ]
    assert "launch attributes (number 2)" in evidence.unsupported[0]


def test_a_module_that_can_t_be_read(probe: Probe, device: SoftwareDevice) -> None:
    seen = probe("bad_module")
    assert seen["text"][0] == 218
    assert "this is not the fake program" in seen["text"][1]
    assert seen["elf"] == 200
    assert seen["too long"] == 801
    assert "more than 4 MiB of PTX" in device.end_case().unsupported[1]


def test_a_fault_sticks(probe: Probe) -> None:
    assert set(probe("fault").values()) == {700}


def test_stubs_return_not_supported_and_are_named(probe: Probe, device: SoftwareDevice) -> None:
    assert probe("stubs") == {"results": [801] * 3}
    sentences = device.end_case().unsupported
    assert [s.rsplit(" ", 1)[1] for s in sentences] == [
        "cuGraphCreate",
        "cuStreamBeginCapture",
        "cuMemCreate",
    ]


def test_each_thread_has_a_current_context_of_its_own(probe: Probe) -> None:
    assert probe("contexts") == {"pop": 201, "current": True, "in another thread": None}


def test_a_host_function_is_called(probe: Probe) -> None:
    assert probe("host_function") == {"result": 0, "called": [77]}


def test_threads_do_not_get_each_other_s_replies(probe: Probe) -> None:
    assert probe("threads") == {"wrong": []}


@pytest.mark.parametrize("fd", ["", "junk", "-1", "7x", "999", "0"])
def test_without_a_device_process_there_is_no_device(probe: Probe, fd: str) -> None:
    seen = probe("no_device", environment={"GRADE_DEVICE_FD": fd})
    assert seen == {"init": 100, "alloc": 100}


def test_a_lost_connection_is_an_error_on_every_call(probe: Probe) -> None:
    assert probe("lost") == {"before": 0, "after": [999, 999]}


def test_garbage_from_host_code_ends_its_own_connection(
    probe: Probe, device: SoftwareDevice
) -> None:
    assert probe("garbage") == {"after": [999, 999]}
    assert device.end_case().broken_protocol


def test_a_call_is_fast(probe: Probe) -> None:
    """A graph makes dozens of calls for each case; this is the price of one."""
    assert probe("timing")["seconds"] < 0.002
