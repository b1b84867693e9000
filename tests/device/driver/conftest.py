"""One device process with the fake simulator for all tests of this folder."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.device.process import SoftwareDevice, SpawnRequest, spawn_plain
from grader.device.wire import DriverClient

ROOT = Path(__file__).parents[3]
FAKE = Path(__file__).with_name("fake_device.py")


def spawn_fake(request: SpawnRequest) -> subprocess.Popen[bytes]:
    """As the product spawns, but for the module that runs."""
    fd = request.argv[-1]
    environment = {**request.environment, "PYTHONPATH": str(ROOT)}
    argv = (sys.executable, "-P", str(FAKE), "--control-fd", fd)
    return spawn_plain(dataclasses.replace(request, argv=argv, environment=environment))


@pytest.fixture(scope="session")
def device_process() -> Iterator[SoftwareDevice]:
    with SoftwareDevice(spawn=spawn_fake) as device:
        yield device


@pytest.fixture
def device(device_process: SoftwareDevice) -> SoftwareDevice:
    """The device with a new connection and a new case."""
    device_process.new_connection()
    device_process.begin_case()
    return device_process


@pytest.fixture
def client(device: SoftwareDevice) -> Iterator[DriverClient]:
    client = DriverClient(device.worker_fd)
    client.hello()
    yield client
    client.close()


@pytest.fixture
def worker_environment(device: SoftwareDevice) -> dict[str, str]:
    return {"PATH": os.defpath, **device.worker_environment()}
