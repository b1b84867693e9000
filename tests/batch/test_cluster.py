"""The same run over a scheduler and worker processes, some of which die."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra cluster is not installed")

from grader.batch.cluster import ClusterPool
from grader.batch.run import run
from grader.batch.store import Store
from grader.errors import GraderFault, UsageError
from grader.record import Verdict
from tests.batch.harness import (
    ROOT,
    STUB,
    Listener,
    children_of,
    log_lines,
    make_class,
    settings_of,
    write_index,
)


@dataclass
class Cluster:
    """A scheduler and workers, each a process of its own, as on machines of their own."""

    folder: Path
    log: Path
    address: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_scheduler(self) -> None:
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                    "--scheduler-file", str(self.folder / "scheduler.json"))  # fmt: skip
        deadline = time.monotonic() + 30
        path = self.folder / "scheduler.json"
        while not self.address:
            assert time.monotonic() < deadline, "no scheduler"
            if path.exists() and (
                found := re.search(r'"address": "(tcp:[^"]+)"', path.read_text())
            ):
                self.address = found[1]
            time.sleep(0.05)

    def start_worker(self, *more: str) -> subprocess.Popen[bytes]:
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
        place = ["--local-directory", str(self.folder)]
        return self._start("worker", self.address, *options, *place, *more)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{len(self.processes)}.log").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]],
                cwd=ROOT,
                env={**os.environ, "GRADE_TEST_LOG": str(self.log)},
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
        self.processes.append(process)
        return process


@pytest.fixture
def cluster(tmp_path) -> Iterator[Cluster]:
    (tmp_path / "dask").mkdir()
    made = Cluster(tmp_path / "dask", tmp_path / "log")
    try:
        made.start_scheduler()
        yield made
    finally:
        for process in reversed(made.processes):
            process.kill()
            process.wait()


def grade_on(
    cluster: Cluster,
    source: Path,
    folder: Path,
    *,
    gpu: bool = False,
    listener: Listener | None = None,
) -> Listener:
    @contextlib.contextmanager
    def backend(settings):
        made = ClusterPool(cluster.address, gpu=gpu, function=STUB)
        try:
            yield made
        finally:
            made.close()

    listener = listener or Listener()
    run(settings_of(source, folder), backend=backend, display=listener, write=write_index)
    return listener


def test_two_workers_share_a_class_and_one_is_killed_in_mid_run(tmp_path, cluster):
    """Every program gets its result, and what the dead worker had is graded elsewhere."""
    source = make_class(
        tmp_path / "class", {f"s{n:02}.mojo": f"f{n}() # sleep 0.5\nscore({n})" for n in range(12)}
    )
    workers = [cluster.start_worker(), cluster.start_worker(), cluster.start_worker()]

    def kill_one() -> None:
        while len(log_lines(cluster.log)) < 3:
            time.sleep(0.05)
        workers[0].send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    listener = grade_on(cluster, source, tmp_path / "run")
    killer.join()
    assert len(listener.finished_jobs) == 12
    assert {record.score for _, record, _ in listener.finished_jobs} == set(range(12))
    assert len(set(listener.wheres)) >= 2
    assert len(log_lines(cluster.log)) > 12, "nothing was running on the worker that was killed"


def test_a_program_that_takes_workers_down_is_a_fault_after_three(tmp_path, cluster):
    """The others get their results; nobody waits for ever."""
    source = make_class(
        tmp_path / "class", {"bad.mojo": "crash() # crash worker", "good.mojo": "score(100)"}
    )
    for _ in range(5):
        cluster.start_worker()
    listener = grade_on(cluster, source, tmp_path / "run")
    ended = {job.students[0]: record for job, record, _ in listener.finished_jobs}
    assert ended["good"].verdict is Verdict.PASS
    assert ended["bad"].verdict is Verdict.FAULT
    assert "workers down" in ended["bad"].fault.what


def test_a_grading_that_crashes_is_tried_thrice_and_workers_survive(tmp_path, cluster):
    source = make_class(
        tmp_path / "class",
        {"bad.mojo": "crash()", "once.mojo": "score(7) # crash once", "good.mojo": "score(1)"},
    )
    workers = [cluster.start_worker(), cluster.start_worker()]
    listener = grade_on(cluster, source, tmp_path / "run")
    ended = {job.students[0]: (record, outcome) for job, record, outcome in listener.finished_jobs}
    assert ended["bad"][0].verdict is Verdict.FAULT
    assert "SIGKILL" in ended["bad"][0].fault.what
    assert ended["bad"][1].crashes == 3
    assert ended["once"][0].score == 7
    assert ended["once"][1].crashes == 1
    assert all(worker.poll() is None for worker in workers)


def test_gradings_on_a_gpu_go_to_workers_that_offer_one(tmp_path, cluster):
    source = make_class(tmp_path / "class", {f"s{n}.mojo": f"score({n})" for n in range(4)})
    cluster.start_worker("--name", "plain")
    cluster.start_worker("--name", "with-gpu", "--resources", "GPU=1")
    listener = grade_on(cluster, source, tmp_path / "run", gpu=True)
    assert len(listener.finished_jobs) == 4
    assert len({outcome.where for _, _, outcome in listener.finished_jobs}) == 1


def test_a_run_that_is_stopped_stops_its_workers(tmp_path, cluster):
    """What they were grading ends within seconds; they themselves are there for the next run."""
    source = make_class(tmp_path / "class", {"ann.mojo": "x # sleep 100", "bob.mojo": "score(3)"})
    worker = cluster.start_worker()

    class Stopping(Listener):
        def started(self, job, where):
            if job.students[0] == "ann":
                while not log_lines(cluster.log):
                    time.sleep(0.05)
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_on(cluster, source, tmp_path / "run", listener=Stopping())
    deadline = time.monotonic() + 10
    while children_of(worker.pid):
        assert time.monotonic() < deadline, "the worker still grades for a run that is over"
        time.sleep(0.1)
    (source / "ann.mojo").write_text("score(4)")
    listener = grade_on(cluster, source, tmp_path / "run")
    assert {record.score for _, record, _ in listener.finished_jobs} == {3, 4}


def test_a_scheduler_that_dies_ends_the_run_and_nobody_has_a_fault(tmp_path, cluster):
    source = make_class(tmp_path / "class", {f"s{n}.mojo": f"f{n}() # sleep 30" for n in range(4)})
    cluster.start_worker()

    class Killing(Listener):
        def started(self, job, where):
            cluster.processes[0].kill()

    with pytest.raises(GraderFault, match="does not answer any more") as raised:
        grade_on(cluster, source, tmp_path / "run", listener=Killing())
    assert "what was graded is kept" in raised.value.remedy
    with Store(tmp_path / "run") as store:
        assert store.gradings() == 0


def test_the_command_itself_with_real_gradings(tmp_path, cluster):
    """Files that do not package, so that no graph is compiled: the whole way, there and back."""
    source = make_class(tmp_path / "class", {"ann.mojo": "not mojo", "bob.mojo": "nor this"})
    cluster.start_worker()
    command = [
        "batch",
        str(source),
        "--puzzle",
        "conv1d",
        "--out",
        str(tmp_path / "run"),
        "--edition",
        "26.5",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "grader", *command, "--scheduler", cluster.address],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert "[2/2] not passed" in ended.stderr
    assert (tmp_path / "run" / "feedback" / "bob" / "report.html").is_file()


def test_no_scheduler_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr("grader.batch.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(UsageError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9") as raised:
        ClusterPool("tcp://127.0.0.1:9")
    assert "dask scheduler" in raised.value.remedy
