"""How long ``grade batch`` takes on the folder of a finished run, where nothing is to be done.

    python -m benchmarks.batch_resume [--students 1000] [--no-reports]

Makes a class with as many programs as students (each with a record of the size
that a wrong answer leaves), has all graded by a stand-in that gives that record
at once, and then times the command itself, from its start to its end. Without
reports, what is left is the engine: collecting, reading, storing.
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

import msgspec

from benchmarks.batch_stub import Quiet, representative
from benchmarks.labels import sample_file
from grader.batch.model import RunInfo
from grader.batch.plan import Settings, definite_device
from grader.batch.pool import Backend, Event
from grader.batch.results import write_outputs
from grader.batch.run import run
from grader.batch.store import Store
from grader.batch.task import GradingOutcome, Options, Task

RESULTS = Path(__file__).parent / "results"


class AtOnce:
    """Gives the outcome of each task at once, in this process."""

    workers = 1

    def __init__(self) -> None:
        self._done: list[Event] = []

    def submit(self, task: Task) -> None:
        """Grade it."""
        record = msgspec.json.encode(representative(task))
        self._done.append(GradingOutcome(program=task.program, record=record, seconds=25.0))

    def next_event(self, timeout: float) -> Event | None:
        """The oldest."""
        return self._done.pop(0) if self._done else None

    def close(self) -> None:
        """Nothing runs."""


@contextlib.contextmanager
def at_once(settings: Settings) -> Iterator[Backend]:
    """The backend of this benchmark."""
    yield AtOnce()


def make_class(folder: Path, students: int) -> None:
    """Programs that all differ, of the length of a real one."""
    text = sample_file("right").read_text()
    for number in range(students):
        (folder / f"student{number:05}.mojo").write_text(f"{text}\ncomptime MINE = {number}\n")


def only_an_index(store: Store, info: RunInfo) -> None:
    """In place of all that is written for people."""
    (store.folder / "index.html").write_text(info.title)


def measure(students: int, *, reports: bool) -> dict[str, float]:
    """Seconds of the first call without its gradings, and of the second."""
    with tempfile.TemporaryDirectory() as name:
        source, folder = Path(name) / "class", Path(name) / "run"
        source.mkdir()
        make_class(source, students)
        settings = Settings(
            source=source,
            folder=folder,
            options=Options(
                puzzle="conv1d", edition="auto", device=definite_device("auto", scheduler="")
            ),
        )
        began = time.perf_counter()
        write = write_outputs if reports else only_an_index
        run(settings, backend=at_once, display=Quiet(), write=write)
        first = time.perf_counter() - began
        began = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-m", "grader", "batch", str(source), "--out", str(folder)],
            capture_output=True,
            text=True,
            check=True,
        )
        again = time.perf_counter() - began
        assert "Nothing to grade" in ended.stderr, ended.stderr
        size = (folder / "run.sqlite").stat().st_size
        return {
            "students": students,
            "reports": reports,
            "everything_but_gradings_s": round(first, 2),
            "resume_s": round(again, 2),
            "database_mb": round(size / 1e6, 1),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, nargs="+", default=[1000])
    parser.add_argument("--no-reports", action="store_true")
    arguments = parser.parse_args()
    found = [measure(each, reports=not arguments.no_reports) for each in arguments.students]
    print(json.dumps(found, indent=2))
    path = RESULTS / ("batch_engine.json" if arguments.no_reports else "batch_resume.json")
    path.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
