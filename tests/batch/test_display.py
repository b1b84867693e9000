"""What an instructor sees while a class is graded."""

from __future__ import annotations

import io
from dataclasses import replace

from grader.batch.collect import Collection
from grader.batch.display import RunDisplay, plan_lines
from grader.batch.model import Student
from grader.batch.plan import Job, Plan
from grader.batch.task import GradingOutcome
from grader.record import Verdict
from tests.batch.harness import settings_of
from tests.report import records


def job(name: str) -> Job:
    return Job(program=name, sha256=name, name=f"{name}.mojo", students=(name, "x"), reason="new")


def run_through(stream: io.StringIO, *, live: bool, tmp_path) -> str:
    jobs = [job("ann"), job("bob")]
    collection = Collection(
        students=[Student(key="ann", name="Ann")],
        attempts=[],
        form="files",
        notes=["not on the roster: \x1b[31mEve"],
    )
    with RunDisplay(stream, live=live) as display:
        display.planned(
            settings_of(tmp_path, tmp_path), collection, Plan(jobs=jobs, kept=3, equal=1)
        )
        display.began(jobs, 2)
        display.started(jobs[0], "")
        display.finished(jobs[0], records.passed(), GradingOutcome(program="ann", seconds=24.06))
        display.started(jobs[1], "")
        display.finished(jobs[1], records.faulted(), GradingOutcome(program="bob", seconds=1))
        display.writing()
    return stream.getvalue()


def test_lines_for_a_log(tmp_path):
    """One for each program, no control sequence, also not of a student's making."""
    said = run_through(io.StringIO(), live=False, tmp_path=tmp_path)
    lines = said.splitlines()
    assert "1 student in files" in lines[0]
    assert "2 programs to grade: new" in lines
    assert "3 results kept" in lines
    assert any(line.startswith("[1/2] passed ") and "24.1 s  ann and 1 more" in line
               for line in lines)  # fmt: skip
    assert any(line.startswith("[2/2] no mark ") for line in lines)
    assert "\x1b" not in said


def test_reasons_are_counted_where_there_are_several():
    jobs = [job("ann"), job("bob"), replace(job("cem"), reason="the rubric changed")]
    assert plan_lines(Plan(jobs=jobs, scored_again=["x"])) == [
        "3 programs to grade: 2 new; 1 the rubric changed",
        "1 result scored again: the rubric changed, not what is judged",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_runs_and_the_time_left(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    display = RunDisplay(stream, live=True)
    with display:
        display.began([job("ann"), job("bob")], 2)
        display.started(job("bob"), "")
        display.finished(job("ann"), records.passed(), GradingOutcome(program="ann", seconds=24))
        display._live.refresh()
    said = stream.getvalue()
    for words in ("1 of 2 graded", "a minute", "left", "1 passed", "grading", "bob and 1 more"):
        assert words in said, words


def test_verdicts_all_have_words():
    from grader.batch.display import _STYLES, _WORDS

    assert set(_WORDS) == set(_STYLES) == set(Verdict)
