"""A judge as one writes it first: graph, comparison and verdict in one process, unprotected.

It stands for what the attacks were made against. It runs the published example
on the software device, whose memory holds zeros as a GPU's mostly does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from grader.device import CaseSetup, SoftwareDevice
from grader.toolchain import edition
from grader.toolchain.toolchain import locate

_JUDGE = """
import ctypes, os, sys
for path in os.environ["DRIVER"].split(":"):
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
import numpy as np
from pathlib import Path
from max.driver import CPU, Accelerator, Buffer
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Graph, TensorType, ops

def main():
    given = np.arange(15, dtype=np.float32)
    kernel = np.arange(4, dtype=np.float32)
    expected = np.zeros(15, dtype=np.float32)
    for i in range(15):
        for j in range(min(4, 15 - i)):
            expected[i] += given[i + j] * kernel[j]
    device = Accelerator()
    place = DeviceRef.from_device(device)
    types = [TensorType(DType.float32, [size], place) for size in (15, 4)]
    package = Path("op.mojoc")
    with Graph("conv1d", input_types=types, custom_extensions=[package]) as graph:
        parameters = {"input_size": 15, "conv_size": 4, "dtype": DType.float32}
        out = ops.custom(name="conv1d", device=place, values=list(graph.inputs),
                         out_types=[types[0]], parameters=parameters)
        graph.output(out[0].tensor)
    model = InferenceSession(devices=[device]).load(graph)
    inputs = [Buffer.from_numpy(array).to(device) for array in (given, kernel)]
    result = model.execute(*inputs)[0].to(CPU()).to_numpy()
    right = eval(os.environ["COMPARISON"])
    print("THE JUDGE SAYS", "PASS" if right else "FAIL", result)
    return 0 if right else 1

code = main()
sys.stdout.flush()
os._exit(code)
"""


ALLCLOSE = "np.allclose(result, expected, rtol=1e-5)"
NONE_TOO_FAR = "not (np.abs(result - expected) > 1e-5 * np.abs(expected)).any()"
"""As it is also written; NaN is never too far."""


def judge(
    source: Path, folder: Path, *, comparison: str = ALLCLOSE
) -> subprocess.CompletedProcess[str]:
    """Judge a file, naively; what the process printed and how it ended."""
    toolchain = locate(edition.find("auto"))
    (folder / "source/op").mkdir(parents=True)
    (folder / "run").mkdir()
    (folder / "source/op/__init__.mojo").write_text("from .conv1d import *\n")
    shutil.copy(source, folder / "source/op/conv1d.mojo")
    with SoftwareDevice() as device:
        variables = {**os.environ, **toolchain.environment(), **device.worker_environment()}
        variables["MODULAR_CACHE_DIR"] = str(folder / "cache")
        variables["COMPARISON"] = comparison
        variables["DRIVER"] = ":".join(map(str, device.driver_libraries()))
        subprocess.run(
            [str(toolchain.mojo), "precompile", "../source/op", "-o", "op.mojoc"],
            cwd=folder / "run",
            env=variables,
            capture_output=True,
            check=True,
        )
        device.begin_case(CaseSetup(poison=0, shared_fill=0))
        return subprocess.run(
            [sys.executable, "-c", _JUDGE],
            cwd=folder / "run",
            env=variables,
            pass_fds=[device.worker_fd],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )
