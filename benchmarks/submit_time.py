"""How long ``grade submit`` takes beside the toolchain alone, in one run.

    python -m benchmarks.submit_time [--repeat 3]

Compared are ratios within one run, because machines and their loads differ:

* the whole of ``grade submit`` of a right file against one bare MAX
  compile-and-execute of one shape on the same software device, without sandbox,
  plan, search, checks and report: of the given file with a plain launch in it (a
  sample of the sizes), and of one with a kernel of its own (all 58 and six beyond
  them); and against the naive way, one such compile for each shape (computed);
* ``grade submit`` of a file that does not compile against a bare
  ``mojo precompile`` of the same file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.labels import sample_file
from grader.device import SoftwareDevice
from grader.record import load
from grader.toolchain import edition
from grader.toolchain.toolchain import locate

RESULTS = Path(__file__).parent / "results"
RIGHT = sample_file("right")
OWN_KERNEL = sample_file("whole_domain")
BROKEN = sample_file("block_dim_missing")

_BARE = """
import ctypes, os, sys
for path in os.environ["DRIVER"].split(":"):
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
import numpy as np
from pathlib import Path
from max.driver import CPU, Accelerator, Buffer
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Graph, TensorType, ops
device = Accelerator()
place = DeviceRef.from_device(device)
package = Path("op.mojoc")
n, m = 15, 4
types = [TensorType(DType.float32, [size], place) for size in (n, m)]
with Graph("conv1d", input_types=types, custom_extensions=[package]) as graph:
    parameters = {"input_size": n, "conv_size": m, "dtype": DType.float32}
    out = ops.custom(name="conv1d", device=place, values=list(graph.inputs),
                     out_types=[types[0]], parameters=parameters)
    graph.output(out[0].tensor)
model = InferenceSession(devices=[device]).load(graph)
a, b = (np.arange(size, dtype=np.float32) for size in (n, m))
result = model.execute(Buffer.from_numpy(a).to(device), Buffer.from_numpy(b).to(device))
print(result[0].to(CPU()).to_numpy().tolist())
sys.stdout.flush()
os._exit(0)
"""


def timed(command: list[str], **more: object) -> float:
    """Seconds of a command."""
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False, **more)  # type: ignore[call-overload]
    return time.perf_counter() - began


def stage(source: Path, folder: Path) -> None:
    """An op package around a file, as a course's own script would lay it out."""
    (folder / "op").mkdir()
    (folder / "op/__init__.mojo").write_text("from .conv1d import *\n")
    shutil.copy(source, folder / "op/conv1d.mojo")


def precompile(source: Path) -> float:
    """Seconds of a bare ``mojo precompile``."""
    with tempfile.TemporaryDirectory() as name:
        stage(source, Path(name))
        mojo = str(Path(sys.executable).with_name("mojo"))
        return timed([mojo, "precompile", "op", "-o", "op.mojoc"], cwd=name)


def bare() -> float:
    """Seconds of packaging, compiling and executing one shape, nothing of ours but the device."""
    toolchain = locate(edition.find("auto"))
    with tempfile.TemporaryDirectory() as name, SoftwareDevice() as device:
        folder = Path(name)
        stage(RIGHT, folder)
        began = time.perf_counter()
        mojo = [str(toolchain.mojo), "precompile", "op", "-o", "run/op.mojoc"]
        (folder / "run").mkdir()
        variables = {**os.environ, **toolchain.environment(), **device.worker_environment()}
        variables["MODULAR_CACHE_DIR"] = str(folder / "cache")
        variables["DRIVER"] = ":".join(map(str, device.driver_libraries()))
        subprocess.run(mojo, cwd=folder, env=variables, capture_output=True, check=True)
        device.begin_case()
        ended = subprocess.run(
            [sys.executable, "-c", _BARE],
            cwd=folder / "run",
            env=variables,
            pass_fds=[device.worker_fd],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.perf_counter() - began
        assert "[14.0, 20.0, 26.0" in ended.stdout, ended.stderr
    return seconds


def submit(source: Path) -> tuple[float, int, int]:
    """Seconds of the whole command; shapes and cases in its record."""
    with tempfile.TemporaryDirectory() as name:
        seconds = timed([sys.executable, "-m", "grader", "submit", str(source), "--out", name])
        record = load(Path(name) / "record.json")
    return seconds, len(record.shapes), record.cases_run


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    precompile(RIGHT)  # the file cache, for all alike
    bares: list[float] = []
    plain: list[tuple[float, int, int]] = []
    own: list[tuple[float, int, int]] = []
    for _ in range(repeat):
        bares.append(bare())
        plain.append(submit(RIGHT))
        own.append(submit(OWN_KERNEL))
    compilers, broken = [], []
    for _ in range(3 * repeat):
        compilers.append(precompile(BROKEN))
        broken.append(submit(BROKEN)[0])
    report: dict[str, float] = {"bare, one shape (s)": round(min(bares), 2)}
    for name, runs in (("plain launch", plain), ("own kernel", own)):
        seconds, shapes, cases = min(runs)
        report |= {
            f"{name}: grade submit (s)": round(seconds, 2),
            f"{name}: shapes, and one compile for each / bare (computed)": shapes,
            f"{name}: cases": cases,
            f"{name}: grade submit / bare": round(seconds / min(bares), 2),
        }
    report |= {
        "bare mojo precompile of a broken file (s)": round(min(compilers), 2),
        "grade submit of it (s)": round(min(broken), 2),
        "broken: grade submit / mojo precompile": round(min(broken) / min(compilers), 2),
    }
    for name, value in report.items():
        print(f"{value:>8}  {name}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "submit_time.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
