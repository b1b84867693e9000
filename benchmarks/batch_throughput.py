"""Throughput of ``grade batch``: two workers against one, and time against the size of the class.

    python -m benchmarks.batch_throughput [--real PROGRAMS] [--sizes 10 30 100 300 1000]

``--real N`` grades N different right programs for real with one worker and with two
(25 s each and per core; on a machine that does nothing else): two workers on two
cores, one on one core, and one on both, since a grading by itself compiles its shapes
with all cores there are. Without it, gradings are stand-ins that take a second of
waiting, so that what is measured is the engine: what it adds to each grading, how it
grows with the class, and whether equal programs cost anything. `benchmarks.growth_plot`
draws it.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import growth_plot
from benchmarks.batch_stub import SLOW_SECONDS, STUB, Quiet
from benchmarks.labels import sample_file
from grader.batch.grading_process import GRADE
from grader.batch.plan import Settings
from grader.batch.pool import Backend, LocalPool
from grader.batch.results import write_outputs
from grader.batch.run import run
from grader.batch.task import Options

RESULTS = Path(__file__).parent / "results"
WORKERS = 8
"""Of the stand-ins, which mostly wait."""


def make_class(folder: Path, students: int, programs: int) -> None:
    """Students who hand in that many different programs, each with a comment of their own."""
    folder.mkdir()
    text = sample_file("right").read_text()
    for number in range(students):
        own = f"# Student {number}\n{text}\ncomptime MINE = {number % programs}\n"
        (folder / f"student{number:05}.mojo").write_text(own)


def measure(students: int, programs: int, *, workers: int, function: str) -> float:
    """Seconds of a run from an empty folder, outputs included."""

    @contextmanager
    def backend(settings: Settings) -> Iterator[Backend]:
        pool = LocalPool(workers, function=function)
        try:
            yield pool
        finally:
            pool.close()

    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "class"
        make_class(source, students, programs)
        settings = Settings(
            source=source,
            folder=Path(name) / "run",
            options=Options(puzzle="conv1d", edition="26.5", device="software"),
        )
        began = time.perf_counter()
        summary = run(settings, backend=backend, display=Quiet(), write=write_outputs)
        assert summary.graded == programs
        assert not summary.faults
        return time.perf_counter() - began


def measure_real(programs: int) -> dict[str, float]:
    """One worker and two, with gradings as they are."""
    with on_cores(2):
        two = measure(programs, programs, workers=2, function=GRADE)
        one = measure(programs, programs, workers=1, function=GRADE)
    with on_cores(1):
        alone = measure(programs, programs, workers=1, function=GRADE)
    return {
        "programs": programs,
        "two_workers_on_two_cores_s": round(two, 1),
        "one_worker_on_one_core_s": round(alone, 1),
        "one_worker_on_two_cores_s": round(one, 1),
        "ratio_to_one_core": round(alone / two, 2),
        "ratio_on_the_same_cores": round(one / two, 2),
    }


@contextmanager
def on_cores(number: int) -> Iterator[None]:
    """This process and all that it starts may use so many cores."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:number])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def keep(**found: object) -> None:
    """Put it beside what was measured before, at once: a long run may be stopped."""
    path = RESULTS / "batch_throughput.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**before, **found}, indent=2) + "\n")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 30, 100, 300, 1000])
    arguments = parser.parse_args()
    if arguments.real:
        keep(real=measure_real(arguments.real))
    if arguments.sizes:
        students = max(arguments.sizes)
        equal = measure(students, 1, workers=WORKERS, function=STUB)
        keep(equal={"students": students, "programs": 1, "seconds": round(equal, 1)})
    seconds = {}
    for size in arguments.sizes:
        seconds[size] = round(measure(size, size, workers=WORKERS, function=STUB), 1)
        keep(
            engine={
                "grading_s": SLOW_SECONDS,
                "workers": WORKERS,
                "load_average": round(os.getloadavg()[2], 1),
                "seconds_by_students": seconds,
            }
        )
    growth_plot.main()
    print((RESULTS / "batch_throughput.json").read_text())


if __name__ == "__main__":
    main()
