"""``--format``: what there is, what it writes, and what GitHub's runner is told."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from grader.guidance import next_steps
from grader.record import CaseLog, Record, RubricInfo, Withheld, encode
from grader.report import FORMATS
from tests.action.workflow import commands, read_file_command
from tests.cli.test_commands import grade
from tests.report import hostile, records


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "record.json"
    path.write_bytes(encode(records.wrong_values()))
    return path


def test_help_lists_every_format() -> None:
    ended = grade("submit", "x.mojo", "--format", "help")
    assert ended.returncode == 0
    for name, each in FORMATS.items():
        assert name in ended.stdout
        assert each.about in ended.stdout


def test_a_misspelt_one_is_guessed_and_all_are_listed(tmp_path) -> None:
    ended = grade("submit", "x.mojo", "--format", "json,sarfi", cwd=tmp_path)
    assert ended.returncode == 2
    assert "there is no report format 'sarfi'" in ended.stderr
    assert "Did you mean sarif?" in ended.stderr
    assert "gradescope" in ended.stderr
    assert not list(tmp_path.iterdir())


def test_every_format_is_written_under_its_name(record, tmp_path) -> None:
    names = ",".join(name for name in FORMATS if name != "text")
    out = tmp_path / "out"
    assert grade("report", record, "--format", names, "--out", out).returncode == 0
    written = {path.name for path in out.iterdir()}
    assert written == {each.file for name, each in FORMATS.items() if name != "text"}


def test_the_command_that_runs_the_case_again_is_printed_in_full(tmp_path) -> None:
    made = records.wrong_values()
    first = msgspec.structs.replace(made.counterexamples[0], case=7)
    log = CaseLog(count=9, packed=b"")
    made = msgspec.structs.replace(made, counterexamples=(first,), cases=log)
    path = tmp_path / "a record.json"
    path.write_bytes(encode(made))
    out = tmp_path / "out"
    said = grade("report", path, "--format", "text,json", "--out", out).stdout
    assert f"again: grade replay {out / 'record.json'} --case 7\n" in said
    copy = msgspec.structs.replace(made, withheld=Withheld(never=5))
    path.write_bytes(encode(copy))
    said = grade("report", path, "--format", "text,json", "--out", out).stdout
    assert "grade replay" not in said


def test_the_runner_is_told_where_it_names_its_files(record, tmp_path, monkeypatch) -> None:
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(tmp_path / name))
        (tmp_path / name).write_text("before=1\n")
    ended = grade("report", record, "--format", "github", "--path", "a/b.mojo")
    assert ended.returncode == 0
    assert {p["file"] for _, p, _ in commands(ended.stdout)} == {"a/b.mojo"}
    found = read_file_command((tmp_path / "GITHUB_OUTPUT").read_text())
    assert (found["before"], found["score"], found["passed"]) == ("1", "60", "false")
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text().startswith("before=1\n## ")


def test_without_a_runner_the_summary_is_a_file_and_nothing_else(record, monkeypatch) -> None:
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    assert grade("report", record, "--format", "github").returncode == 0
    assert (record.parent / "summary.md").read_text().startswith("## ")


def test_the_text_is_no_command_of_a_workflow(record, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    bait = "::error title=owned::x ##[error]x"
    made = hostile.poisoned(records.nothing_filled_in(), bait)
    kept = {name: getattr(records.nothing_filled_in(), name) for name in ("schema", "shapes")}
    record.write_bytes(encode(msgspec.structs.replace(made, **kept)))
    ended = grade("report", record, "--format", "text")
    assert ended.returncode == 0
    assert bait.split()[0] in ended.stdout
    assert commands(ended.stdout) == []


def test_an_error_is_no_command_of_a_workflow(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ended = grade("submit", "x\n::error title=owned::y ##[error]z", cwd=tmp_path)
    assert ended.returncode == 3
    assert commands(ended.stderr) == []


def test_a_file_of_the_runner_that_can_not_be_written_is_a_fault(record, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", "/nowhere/output")
    ended = grade("report", record, "--format", "github")
    assert ended.returncode == 4
    assert "GITHUB_OUTPUT" in ended.stderr


def with_hints(rubric: RubricInfo | None) -> Record:
    """A record of wrong values with a hint of each step."""
    made = records.wrong_values()
    told = {"explanation": "It is flipped.", "advice": "Turn it.", "sketch": "a[i + j] * b[j]"}
    cases = tuple(
        msgspec.structs.replace(each, mistake="flipped", **told) for each in made.counterexamples
    )
    made = msgspec.structs.replace(made, counterexamples=cases, rubric=rubric)
    return msgspec.structs.replace(made, advice=next_steps(made))


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ((), 2),
        (("--hints", "1"), 1),
        (("--hints", "3"), 3),
        (("--audience", "instructor"), 3),
        (("--audience", "instructor", "--hints", "1"), 1),
    ],
)
def test_hints_come_one_after_the_other(tmp_path, options, seen) -> None:
    path, out = tmp_path / "record.json", tmp_path / "out"
    path.write_bytes(encode(with_hints(None)))
    said = grade("report", path, "--format", "text,json", "--out", out, *options).stdout
    marks = {1: "It is flipped.", 2: "Turn it.", 3: "a[i + j] * b[j]"}
    assert [step for step, mark in marks.items() if mark in said] == list(range(1, seen + 1))
    more = f"A hint: grade report {out / 'record.json'} --hints {seen + 1}\n"
    assert (more in said) == (seen < 3)


def test_no_option_shows_a_hint_that_the_rubric_does_not_allow(tmp_path) -> None:
    path, out = tmp_path / "record.json", tmp_path / "out"
    path.write_bytes(encode(with_hints(RubricInfo(hints=1, source="x"))))
    ended = grade("report", path, "--format", "text,json", "--out", out, "--hints", "3")
    assert "It is flipped." in ended.stdout
    kept = (out / "record.json").read_text()
    for mark in ("Turn it.", "a[i + j] * b[j]"):
        assert mark not in ended.stdout + kept
    assert "A hint:" not in ended.stdout
    assert grade("report", path, "--hints", "4").returncode == 2
