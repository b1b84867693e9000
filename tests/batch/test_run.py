"""What is graded, what is kept and why; what goes wrong costs itself only."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import msgspec
import pytest

from grader.batch.backend import Outcome
from grader.batch.compare import compare, find_student
from grader.batch.lock import locked
from grader.batch.results import student_results
from grader.batch.run import dry_run, run
from grader.batch.store import Store
from grader.errors import GraderFault, UsageError
from grader.puzzles.conv1d import CONV1D
from grader.record import Verdict
from grader.rubric import parse_rubric, starting_file
from tests.batch.harness import (
    ROOT,
    Listener,
    grade_class,
    log_lines,
    make_class,
    pool,
    settings_of,
    start,
    write_index,
)


@pytest.fixture(autouse=True)
def log(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GRADE_TEST_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("GRADE_SECRET", "a secret that is long enough")
    return tmp_path / "log"


def results(folder: Path):
    with Store(folder) as store:
        return {result.student.key: result for result in student_results(store)}


def reasons(listener: Listener) -> dict[str, str]:
    return {job.students[0]: job.reason for job in listener.plan.jobs}


LENIENT = 'puzzle = "conv1d"\npass_mark = 70'


def grade_with(source: Path, folder: Path, rubric: str):
    """With the text of a rubric file."""
    options = {"rubric": rubric, "rubric_name": "r.toml"}
    read = parse_rubric(rubric.encode(), CONV1D)
    return grade_class(source, folder, rubric=read, options=options)


class TestResume:
    def test_a_finished_run_grades_nothing_and_writes_nothing(self, tmp_path, log):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(3)", "bob.mojo": "score(100)"})
        first, _ = grade_class(source, tmp_path / "run")
        assert (first.graded, first.wrote, first.faults) == (2, True, 0)
        again, listener = grade_class(source, tmp_path / "run")
        assert (again.graded, again.wrote) == (0, False)
        assert listener.plan.kept == 2
        assert len(log_lines(log)) == 2

    def test_only_what_changed_is_graded_and_why_is_said(self, tmp_path):
        source = make_class(tmp_path / "c", {f"s{n}.mojo": f"score({n})" for n in range(4)})
        grade_class(source, tmp_path / "run")
        (source / "s1.mojo").write_text("score(55)")
        (source / "s2.mojo").write_text("score( 2 )   # only the layout changed\n")
        (source / "s3.mojo").unlink()
        (source / "new.mojo").write_text("score(9)")
        summary, listener = grade_class(source, tmp_path / "run")
        assert reasons(listener) == {"s1": "the submission changed", "new": "not graded yet"}
        assert summary.wrote
        ended = results(tmp_path / "run")
        assert {key: result.record.score for key, result in ended.items()} == {
            "s0": 0, "s1": 55, "s2": 2, "new": 9,
        }  # fmt: skip
        assert ended["s2"].record.submission.text.endswith("changed\n")

    @pytest.mark.parametrize(
        ("column", "says"),
        [
            ("grader", r"the grader's version changed \(other → .*\)"),
            ("toolchain", r"the toolchain changed \(other → max .*\)"),
            ("puzzle_digest", "the puzzle's reference changed"),
            ("edition", "the edition changed"),
            ("device", "the device changed"),
        ],
    )
    def test_other_conditions_are_a_reason(self, tmp_path, column, says):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(3)"})
        grade_class(source, tmp_path / "run")
        connection = sqlite3.connect(tmp_path / "run" / "run.sqlite")
        (text,) = connection.execute("SELECT conditions FROM results").fetchone()
        changed = {**msgspec.json.decode(text), column: "other"}
        with connection:
            connection.execute(
                "UPDATE results SET conditions = ?", (msgspec.json.encode(changed).decode(),)
            )
        connection.close()
        _, listener = grade_class(source, tmp_path / "run")
        (job,) = listener.plan.jobs
        assert re.search(says, job.reason)

    def test_another_rubric_is_a_reason_and_the_same_in_other_words_is_not(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(3)"})

        def graded(rubric: str) -> Listener:
            return grade_with(source, tmp_path / "run", rubric)[1]

        text = starting_file(CONV1D)
        assert reasons(graded(text)) == {"ann": "not graded yet"}
        assert reasons(graded("# a comment\n" + text)) == {}
        fewer = text.replace("[checks.clean]", "[checks.clean]\nenabled = false")
        assert reasons(graded(fewer)) == {"ann": "the rubric changed"}

    def test_other_points_are_given_without_grading_again(self, tmp_path, log):
        source = make_class(
            tmp_path / "c",
            {"ann.mojo": "checks score(70)", "bob.mojo": "checks score(10)", "cem.mojo": "fault"},
        )
        grade_class(source, tmp_path / "run")
        first = results(tmp_path / "run")
        summary, listener = grade_with(source, tmp_path / "run", LENIENT)
        # Of what the grader failed on there is nothing to score.
        assert reasons(listener) == {"cem": "the rubric changed"}
        assert len(listener.plan.scored_again) == 2
        assert summary.wrote
        assert len(log_lines(log)) == 3 + 1
        ended = results(tmp_path / "run")
        assert {key: str(result.record.verdict) for key, result in ended.items()} == {
            "ann": "pass", "bob": "fail", "cem": "fault",
        }  # fmt: skip
        for key in ("ann", "bob"):
            assert ended[key].record.rubric.pass_mark == 70
            assert ended[key].seconds == first[key].seconds > 0
            assert ended[key].record.created == first[key].record.created
        _, listener = grade_with(source, tmp_path / "run", LENIENT)
        assert (len(listener.plan.scored_again), listener.plan.kept) == (0, 2)
        _, listener = grade_class(source, tmp_path / "run", regrade="ann")
        assert len(listener.plan.scored_again) == 1
        assert reasons(listener)["ann"] == "the rubric changed"
        record = results(tmp_path / "run")["bob"].record
        assert (record.checks, record.rubric) == (first["bob"].record.checks, None)

    def test_why_a_result_was_scored_again_is_kept(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "checks score(70)"})
        grade_class(source, tmp_path / "run")
        grade_with(source, tmp_path / "run", LENIENT)
        connection = sqlite3.connect(tmp_path / "run" / "run.sqlite")
        rows = connection.execute("SELECT reason, verdict, seconds > 0 FROM gradings").fetchall()
        connection.close()
        assert rows == [
            ("not graded yet", "fail", 1),
            ("scored again: the rubric's points changed", "pass", 0),
        ]

    def test_a_fault_of_the_grader_is_tried_again(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "fault", "bob.mojo": "score(1)"})
        summary, _ = grade_class(source, tmp_path / "run")
        assert summary.faults == 1
        summary, listener = grade_class(source, tmp_path / "run")
        assert reasons(listener) == {"ann": "the grader failed on it last time"}
        assert summary.faults == 1

    def test_regrade_by_pattern_and_all(self, tmp_path, log):
        source = make_class(tmp_path / "c", {f"s{n}.mojo": f"score({n})" for n in range(3)})
        grade_class(source, tmp_path / "run")
        _, listener = grade_class(source, tmp_path / "run", regrade="S1*")
        assert reasons(listener) == {"s1": "asked for with --regrade"}
        _, listener = grade_class(source, tmp_path / "run", regrade="*")
        assert len(listener.plan.jobs) == 3
        assert len(log_lines(log)) == 3 + 1 + 3

    def test_a_regrade_that_was_stopped_is_gone_on_with(self, tmp_path):
        source = make_class(tmp_path / "c", {f"s{n}.mojo": f"score({n})" for n in range(3)})
        grade_class(source, tmp_path / "run")

        @contextlib.contextmanager
        def interrupted(settings):
            raise KeyboardInterrupt
            yield

        with pytest.raises(KeyboardInterrupt):
            run(
                settings_of(source, tmp_path / "run", regrade="*"),
                backend=interrupted, display=Listener(), write=write_index,
            )  # fmt: skip
        _, listener = grade_class(source, tmp_path / "run")
        assert set(reasons(listener).values()) == {"asked for with --regrade"}
        assert len(listener.finished_jobs) == 3
        _, listener = grade_class(source, tmp_path / "run")
        assert not listener.plan.jobs

    def test_another_title_is_written_and_the_run_stays_finished_when_it_was(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(3)"})
        grade_class(source, tmp_path / "run", title="One")
        with Store(tmp_path / "run") as store:
            before = store.info()
        summary, _ = grade_class(source, tmp_path / "run", title="Two")
        assert summary.wrote
        with Store(tmp_path / "run") as store:
            after = store.info()
        assert (after.title, after.finished, after.created) == (
            "Two", before.finished, before.created,
        )  # fmt: skip

    def test_a_dry_run_writes_nothing(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(3)"})
        _, _, plan = dry_run(settings_of(source, tmp_path / "run"))
        assert [job.reason for job in plan.jobs] == ["not graded yet"]
        assert not (tmp_path / "run").exists()
        grade_class(source, tmp_path / "run")
        (source / "ann.mojo").write_text("score(4)")
        before = (tmp_path / "run" / "run.sqlite").read_bytes()
        _, _, plan = dry_run(settings_of(source, tmp_path / "run"))
        assert [job.reason for job in plan.jobs] == ["the submission changed"]
        assert (tmp_path / "run" / "run.sqlite").read_bytes() == before


class TestEqual:
    def test_equal_programs_are_graded_once_under_one_seed(self, tmp_path, log):
        source = make_class(
            tmp_path / "c",
            {
                "ann.mojo": "score(7)\n",
                "bob.mojo": "# by Bob\nscore( 7 )\n",
                "cem.mojo": "score(7)\n",
                "dora.mojo": "score(8)\n",
            },
        )
        grade_class(source, tmp_path / "run")
        assert len(log_lines(log)) == 2
        ended = results(tmp_path / "run")
        assert [ended[key].equal_to for key in ("ann", "bob", "cem", "dora")] == [
            "", "ann", "ann", "",
        ]  # fmt: skip
        for key in ("ann", "bob", "cem"):
            record = ended[key].record
            assert record.score == 7
            assert record.submission.name == f"{key}.mojo"
            assert record.submission.sha256 == ended[key].attempt.sha256
        assert ended["bob"].record.submission.text == "# by Bob\nscore( 7 )\n"
        assert ended["bob"].record.seed == ended["ann"].record.seed != ""
        assert ended["ann"].seconds > 0
        assert ended["bob"].seconds == 0

    def test_an_equal_program_that_comes_later_costs_nothing(self, tmp_path, log):
        source = make_class(tmp_path / "c", {"zoe.mojo": "score(7)\n"})
        grade_class(source, tmp_path / "run")
        (source / "ann.mojo").write_text("score(7)  # mine\n")
        summary, _ = grade_class(source, tmp_path / "run")
        assert (summary.graded, len(log_lines(log))) == (0, 1)
        assert results(tmp_path / "run")["ann"].equal_to == "zoe"


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
        monkeypatch.setattr("grader.batch.isolated.deadline_of", lambda task: 1.0)
        source = make_class(tmp_path / "c", {"ann.mojo": "x # sleep 60"})
        began = time.monotonic()
        grade_class(source, tmp_path / "run")
        assert time.monotonic() - began < 15
        assert "hung" in results(tmp_path / "run")["ann"].record.fault.what

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
            patch.setattr("grader.batch.schema.sqlite3.connect", small)
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


class Swapping:
    """A grader that exchanges the records of two programs."""

    def __init__(self, honest) -> None:
        self._honest = honest
        self._held: list[Outcome] = []
        self.workers = honest.workers

    def submit(self, task) -> None:
        self._honest.submit(task)

    def next_event(self, timeout):
        if len(self._held) < 2:
            event = self._honest.next_event(timeout)
            if isinstance(event, Outcome):
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


class TestLookingAgain:
    def test_whose_mark_changed_and_why(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(1)", "bob.mojo": "score(2)"})
        grade_class(source, tmp_path / "one")
        (source / "ann.mojo").write_text("score(100)")
        (source / "cem.mojo").write_text("score(3)")
        grade_class(source, tmp_path / "two")
        with Store(tmp_path / "one") as one, Store(tmp_path / "two") as two:
            found = {
                change.student.key: (str(change.before), str(change.after), list(change.reasons))
                for change in compare(one, two)
            }
        assert found == {
            "ann": ("1 (not passed)", "100 (passed)", ["the submission changed"]),
            "cem": ("not there", "3 (not passed)", ["is in one of the runs only"]),
        }

    def test_a_student_is_found_by_any_name_that_fits_one(self, tmp_path):
        source = make_class(
            tmp_path / "c", {"Ann Lee.mojo": "a", "Ann Poe.mojo": "b", "bob.mojo": "c"}
        )
        grade_class(source, tmp_path / "run")
        with Store(tmp_path / "run") as store:
            assert find_student(store, "bob").key == "bob"
            assert find_student(store, "LEE").key == "ann-lee"
            with pytest.raises(UsageError, match="fits 2 students"):
                find_student(store, "ann")
            with pytest.raises(UsageError, match="no student"):
                find_student(store, "zoe")


def grade(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "grader", *map(str, words)],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=120,
    )  # fmt: skip


class TestCommands:
    """As a user types them; the files do not package, so that no graph is compiled."""

    def test_a_class_from_start_to_gradebook(self, tmp_path):
        source = make_class(
            tmp_path / "c", {"ann.mojo": "not mojo", "bob.mojo": "", "cem.mojo": "not  mojo # c"}
        )
        command = ("batch", source, "--out", tmp_path / "run", "--device", "software")
        roster = tmp_path / "roster.csv"
        roster.write_text("name\nann\nbob\ncem\nGus Gone\n")
        command += ("--roster", roster)
        listed = grade(*command, "--dry-run")
        assert listed.returncode == 0, listed.stderr
        assert "to grade: not graded yet" in listed.stdout
        assert "as ann, whose program is equal" in listed.stdout
        assert re.search(r"gus-gone +nothing handed in", listed.stdout)
        assert "Nothing was graded or written." in listed.stdout
        ended = grade(*command, "--workers", 1, "--title", "Week 3")
        assert ended.returncode == 0, ended.stderr
        assert "[1/1] not passed" in ended.stderr
        assert (tmp_path / "run" / "index.html").is_file()
        assert (tmp_path / "run" / "feedback" / "cem" / "report.html").is_file()
        assert "Nothing to grade" in grade(*command).stderr
        shown = grade("show", tmp_path / "run", "cem")
        assert "Equal to:    ann" in shown.stdout
        assert f"Report: {tmp_path / 'run/reports/cem/report.html'}" in shown.stdout
        seen = grade("show", tmp_path / "run", "cem", "--audience", "student").stdout
        assert "Equal to" not in seen
        assert f"Report: {tmp_path / 'run/feedback/cem/report.html'}" in seen
        (tmp_path / "run" / "index.html").unlink()
        assert grade("rerender", tmp_path / "run").returncode == 0
        assert "Week 3" in (tmp_path / "run" / "index.html").read_text()
        differs = grade("diff", tmp_path / "run", tmp_path / "run")
        assert "0 marks differ" in differs.stdout

    def test_nothing_that_students_get_tells_where_it_was_graded(self, tmp_path):
        """Refused, equal and wrong files: all that is sent back or imported is searched."""
        source = make_class(
            tmp_path / "c",
            {"ann.mojo": "not mojo", "bob.mojo": "", "cem.mojo": "not  mojo # c", "dan.mojo": ""},
        )
        (source / "eve.mojo").write_bytes(b"\xff\xfe\0")
        (source / "fay.mojo").symlink_to(source / "ann.mojo")
        os.mkfifo(source / "gus.mojo")
        with zipfile.ZipFile(source / "hal.zip", "w") as made:
            made.writestr("conv1d.mojo", "score(1)")
        folder = tmp_path / "run"
        ended = grade("batch", source, "--out", folder, "--device", "software", "--workers", 1)
        assert ended.returncode == 0, ended.stderr
        sent = [*(folder / "feedback").rglob("*.html")]
        assert len(sent) >= 6
        for file in (
            *sent,
            *(folder / "gradebook" / name for name in ("canvas.csv", "moodle.csv")),
        ):
            text = file.read_text()
            for place in (tmp_path, ROOT, sys.prefix, tempfile.gettempdir(), Path.home()):
                assert f"{place}/" not in text, file
        for student in ("ann", "bob"):
            shown = grade("show", folder, student, "--audience", "student").stdout
            # Its last line is for the instructor who asks: where the report lies.
            assert str(tmp_path) not in shown.partition("Report: ")[0]

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("--roster", "missing.csv"), "can't be read"),
            (("--scheduler", "nonsense://x"), "no scheduler answers"),
        ],
    )
    def test_wrong_calls_end_with_2(self, tmp_path, words, says):
        source = make_class(tmp_path / "c", {"ann.mojo": "not mojo"})
        ended = grade("batch", source, "--out", tmp_path / "run", *words)
        assert ended.returncode == 2
        assert says in ended.stderr

    def test_a_machine_that_cannot_grade_says_so_before_the_class_is_tried(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "not mojo", "bob.mojo": "nor this"})
        data = {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
        ended = subprocess.run(
            [sys.executable, "-m", "grader", "batch", str(source), "--out", str(tmp_path / "run"),
             "--edition", "25.4", "--device", "software"],
            capture_output=True, text=True, cwd=ROOT, check=False, timeout=60,
            env={**os.environ, **data},
        )  # fmt: skip
        assert ended.returncode == 4
        assert "grade toolchain install 25.4" in ended.stderr
        assert "[1/2]" not in ended.stderr

    def test_help_documents_the_exit_codes(self):
        ended = grade("batch", "--help")
        for code in ("0", "2", "4", "130"):
            assert f"\n    {code} " in ended.stdout
