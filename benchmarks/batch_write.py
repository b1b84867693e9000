"""What ``grade rerender`` takes to write everything for people: seconds, and memory at its peak.

    python -m benchmarks.batch_write [--students 100 1000]

The run is made as `benchmarks.batch_resume` makes it, with programs that all differ and records
of the size that a wrong answer leaves. The peak is that of the command's own process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.batch_resume import RESULTS, at_once, make_class, only_an_index
from benchmarks.batch_stub import Quiet
from grader.batch.plan import Settings
from grader.batch.run import run
from grader.batch.task import Options


def measure(students: int) -> dict[str, float]:
    """Figures for one class."""
    with tempfile.TemporaryDirectory() as name:
        source, folder = Path(name) / "class", Path(name) / "run"
        source.mkdir()
        make_class(source, students)
        options = Options(puzzle="conv1d", edition="auto", device="software")
        settings = Settings(source=source, folder=folder, options=options)
        run(settings, backend=at_once, display=Quiet(), write=only_an_index)
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "grader", "rerender", str(folder)], stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        assert os.waitstatus_to_exitcode(status) == 0
        return {
            "students": students,
            "seconds": round(seconds, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_mb": round(usage.ru_maxrss / 1024),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, nargs="+", default=[100, 1000])
    found = []
    for students in parser.parse_args().students:
        found.append(measure(students))
        (RESULTS / "batch_write.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
