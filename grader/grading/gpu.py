"""Whether this machine has a GPU that can be used: asked of the driver, not of a tool."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# In a process of its own: a driver that is loaded once stays loaded, and a broken one may crash.
_ASK = """
import ctypes, json
try:
    cuda = ctypes.CDLL("libcuda.so.1")
except OSError as error:
    print(json.dumps({"why": "there is no NVIDIA driver (libcuda.so.1)"}))
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
print(json.dumps({"name": name.value.decode(errors="replace")}))
"""
_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class GpuProbe:
    """What the driver said. ``name`` is empty where there is no usable GPU."""

    name: str = ""
    why: str = ""


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
        return GpuProbe(**json.loads(answer))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return GpuProbe(why=f"the driver did not answer: {error}")
