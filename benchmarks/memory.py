"""Peak resident memory of each process of one ``grade submit``.

    python -m benchmarks.memory

Grades the right sample once and samples, every 50 ms, the resident memory of
the grader, the worker and the device process.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from benchmarks.labels import sample_file

RESULTS = Path(__file__).parent / "results"
RIGHT = sample_file("right")
ROLES = {
    "grader": b"-m\0grader\0submit",
    "compiler (mojo precompile)": b"\0precompile\0",
    "worker (MAX)": b"worker/script.py",
    "software device": b"grader.device.server",
}
INTERVAL = 0.05


def resident(process: Path) -> int:
    """Resident bytes of a process."""
    for line in (process / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def sample(peaks: dict[str, int]) -> None:
    """Take the largest seen so far for each role."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            command = (process / "cmdline").read_bytes()
            for role, mark in ROLES.items():
                if mark in command and b"bwrap" not in command[:40]:
                    peaks[role] = max(peaks.get(role, 0), resident(process))


def main() -> None:
    """Entry point."""
    peaks: dict[str, int] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(INTERVAL):
            sample(peaks)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "grader", "submit", str(RIGHT), "--out", name]
        subprocess.run(command, capture_output=True, check=True)
    done.set()
    watcher.join()
    report = {f"{role} (MiB)": peaks.get(role, 0) >> 20 for role in ROLES}
    for role, mebibytes in report.items():
        print(f"{mebibytes:>8}  {role}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "memory.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
