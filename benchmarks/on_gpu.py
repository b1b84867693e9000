"""Grade labelled samples on a real GPU, and compare the verdicts with the labels.

    python -m benchmarks.on_gpu [--puzzle NAME ...] [--jobs N] [--minutes M] [--out FOLDER]

A GPU does not show races, accesses out of bounds or who wrote what. So a wrong answer whose values
are right may pass there: those are listed, with the cause that their label names. A right answer
must pass. The right ones come first, then the wrong ones of all puzzles in turn; what is left when
the time is up is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

from benchmarks.labels import Label, default_labels
from benchmarks.verdict_quality import place_of, submit
from grader.lanes import gpu
from grader.puzzles import NAMES
from grader.record import Verdict, load

RESULTS = Path(__file__).parent / "results" / "on_gpu.json"


@dataclass(frozen=True, kw_only=True)
class OnGpu:
    """A sample, what its label says, and what was said of it on the GPU."""

    puzzle: str
    name: str
    verdict_wanted: str
    cause: str
    """Of the label; empty where it has none."""
    verdict: str
    score: int
    headline: str
    seconds: float


def in_turn(names: list[str]) -> Iterator[Label]:
    """The right ones of all puzzles, then the others: one of each puzzle, and again."""
    labels = [default_labels(name) for name in names]
    for right in (True, False):
        chosen = [[x for x in each if (x.verdict == "pass") is right] for each in labels]
        for row in zip_longest(*chosen):
            yield from (label for label in row if label is not None)


def grade_one(label: Label, folder: Path, ends: float) -> OnGpu | None:
    """Grade a sample with the command; None when the time is up."""
    began = time.perf_counter()
    if began > ends:
        return None
    puzzle = label.sample.puzzle
    place = place_of(label, folder / puzzle)
    if not (place / "record.json").exists():
        submit(label, place, "--device", "gpu", "--format", "json")
    record = load(place / "record.json")
    graded = OnGpu(
        puzzle=puzzle,
        name=label.name,
        verdict_wanted=label.verdict,
        cause=label.sample.entry.cause or "",
        verdict=record.verdict.value,
        score=record.score + record.extra_score,
        headline=record.fault.what if record.fault else record.headline,
        seconds=round(time.perf_counter() - began, 1),
    )
    mark = "ok  " if graded.verdict == label.verdict else "DIFF"
    print(
        f"{mark} {puzzle:<22} {label.name:<45} {graded.verdict:>7} {graded.seconds:5.1f} s "
        f"{graded.headline[:80]}",
        flush=True,
    )
    return graded


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puzzle", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--minutes", type=float, default=60, help="after which none is begun")
    parser.add_argument("--out", type=Path, help="keep the records here, and read what is there")
    arguments = parser.parse_args()
    name = gpu.probe().name
    if not name:
        raise SystemExit(f"no GPU: {gpu.probe().why}")
    ends = time.perf_counter() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(arguments.jobs) as pool:
        folder = arguments.out or Path(temporary)
        every = list(pool.map(lambda x: grade_one(x, folder, ends), in_turn(arguments.puzzle)))
    results = [each for each in every if each is not None]
    passed, failed = Verdict.PASS.value, Verdict.FAIL.value
    wrong_passed = [x for x in results if (x.verdict_wanted, x.verdict) == (failed, passed)]
    counts = {
        "right": sum(x.verdict_wanted == passed for x in results),
        "right, and not passed": sum(
            x.verdict_wanted == passed and x.verdict != passed for x in results
        ),
        "wrong": sum(x.verdict_wanted == failed for x in results),
        "wrong, and failed": sum(x.verdict_wanted == x.verdict == failed for x in results),
        "wrong, and passed": len(wrong_passed),
        "no mark": sum(x.verdict not in (passed, failed) for x in results),
        "not tried": len(every) - len(results),
    }
    causes = Counter(each.cause or "not labelled" for each in wrong_passed)
    for what, number in (*counts.items(), *(("  passed: " + k, n) for k, n in causes.items())):
        print(f"{number:6}  {what}")
    report = {
        "gpu": name,
        "summary": counts,
        "wrong and passed, by cause": dict(causes.most_common()),
        "samples": [asdict(each) for each in results],
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
