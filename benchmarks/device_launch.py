"""Time of one kernel launch on the software device.

``python -m benchmarks.device_launch`` prints milliseconds per warm launch of
the conv1d kernel (15-thread blocks) at several sizes, checks on and off.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import numpy as np

from grader.device.checks import all_checks
from grader.device.checks.check import CheckTypes
from grader.device.memory import GlobalMemory
from grader.device.ptx import parse
from grader.device.simt import LoadedModule, launch, load

PTX = Path(__file__).parents[1] / "tests" / "device" / "ptx" / "conv1d_300000_4.ptx"
INPUTS = 300_000
THREADS_PER_BLOCK = 15
RESULTS = Path(__file__).parent / "results"
SIZES = (30, 30_000, 300_000)


class Bench:
    """The kernel, loaded, with its buffers filled."""

    def __init__(self) -> None:
        self.memory = GlobalMemory()
        self.module: LoadedModule = load(parse(PTX.read_text()), self.memory, number=1)
        self.entry = self.module.entries()[0]
        self.values = np.arange(INPUTS, dtype=np.float32) % 7
        self.weights = np.arange(4, dtype=np.float32)
        self.output = self.memory.allocate(INPUTS * 4)
        self.launches = 0
        addresses = [self.output]
        for values in (self.values, self.weights):
            addresses.append(self.memory.allocate(values.nbytes))
            self.memory.write(addresses[-1], values.tobytes())
        self.params = [address.to_bytes(8, "little") for address in addresses]

    def launch(self, threads: int, checks: CheckTypes) -> float:
        """Run one launch; its seconds."""
        self.launches += 1
        started = time.perf_counter()
        result = launch(
            self.module,
            self.entry,
            grid=(threads // THREADS_PER_BLOCK, 1, 1),
            block=(THREADS_PER_BLOCK, 1, 1),
            dynamic_shared_bytes=0,
            params=self.params,
            memory=self.memory,
            index=self.launches,
            checks=checks,
        )
        seconds = time.perf_counter() - started
        assert result.result == 0, result
        assert not result.findings, result
        return seconds

    def verify(self, threads: int) -> None:
        """The outputs are right."""
        raw = self.memory.read(self.output, threads * 4)
        padded = np.concatenate([self.values, np.zeros(3, dtype=np.float32)])
        wanted = sum(padded[k : k + INPUTS] * self.weights[k] for k in range(4))
        np.testing.assert_array_equal(np.frombuffer(raw, dtype=np.float32), wanted[:threads])


def main() -> None:
    """Measure and print."""
    bench = Bench()
    report: dict[str, dict[str, float]] = {}
    print(f"{'threads':>8}  {'all checks':>12}  {'no checks':>12}   (median ms per warm launch)")
    for threads in SIZES:
        repeats = 30 if threads < 1000 else 7
        row = []
        for checks in (all_checks(), ()):
            bench.launch(threads, checks)
            row.append(statistics.median(bench.launch(threads, checks) for _ in range(repeats)))
        bench.verify(threads)
        print(f"{threads:>8}  {row[0] * 1e3:>12.2f}  {row[1] * 1e3:>12.2f}")
        report[str(threads)] = {
            "all checks (ms)": round(row[0] * 1e3, 2),
            "no checks (ms)": round(row[1] * 1e3, 2),
        }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "device_launch.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
