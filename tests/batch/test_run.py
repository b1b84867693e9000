"""What is graded, what is kept and why."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import msgspec
import pytest

from grader.batch.compare import compare, find_student
from grader.batch.run import dry_run, run
from grader.batch.store import Store
from grader.errors import UsageError
from grader.puzzles.conv1d import PUZZLE
from grader.record import Verdict
from grader.rubric import parse_rubric, starting_file
from tests.batch.harness import (
    Listener,
    grade_class,
    log_lines,
    make_class,
    results,
    settings_of,
    write_index,
)

pytestmark = pytest.mark.usefixtures("log")


def reasons(listener: Listener) -> dict[str, str]:
    return {job.students[0]: job.reason for job in listener.plan.jobs}


LENIENT = 'puzzle = "conv1d"\npass_mark = 70'


def grade_with(source: Path, folder: Path, rubric: str):
    """With the text of a rubric file."""
    options = {"rubric": rubric, "rubric_name": "r.toml"}
    read = parse_rubric(rubric.encode(), PUZZLE)
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
            "s0": 0, "s1": 55, "s2": 2, "s3": 3, "new": 9,
        }  # fmt: skip
        assert ended["s2"].record.submission.text.endswith("changed\n")

    @pytest.mark.parametrize(
        ("column", "says"),
        [
            ("grader", r"the grader's version changed \(other → .*\)"),
            ("code_digest", "the grader's code changed"),
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

        text = starting_file(PUZZLE)
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

    def test_a_mark_stays_where_grading_it_again_fails(self, tmp_path, log):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(70)", "bob.mojo": "score(1)"})
        grade_class(source, tmp_path / "run")
        broken = log.with_name(log.name + ".broken")
        broken.touch()
        summary, _ = grade_class(source, tmp_path / "run", regrade="ann")
        assert (summary.graded, summary.not_regraded, summary.faults) == (1, 1, 0)
        assert results(tmp_path / "run")["ann"].record.score == 70
        broken.unlink()
        summary, listener = grade_class(source, tmp_path / "run")
        assert reasons(listener) == {"ann": "asked for with --regrade"}
        assert (summary.graded, summary.not_regraded) == (1, 0)
        assert not grade_class(source, tmp_path / "run")[1].plan.jobs

    def test_a_mark_made_under_other_conditions_does_not_stay(self, tmp_path, log):
        source = make_class(tmp_path / "c", {"ann.mojo": "score(70)"})
        grade_class(source, tmp_path / "run")
        log.with_name(log.name + ".broken").touch()
        summary, _ = grade_class(source, tmp_path / "run", options={"examples": 5})
        assert (summary.not_regraded, summary.faults) == (0, 1)
        assert results(tmp_path / "run")["ann"].record.verdict is Verdict.FAULT

    def test_regrade_by_pattern_and_all(self, tmp_path, log):
        source = make_class(tmp_path / "c", {f"s{n}.mojo": f"score({n})" for n in range(3)})
        grade_class(source, tmp_path / "run")
        _, listener = grade_class(source, tmp_path / "run", regrade="S1*")
        assert reasons(listener) == {"s1": "asked for with --regrade"}
        _, listener = grade_class(source, tmp_path / "run", regrade="*")
        assert len(listener.plan.jobs) == 3
        assert len(log_lines(log)) == 3 + 1 + 3

    @pytest.mark.parametrize(
        ("wanted", "meant"),
        [
            ("Smith [Group 1]", ["Smith [Group 1]"]),
            ("smith [group 1]", ["Smith [Group 1]"]),
            ("Smith [Group 1].mojo", ["Smith [Group 1]"]),
            ("Who?", ["Who?"]),
            ("*", ["Smith [Group 1]", "Smith G", "Who?", "Whom"]),
            ("smith*", ["Smith [Group 1]", "Smith G"]),
            ("Who*", ["Who?", "Whom"]),
            ("*[Group 1]*", ["Smith [Group 1]"]),
            ("*[Group ?]", ["Smith [Group 1]"]),
        ],
    )
    def test_a_name_that_is_somebodys_is_no_pattern(self, tmp_path, log, wanted, meant):
        names = ["Smith [Group 1]", "Smith G", "Who?", "Whom"]
        source = make_class(tmp_path / "c", {f"{name}.mojo": f"a({name!r})" for name in names})
        grade_class(source, tmp_path / "run")
        _, listener = grade_class(source, tmp_path / "run", regrade=wanted)
        key_of = {student.name: key for key, each in results(tmp_path / "run").items()
                  for student in [each.student]}  # fmt: skip
        assert reasons(listener).keys() == {key_of[name] for name in meant}

    @pytest.mark.parametrize("wanted", ["Zoe", "*[an]*", "refused", "absent"])
    def test_whom_nobody_is_meant_by_is_an_error(self, tmp_path, log, wanted):
        source = make_class(tmp_path / "c", {"ann.mojo": "a", "refused.mojo": "\0"})
        roster = tmp_path / "roster.csv"
        roster.write_text("name\nann\nrefused\nabsent\n")
        grade_class(source, tmp_path / "run", roster=roster)
        with pytest.raises(UsageError, match="fits nobody whose file can be graded"):
            grade_class(source, tmp_path / "run", roster=roster, regrade=wanted)
        assert len(log_lines(log)) == 1

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
