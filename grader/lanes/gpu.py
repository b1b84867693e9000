"""Whether this machine has a GPU that can be used: asked of the driver, not of a tool."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from grader.decoding import json_as
from grader.sandbox import Box, Limits
from grader.sandbox.policy import Profile, system_paths

# In a process of its own: a driver that is loaded once stays loaded, and a broken one may crash.
# MAX needs the second library as well, and both load more that lie beside them.
_ASK = """
import ctypes, json, os
try:
    cuda = ctypes.CDLL("libcuda.so.1")
    ctypes.CDLL("libnvidia-ml.so.1")
except OSError as error:
    print(json.dumps({"why": f"the NVIDIA driver's library can't be loaded: {error}"}))
    raise SystemExit
result = cuda.cuInit(0)
count = ctypes.c_int(0)
if result == 0:
    cuda.cuDeviceGetCount(ctypes.byref(count))
if result or not count.value:
    print(json.dumps({"why": f"cuInit gave {result} and there are {count.value} devices"}))
    raise SystemExit
name = ctypes.create_string_buffer(256)
device = ctypes.c_int(0)
cuda.cuDeviceGet(ctypes.byref(device), 0)
cuda.cuDeviceGetName(name, 256, device)
capability = []
for attribute in (75, 76):  # major and minor
    number = ctypes.c_int(0)
    cuda.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
    capability.append(number.value)
loaded = {line.split()[-1] for line in open("/proc/self/maps") if "/" in line}
names = ("libcuda.so", "libnvidia-ml.so")
folders = {os.path.dirname(path) for path in loaded if os.path.basename(path).startswith(names)}
answer = {"name": name.value.decode(errors="replace"), "folders": sorted(folders)}
answer["capability"] = capability
print(json.dumps(answer))
"""
_SECONDS = 30
_BYTES = 1 << 30
_WHICH_GPU = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
"""By which a scheduler tells a job which of a machine's GPUs it has."""


class GpuProbe(msgspec.Struct, frozen=True, kw_only=True):
    """What the driver said. ``name`` is empty where there is no usable GPU."""

    name: str = ""
    why: str = ""
    folders: tuple[str, ...] = ()
    """Where the driver's libraries lie. Containers and WSL have them in folders of their own, which
    the system's loader knows by a file that is not in the sandbox."""
    capability: tuple[int, int] = (0, 0)
    """Its compute capability."""

    def lacks(self, architecture: str) -> str:
        """Why it does not run what is written for an architecture, ``sm_90``; empty where it does.

        An empty one is any.
        """
        wanted = int(architecture.removeprefix("sm_") or 0)
        major, minor = self.capability
        if 10 * major + minor >= wanted:
            return ""
        return (
            f"the {self.name} has compute capability {major}.{minor}, and the program is written "
            f"for {wanted // 10}.{wanted % 10} and above"
        )


@cache
def probe() -> GpuProbe:
    """Ask the driver, once per process of the grader."""
    if not Path("/dev/nvidiactl").exists() and not Path("/dev/dxg").exists():
        return GpuProbe(why="there is no NVIDIA device on this machine")
    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        ).stdout
        return json_as(answer, GpuProbe)
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError) as error:
        return GpuProbe(why=f"the driver did not answer: {error}")


def folders_to_show() -> tuple[Path, ...]:
    """What a sandbox has to show besides the system's own folders, for the driver to be found."""
    shown = [path for path, target in system_paths(Profile.WORKER) if target is None]
    return tuple(
        folder
        for folder in map(Path, probe().folders)
        if not any(folder.is_relative_to(path) for path in shown)
    )


def environment(inside: Callable[[Path], str]) -> Mapping[str, str]:
    """The variables with which a process in the sandbox finds the driver, and the same GPU."""
    found = {name: os.environ[name] for name in _WHICH_GPU if name in os.environ}
    folders = [inside(Path(folder)) for folder in probe().folders]
    return {**found, "LD_LIBRARY_PATH": os.pathsep.join(folders)} if folders else found


def probe_inside(box: Box) -> GpuProbe:
    """Ask the driver from within a sandbox that shows it."""
    command = box.python_command("-c", _ASK)
    limits = Limits(wall_seconds=_SECONDS, resident_bytes=_BYTES)
    variables = {**box.python_environment(), **environment(box.inside)}
    with box.spawn(command, stage="GPU", limits=limits, environment=variables) as process:
        outcome = process.wait()
    try:
        return json_as(outcome.stdout, GpuProbe)
    except msgspec.DecodeError:
        said = outcome.stderr.decode(errors="replace").strip()[-300:]
        return GpuProbe(why=f"the driver did not answer in the sandbox: {said or outcome}")
