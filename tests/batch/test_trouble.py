"""What goes wrong in a run costs itself only, and says so."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import time
import zipfile

import msgspec
import pytest

from grader.batch.database import locked
from grader.batch.run import run
from grader.batch.store import Store
from grader.batch.task import GradingOutcome
from grader.errors import GraderFault, UsageError
from grader.record import Verdict
from tests.batch.harness import (
    Listener,
    grade_class,
    make_class,
    pool,
    results,
    settings_of,
    start,
    write_index,
)

pytestmark = pytest.mark.usefixtures("log")


class Swapping:
    """A grader that exchanges the records of two programs."""

    def __init__(self, honest) -> None:
        self._honest = honest
        self._held: list[GradingOutcome] = []
        self.workers = honest.workers

    def submit(self, task) -> None:
        self._honest.submit(task)

    def next_event(self, timeout):
        if len(self._held) < 2:
            event = self._honest.next_event(timeout)
            if isinstance(event, GradingOutcome):
                self._held.append(event)
            if len(self._held) == 2:
                one, two = self._held
                self._held = [
                    msgspec.structs.replace(one, record=two.record),
                    msgspec.structs.replace(two, record=one.record),
                    one,  # keeps the list long enough until both have been given out
                ]
            return None
        return self._held.pop(0)


class TestTrouble:
    def test_one_bad_submission_never_stops_the_rest(self, tmp_path):
        source = make_class(
            tmp_path / "c",
            {
                "bad.mojo": "crash()",
                "once.mojo": "score(5) # crash once",
                "good.mojo": "score(100)",
                "empty.mojo": "",
            },
        )
        (source / "binary.mojo").write_bytes(b"\x7fELF")
        summary, listener = grade_class(source, tmp_path / "run")
        ended = results(tmp_path / "run")
        assert ended["good"].record.verdict is Verdict.PASS
        assert ended["once"].record.score == 5
        assert ended["bad"].record.verdict is Verdict.FAULT
        assert "SIGKILL" in ended["bad"].record.fault.what
        assert "the last of 3 times" in ended["bad"].record.fault.what
        assert "is empty" in ended["empty"].refusal.what
        assert "compiled program" in ended["binary"].refusal.what
        assert summary.faults == 1
        crashes = {job.students[0]: outcome.crashes for job, _, outcome in listener.finished_jobs}
        assert crashes == {"bad": 3, "once": 1, "good": 0}

    def test_a_hung_grading_is_ended(self, tmp_path, monkeypatch):
        monkeypatch.setattr("grader.batch.grading_process.deadline_of", lambda task: 1.0)
        source = make_class(tmp_path / "c", {"ann.mojo": "x # sleep 60"})
        began = time.monotonic()
        grade_class(source, tmp_path / "run")
        assert time.monotonic() - began < 50
        assert "hung" in results(tmp_path / "run")["ann"].record.fault.what

    def test_an_answer_that_is_none_is_no_mark(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(100) # garble"})
        grade_class(source, tmp_path / "run")
        record = results(tmp_path / "run")["ann"].record
        assert record.verdict is Verdict.FAULT
        assert "can't be read" in record.fault.what

    def test_a_record_of_another_file_is_not_taken(self, tmp_path):
        """Whoever answers for one program can't set the mark of another."""
        source = make_class(tmp_path / "c", {"ann.mojo": "score(1)", "bob.mojo": "score(100)"})

        @contextlib.contextmanager
        def swapping(settings):
            with pool(settings) as honest:
                yield Swapping(honest)

        listener = Listener()
        run(settings_of(source, tmp_path / "run", workers=1),
            backend=swapping, display=listener, write=write_index)  # fmt: skip
        assert {record.verdict for _, record, _ in listener.finished_jobs} == {Verdict.FAULT}
        assert "another file" in listener.finished_jobs[0][1].fault.what

    def test_a_file_name_that_is_no_text_is_graded_like_any_other(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(1)"})
        (source / os.fsdecode(b"b\xffb.mojo")).write_text("score(2)")
        (source / "c\x1b[31m\n::error::d.mojo").write_text("score(3)")
        grade_class(source, tmp_path / "run")
        ended = results(tmp_path / "run")
        assert sorted(result.record.score for result in ended.values()) == [1, 2, 3]
        assert all(result.student.name.isprintable() for result in ended.values())

    def test_a_second_run_on_the_same_folder_is_an_error(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(1)"})
        (tmp_path / "run").mkdir()
        with (
            locked(tmp_path / "run"),
            pytest.raises(UsageError, match=r"another grade batch is at work .*process \d+ on"),
        ):
            grade_class(source, tmp_path / "run")
        grade_class(source, tmp_path / "run")

    def test_a_full_disk_stops_the_run_and_loses_nothing(self, tmp_path):
        """The database may grow to 200 pages; then there is no room until there is."""
        source = make_class(
            tmp_path / "c",
            {f"s{n:02}.mojo": f"score({n}) # {'%x' % (n * 7**3500)}" for n in range(60)},
        )
        real = sqlite3.connect

        def small(*args, **more):
            connection = real(*args, **more)
            connection.execute("PRAGMA max_page_count = 100")
            return connection

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("grader.batch.database.sqlite3.connect", small)
            with pytest.raises(GraderFault, match="nothing more can be stored") as raised:
                grade_class(source, tmp_path / "run")
        assert "goes on where it stopped" in raised.value.remedy
        with Store(tmp_path / "run") as store:
            kept = store.gradings()
        summary, _ = grade_class(source, tmp_path / "run")
        assert summary.graded == 60 - kept
        assert len(results(tmp_path / "run")) == 60

    def test_a_limit_of_the_file_system_is_a_full_disk_too(self, tmp_path, log):
        """A limit on the size of files, in a process of its own; lifted, the run goes on."""
        source = make_class(
            tmp_path / "c", {f"s{n:02}.mojo": f"score({n}) # {n * 7**3500:x}" for n in range(40)}
        )
        process = start(source, tmp_path / "run", log=log)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (120_000, 120_000))
        _, errors = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "nothing more can be stored" in errors.decode()
        again = start(source, tmp_path / "run", log=log)
        again.communicate(timeout=60)
        assert again.returncode == 0
        with Store(tmp_path / "run") as store:
            assert store.gradings() == 40

    def test_what_is_nobodys_is_kept_with_the_run(self, tmp_path):
        path = tmp_path / "c.zip"
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("ann.mojo", "score(1)")
            made.writestr("../evil.mojo", "score(100)")
        grade_class(path, tmp_path / "run")
        with Store(tmp_path / "run") as store:
            info = store.info()
        assert [refusal.source for refusal in info.refusals] == ["../evil.mojo"]
        assert list(results(tmp_path / "run")) == ["ann"]

    def test_all_attempts_are_kept_and_the_latest_counts(self, tmp_path):
        path = tmp_path / "c.zip"
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("doejane_11_205_conv1d-2.mojo", "score(2)")
            made.writestr("doejane_11_104_conv1d.mojo", "score(1)")
        grade_class(path, tmp_path / "run")
        (ended,) = results(tmp_path / "run").values()
        assert (ended.attempts, ended.record.score) == (2, 2)
        with Store(tmp_path / "run") as store:
            (attempts,) = store.attempts().values()
            texts = [store.source(each.attempt.sha256) for each in attempts]
        assert texts == [b"score(1)", b"score(2)"]

    def test_a_result_is_on_the_disk_when_it_is_said_to_be(self, tmp_path):
        """No test can cut the power; in this mode SQLite syncs at each commit."""
        with Store(tmp_path, create=True) as store, store.transaction() as connection:
            (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
            (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        assert (journal, synchronous) == ("wal", 2)

    def test_a_folder_that_is_no_run_says_so(self, tmp_path):
        with pytest.raises(UsageError, match="is not the folder of a run"):
            Store(tmp_path)

    def test_a_folder_that_cannot_be_made_says_so(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(1)"})
        with pytest.raises(UsageError, match="can't be made"):
            grade_class(source, source / "ann.mojo" / "run")

    def test_a_damaged_database_says_so(self, tmp_path):
        (tmp_path / "run.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
        with pytest.raises(GraderFault):
            Store(tmp_path)
