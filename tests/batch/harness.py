"""A run over a class with stubbed gradings, in this process or as one that can be killed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.batch_stub import Quiet
from grader.batch.collect import Collection
from grader.batch.model import RunInfo, StudentResult
from grader.batch.plan import Job, Plan, Settings
from grader.batch.pool import Backend, LocalPool
from grader.batch.results import student_results
from grader.batch.run import Summary, run
from grader.batch.store import Store
from grader.batch.task import GradingOutcome, Options
from grader.record import Record

ROOT = Path(__file__).parents[2]
STUB = "tests.batch.stub:grade"


class Listener(Quiet):
    """Keeps what a run told."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.collection: Collection | None = None
        self.finished_jobs: list[tuple[Job, Record, GradingOutcome]] = []
        self.wheres: list[str] = []

    def planned(self, settings: Settings, collection: Collection, plan: Plan) -> None:
        self.plan, self.collection = plan, collection

    def started(self, job: Job, where: str) -> None:
        self.wheres.append(where)

    def finished(self, job: Job, record: Record, outcome: GradingOutcome) -> None:
        self.finished_jobs.append((job, record, outcome))


def settings_of(source: Path, folder: Path, **more: Any) -> Settings:
    options = Options(puzzle="conv1d", edition="26.5", device="software", **more.pop("options", {}))
    return Settings(source=source, folder=folder, options=options, **more)


@contextlib.contextmanager
def pool(settings: Settings) -> Iterator[Backend]:
    backend = LocalPool(settings.workers or 2, function=STUB)
    try:
        yield backend
    finally:
        backend.close()


def write_index(store: Store, info: RunInfo) -> None:
    (store.folder / "index.html").write_text(f"{info.title}: {len(store.students())}")


def grade_class(source: Path, folder: Path, **more: Any) -> tuple[Summary, Listener]:
    listener = Listener()
    summary = run(
        settings_of(source, folder, **more), backend=pool, display=listener, write=write_index
    )
    return summary, listener


def start(source: Path, folder: Path, *, log: Path, workers: int = 2) -> subprocess.Popen[bytes]:
    """The same in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.batch.harness", str(source), str(folder), str(workers)],
        cwd=ROOT,
        env={**os.environ, "GRADE_TEST_LOG": str(log)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def make_class(folder: Path, sources: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def log_lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def children_of(pid: int) -> list[int]:
    """Of a process, whichever of its threads started them."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    found = [int(word) for word in text.split()]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (thread / "children").read_text().split()]
    return sorted(set(found))


if __name__ == "__main__":
    source, folder, workers = sys.argv[1:]
    grade_class(Path(source), Path(folder), workers=int(workers))


def results(folder: Path) -> dict[str, StudentResult]:
    """The result of each student of a run, by key."""
    with Store(folder) as store:
        return {result.student.key: result for result in student_results(store)}
