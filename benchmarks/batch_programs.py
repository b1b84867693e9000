"""A class over puzzles 1 to 16: programs a minute, beside what two cores could do at most.

    python -m benchmarks.batch_programs [--programs 300] [--workers 2] [--alone 16] [--out FOLDER]

The files are labelled samples of these puzzles, no two of them equal programs. At most means that
each worker takes no longer for one than a worker that is alone, on one core: the first few of the
class are graded so. It is to be run on a machine that does nothing else. What was graded can be
kept: `verdict_quality --from-class FOLDER/run` has the verdicts beside the labels.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.batch_throughput import on_cores
from benchmarks.labels import labels_of
from grader.choices import DEFAULT_EDITION
from grader.puzzles import NAMES, find

RESULTS = Path(__file__).parent / "results"
SEED = 300
BEHIND = "problems/p17"
"""From here on the book has ops, and puzzles that few courses have."""


def make_class(folder: Path, programs: int) -> None:
    """A folder for each student, with a program that nobody else has."""
    labels = [
        label
        for name in NAMES
        if find(name).is_program and find(name).book[0].task < BEHIND
        for label in labels_of(DEFAULT_EDITION, puzzle=name)
        if label.verdict in ("pass", "fail")
    ]
    random.Random(SEED).shuffle(labels)
    for number, label in zip(range(programs), itertools.cycle(labels), strict=False):
        student = folder / f"student{number:04}"
        student.mkdir(parents=True)
        again = number >= len(labels)
        own = f"\ncomptime OF_STUDENT = {number}\n".encode() if again else b""
        (student / f"{label.sample.puzzle}.mojo").write_bytes(label.sample.content + own)


def grade_class(programs: int, *, workers: int, out: Path | None = None) -> float:
    """Seconds that a class takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = out or Path(name)
        make_class(folder / "class", programs)
        command = [sys.executable, "-m", "grader", "batch", f"{folder}/class"]
        command += ["--out", f"{folder}/run", "--edition", DEFAULT_EDITION]
        command += ["--device", "software", "--workers", str(workers)]
        began = time.perf_counter()
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode not in (0, 1):
            raise SystemExit(ended.stderr[-2000:])
        return time.perf_counter() - began


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--alone", type=int, default=16)
    parser.add_argument("--out", type=Path, help="keep the class and its run here")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with on_cores(1):
        one = grade_class(options.alone, workers=1) / options.alone
    with on_cores(options.workers):
        seconds = grade_class(options.programs, workers=options.workers, out=options.out)
    least = options.programs * one / options.workers
    report = {
        "programs": options.programs,
        "workers": options.workers,
        "load before": round(load, 1),
        "seconds": round(seconds, 1),
        "programs a minute": round(60 * options.programs / seconds, 1),
        "seconds of one, alone on a core": round(one, 2),
        "at most, programs a minute": round(60 * options.programs / least, 1),
        "share of that": round(least / seconds, 2),
    }
    for key, value in report.items():
        print(f"{value:>8}  {key}")
    (RESULTS / "batch_programs.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
