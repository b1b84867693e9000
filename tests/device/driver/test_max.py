"""The unmodified MAX on the software device: a real graph, a real op."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grader.device import CaseSetup
from grader.device.case import LaunchLimits
from grader.device.cuda import CudaResult
from grader.device.evidence import FindingKind, Writer
from grader.device.process import SoftwareDevice
from grader.folders import data_directory

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("max") is None, reason="needs max beside it"),
]

WORKER = Path(__file__).with_name("max_worker.py")
SIZE, TAPS, TPB = 15, 4, 15
BLOCKS = 2


def conv1d(values: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Small integers: every order of summation gives the same bits."""
    padded = np.concatenate([values, np.zeros(len(kernel) - 1, dtype=np.float32)])
    return np.array(
        [np.dot(padded[i : i + len(kernel)], kernel) for i in range(len(values))], dtype=np.float32
    )


@dataclass
class Worker:
    """A process with MAX in it."""

    process: subprocess.Popen[str]

    def answer(self) -> dict[str, Any]:
        out: IO[str] | None = self.process.stdout
        assert out is not None
        line = out.readline()
        assert line, "the worker ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run(self, values: NDArray[np.float32], kernel: NDArray[np.float32]) -> dict[str, Any]:
        assert self.process.stdin is not None
        case = {"input": values.tolist(), "kernel": kernel.tolist()}
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return self.answer()


@pytest.fixture(scope="module")
def software_device() -> Iterator[SoftwareDevice]:
    with SoftwareDevice() as device:
        yield device


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference kernel, packaged."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "op").mkdir()
    (folder / "op" / "__init__.mojo").write_text("from .conv1d import *\n")
    kernel = data_directory("reference_kernels") / "conv1d" / "26.5" / "right.mojo"
    shutil.copy(kernel, folder / "op" / "conv1d.mojo")
    mojo = Path(sys.executable).with_name("mojo")
    made = folder / "op.mojoc"
    subprocess.run([mojo, "precompile", folder / "op", "-o", made], check=True, timeout=60)
    return made


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled once; a second worker takes it from here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def worker(
    software_device: SoftwareDevice, package: Path, cache: Path, tmp_path: Path
) -> Iterator[Worker]:
    fd = software_device.new_connection()
    software_device.begin_case()
    process = subprocess.Popen(
        [sys.executable, WORKER, package, str(SIZE), str(TAPS)],
        env={
            "PATH": os.defpath,
            "HOME": str(tmp_path),
            "MODULAR_CACHE_DIR": str(cache),
            **software_device.worker_environment(),
        },
        cwd=tmp_path,
        pass_fds=[fd],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        worker = Worker(process)
        assert worker.answer() == {"ready": True}
        yield worker
        process.kill()


def draw(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    values, kernel = random.integers(-99, 100, SIZE), random.integers(-99, 100, TAPS)
    return values.astype(np.float32), kernel.astype(np.float32)


def test_the_answer_has_numpy_s_bits_and_a_kernel_wrote_it(
    software_device: SoftwareDevice, worker: Worker
) -> None:
    for seed in range(5):
        values, kernel = draw(seed)
        software_device.begin_case()
        answer = worker.run(values, kernel)
        evidence = software_device.end_case()

        assert answer["bits"] == conv1d(values, kernel).tobytes().hex()
        (launch,) = evidence.launches
        assert "conv1d" in launch.kernel
        assert (launch.grid, launch.block) == ((BLOCKS, 1, 1), (TPB, 1, 1))
        assert (launch.result, launch.findings) == (0, ())
        (copy,) = evidence.copies_out
        assert copy.data.hex() == answer["bits"]
        assert {(p.writer, p.launch) for p in copy.provenance} == {(Writer.KERNEL, launch.index)}
        assert (evidence.unsupported, evidence.driver_findings) == ((), ())
        assert evidence.sticky_error == 0


def test_buffers_have_exactly_the_size_of_their_tensors(
    software_device: SoftwareDevice, worker: Worker
) -> None:
    values, kernel = draw(0)
    worker.run(values, kernel)
    software_device.begin_case()
    worker.run(values, kernel)
    # The last call's three buffers may live on until they are replaced.
    one_call = values.nbytes + kernel.nbytes + values.nbytes
    assert one_call <= software_device.end_case().peak_bytes <= 2 * one_call


def test_a_fault_reaches_max_and_sticks(software_device: SoftwareDevice, worker: Worker) -> None:
    software_device.begin_case(CaseSetup(limits=LaunchLimits(instruction_budget=10)))
    first = worker.run(*draw(0))
    evidence = software_device.end_case()
    assert "CUDA_ERROR_LAUNCH_TIMEOUT" in first["error"]
    (finding,) = evidence.launches[0].findings
    assert finding.kind is FindingKind.BUDGET_EXCEEDED
    assert evidence.sticky_error == CudaResult.LAUNCH_TIMEOUT

    software_device.begin_case()
    second = worker.run(*draw(0))
    assert "CUDA_ERROR_LAUNCH_TIMEOUT" in second["error"]
    assert software_device.end_case().launches == ()


def test_a_connection_that_is_cut_is_an_error_and_the_next_worker_is_well(
    software_device: SoftwareDevice, worker: Worker
) -> None:
    software_device.new_connection()
    answer = worker.run(*draw(0))
    assert "CUDA" in answer["error"]
