"""Rubric files and the two audiences, as commands."""

from __future__ import annotations

from io import StringIO

from msgspec.structs import replace

from grader.cli.progress import TerminalProgress
from grader.record import RubricInfo, StageOutcome, Status, Verdict, Visibility, encode, load
from tests.cli.test_commands import SKELETON, grade
from tests.report import records

HIDDEN = "zqHIDDENqz"


def whole():
    """Right in all that shows, wrong in what is hidden."""
    made = records.wrong_values()
    checks = tuple(
        replace(check, title=HIDDEN, visibility=Visibility.HIDDEN)
        if check.status is Status.FAILED
        else check
        for check in made.checks
    )
    return replace(made, checks=checks, headline=HIDDEN, rubric=RubricInfo(source=HIDDEN))


def test_the_starting_file_is_printed_and_taken(tmp_path):
    printed = grade("puzzles", "--rubric", "conv1d")
    assert printed.returncode == 0
    (tmp_path / "r.toml").write_text(printed.stdout)
    ended = grade("submit", SKELETON, "--rubric", tmp_path / "r.toml", "--out", tmp_path / "out")
    assert ended.returncode == 1
    assert load(tmp_path / "out/record.json").max_score == 100


def test_a_courses_skeleton_scores_nothing_and_nobody_reads_of_it(tmp_path):
    text = SKELETON.read_text().replace("Conv1DCustomOp", "Homework3")
    (tmp_path / "homework.mojo").write_text(text)
    (tmp_path / "mine.mojo").write_text("# Jane Doe\n" + text)
    (tmp_path / "r.toml").write_text('puzzle = "conv1d"\nskeleton = "homework.mojo"\n')
    arguments = ("submit", tmp_path / "mine.mojo", "--rubric", tmp_path / "r.toml", "--out")
    ended = grade(*arguments, tmp_path / "student")
    assert ended.returncode == 1
    assert "Nothing was filled in" in ended.stdout
    copy = load(tmp_path / "student/record.json")
    assert (copy.score, copy.rubric.skeleton) == (0, None)
    grade(*arguments, tmp_path / "whole", "--audience", "instructor")
    assert load(tmp_path / "whole/record.json").rubric.skeleton.program


def test_a_rubric_with_mistakes_is_usage_and_starts_nothing(tmp_path):
    (tmp_path / "r.toml").write_text('puzzle = "conv1d"\n\n[checks.real]\n')
    ended = grade("submit", SKELETON, "--rubric", tmp_path / "r.toml", "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert 'r.toml, line 3: checks.real: there is no check "real"; did you mean reals?' in (
        ended.stderr
    )
    assert not (tmp_path / "out").exists()


def test_a_student_gets_a_copy_and_an_instructor_the_record(tmp_path):
    (tmp_path / "r.toml").write_text('puzzle = "conv1d"\n[checks.reals]\nvisibility = "hidden"\n')
    arguments = ("submit", SKELETON, "--rubric", tmp_path / "r.toml", "--out", tmp_path / "out")
    ended = grade(*arguments)
    copy = load(tmp_path / "out/record.json")
    assert copy.withheld.never == 15
    assert (copy.max_score, copy.seed, copy.rubric.source) == (85, "", "")
    assert "reals" not in [check.id for check in copy.checks]
    assert "--audience instructor" in ended.stderr
    assert "Nothing was filled in" in ended.stdout
    grade(*arguments, "--audience", "instructor")
    record = load(tmp_path / "out/record.json")
    assert (record.max_score, record.withheld) == (100, None)
    assert record.seed
    assert "Real numbers within the rounding bound (hidden from students)" in (
        (tmp_path / "out/report.html").read_text().replace(' <span class="remark">(', " (")
    )


def test_a_refused_file_has_a_report_under_a_rubric_too(tmp_path):
    (tmp_path / "r.toml").write_text('puzzle = "conv1d"\n[checks.reals]\nvisibility = "hidden"\n')
    ended = grade("submit", tmp_path / "no.mojo", "--rubric", "r.toml", "--out", "o", cwd=tmp_path)
    assert ended.returncode == 3
    assert load(tmp_path / "o/record.json").verdict is Verdict.REFUSED


def test_progress_counts_no_cases_where_checks_are_hidden():
    """A failing case is made smaller: that more cases ran would tell that one failed."""
    for discreet, told in ((True, "Running cases          ok\n"), (False, " 1.5 s, 171 cases\n")):
        stream = StringIO()
        with TerminalProgress(stream, discreet=discreet) as progress:
            progress.stage_began("run")
            progress.cases(171, 100)
            progress.stage_ended("run", StageOutcome.DONE, 1.5)
        assert stream.getvalue().endswith(told)


def test_report_for_either_audience(tmp_path):
    (tmp_path / "record.json").write_bytes(encode(whole()))
    everything = "html,text,csv,junit,sarif,classroom50"
    student = grade(
        "report", tmp_path / "record.json", "--out", tmp_path / "s", "--format", everything
    )
    assert student.returncode == 0
    assert HIDDEN not in student.stdout
    assert "Right so far  60 / 60" in student.stdout
    for path in (tmp_path / "s").iterdir():
        assert HIDDEN not in path.read_text()
    instructor = grade(
        "report", tmp_path / "record.json", "--out", tmp_path / "i", "--audience", "instructor"
    )
    assert f"(hidden from students) {HIDDEN}" in instructor.stdout
    assert HIDDEN in (tmp_path / "i/report.html").read_text()


def test_a_copy_never_replaces_the_record_that_it_is_made_of(tmp_path):
    (tmp_path / "record.json").write_bytes(encode(whole()))
    ended = grade("report", tmp_path / "record.json", "--format", "json")
    assert ended.returncode == 2
    assert "--out" in ended.stderr
    assert load(tmp_path / "record.json") == whole()
    ended = grade("report", tmp_path / "record.json", "--format", "json", "--out", tmp_path / "s")
    assert ended.returncode == 0
    assert HIDDEN not in (tmp_path / "s/record.json").read_text()


def test_without_a_rubric_a_student_has_the_record_itself(tmp_path):
    (tmp_path / "record.json").write_bytes(encode(records.wrong_values()))
    ended = grade("report", tmp_path / "record.json", "--format", "json")
    assert ended.returncode == 0
    assert load(tmp_path / "record.json") == records.wrong_values()
