"""A class over all puzzles of programs: programs a minute, beside what two cores could do at most.

    python -m benchmarks.batch_programs [--programs 300] [--workers 2]

The files are labelled samples, as many of each puzzle as there are, no two of them equal programs.
At most means that no core ever waits: the processor time of everything, divided by the workers.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.labels import labels_of
from grader.puzzles import NAMES, find
from grader.toolchain.edition import DEFAULT_EDITION

RESULTS = Path(__file__).parent / "results"
SEED = 300


def make_class(folder: Path, programs: int) -> None:
    """A folder for each student, with a program that nobody else has."""
    labels = [
        label
        for name in NAMES
        if find(name).is_program
        for label in labels_of(DEFAULT_EDITION, puzzle=name)
        if label.verdict in ("pass", "fail")
    ]
    random.Random(SEED).shuffle(labels)
    for number, label in zip(range(programs), itertools.cycle(labels), strict=False):
        student = folder / f"student{number:04}"
        student.mkdir(parents=True)
        own = f"\ncomptime OF_STUDENT = {number}\n".encode()
        (student / f"{label.sample.puzzle}.mojo").write_bytes(label.sample.content + own)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        make_class(Path(name) / "class", options.programs)
        command = [sys.executable, "-m", "grader", "batch", f"{name}/class", "--out", f"{name}/out"]
        command += ["--device", "software", "--workers", str(options.workers)]
        began, load = time.perf_counter(), os.getloadavg()[0]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
    if ended.returncode not in (0, 1):
        raise SystemExit(ended.stderr[-2000:])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    report = {
        "programs": options.programs,
        "workers": options.workers,
        "load before": round(load, 1),
        "seconds": round(seconds, 1),
        "programs a minute": round(60 * options.programs / seconds, 1),
        "processor seconds of one": round(processor / options.programs, 2),
        "share of what is possible": round(processor / options.workers / seconds, 2),
    }
    for key, value in report.items():
        print(f"{value:>8}  {key}")
    (RESULTS / "batch_programs.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
