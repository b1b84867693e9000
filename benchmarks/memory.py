"""Peak resident memory of each process of one ``grade submit``.

    python -m benchmarks.memory [--puzzle NAME ...]

Grades the right answer of an op and of a program, or of the puzzles named, and samples, every
20 ms, the resident memory of the grader and of all processes that it starts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from grader.choices import DEFAULT_EDITION
from grader.folders import reference_kernel
from grader.puzzles import DEFAULT, NAMES

RESULTS = Path(__file__).parent / "results"
ROLES = {
    "compiler: precompile": b"\0precompile\0",
    "compiler: kernels": b"\0--emit\0asm\0",
    "compiler: own program": b"\0--emit\0object\0",
    "worker (MAX)": b"/worker.py\0",
    "own program": b"/program.py\0",
    "software device": b"grader.device.server",
    "grader": b"-m\0grader\0submit",
}
INTERVAL = 0.02


def resident(process: Path) -> int:
    """Resident bytes of a process."""
    for line in (process / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def descendants(ancestor: int) -> Iterator[Path]:
    """A process and all that it started, now."""
    parents: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            behind_the_name = (process / "stat").read_text().rpartition(")")[2]
            parents.setdefault(int(behind_the_name.split()[1]), []).append(int(process.name))
    left = [ancestor]
    while left:
        number = left.pop()
        left += parents.get(number, [])
        yield Path("/proc", str(number))


def sample(ancestor: int, peaks: dict[str, int]) -> None:
    """Take the largest seen so far for each role."""
    for process in descendants(ancestor):
        with contextlib.suppress(OSError, ValueError):
            command = (process / "cmdline").read_bytes()
            name = (process / "exe").readlink().name
            role = next((role for role, mark in ROLES.items() if mark in command), None)
            if role is not None and name != "bwrap":
                peaks[role] = max(peaks.get(role, 0), resident(process))


def peaks_of(puzzle: str) -> dict[str, int]:
    """MiB of each role while the right answer of a puzzle is graded."""
    peaks: dict[str, int] = {}
    right = reference_kernel(puzzle, DEFAULT_EDITION, "right.mojo")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "grader", "submit", str(right), "--fresh"]
        with subprocess.Popen(
            [*command, "--out", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                sample(process.pid, peaks)
                time.sleep(INTERVAL)
        if process.returncode:
            raise SystemExit(f"{right} does not pass")
    return {role: peaks[role] >> 20 for role in ROLES if role in peaks}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puzzle", nargs="+", default=[DEFAULT, "dot_product"], choices=NAMES)
    report = {puzzle: peaks_of(puzzle) for puzzle in parser.parse_args().puzzle}
    for puzzle, peaks in report.items():
        for role, mebibytes in peaks.items():
            print(f"{mebibytes:8} MiB  {puzzle}: {role}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "memory.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
