"""The same conv1d kernel in numba's CUDA simulator, for comparison.

    pip install numba numba-cuda
    python -m benchmarks.numba_simulator [--threads 30 3000] [--python INTERPRETER]

numba is no dependency of this project, so it may live in an environment of its
own, named with ``--python``. The simulator runs one Python thread for each GPU
thread; 30,000 threads take over a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

_PEER = """
import json, sys, time
import numpy as np
from numba import cuda, float32
TPB, M = 15, 4

@cuda.jit
def conv1d(output, source, kernel, n):
    shared_a = cuda.shared.array(TPB + M - 1, float32)
    shared_b = cuda.shared.array(M, float32)
    i = cuda.grid(1)
    local = cuda.threadIdx.x
    shared_a[local] = source[i] if i < n else 0
    if local < M - 1:
        shared_a[TPB + local] = source[i + TPB] if i + TPB < n else 0
    if local < M:
        shared_b[local] = kernel[local]
    cuda.syncthreads()
    if i < n:
        total = float32(0)
        for j in range(M):
            total += shared_a[local + j] * shared_b[j]
        output[i] = total

result = {}
for threads in map(int, sys.argv[1:]):
    source = (np.arange(threads) % 7).astype(np.float32)
    weights = np.arange(M, dtype=np.float32)
    output = np.zeros_like(source)
    times = []
    for _ in range(3 if threads < 1000 else 1):
        began = time.perf_counter()
        conv1d[threads // TPB, TPB](output, source, weights, threads)
        times.append(time.perf_counter() - began)
    padded = np.concatenate([source, np.zeros(M - 1, np.float32)])
    wanted = sum(padded[j : j + threads] * weights[j] for j in range(M))
    assert np.array_equal(output, wanted)
    result[threads] = round(min(times) * 1e3, 2)
print(json.dumps(result))
"""


def measure(python: str, threads: list[int]) -> dict[str, float]:
    """Milliseconds per launch by number of threads."""
    ended = subprocess.run(
        [python, "-c", _PEER, *map(str, threads)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"numba did not run:\n{ended.stderr[-1000:]}")
    answer: dict[str, float] = json.loads(ended.stdout)
    return answer


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[30, 30_000])
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    result = measure(arguments.python, arguments.threads)
    for threads, milliseconds in result.items():
        print(f"{threads:>8}  {milliseconds:>12.2f} ms a launch in numba's CUDA simulator")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "numba_simulator.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
