"""``--format``: what there is, what it writes, and what GitHub's runner is told."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from grader.cli.links import has_links, linked
from grader.cli.submit import submit
from grader.guidance import next_steps
from grader.record import CaseLog, Record, RubricInfo, Withheld, encode
from grader.report import FORMATS
from grader.report.text import render_text
from tests.action.workflow import commands, read_file_command
from tests.cli.test_commands import grade
from tests.report import hostile, models, records


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
    files = {name: each.file for name, each in FORMATS.items() if not each.printed}
    names = ",".join(files)
    out = tmp_path / "out"
    assert grade("report", record, "--format", names, "--out", out).returncode == 0
    written = {path.name for path in out.iterdir()}
    assert written == set(files.values())


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


class TestStandardOutput:
    """What programs read is there alone; what is for people goes to standard error."""

    def test_gcc_is_printed_with_the_file_as_it_was_named(self, tmp_path, monkeypatch) -> None:
        def grade(*arguments: object, **more: object) -> Record:
            return records.does_not_compile()

        monkeypatch.setattr("grader.grading.run.grade", grade)
        (tmp_path / "a").mkdir()
        file = tmp_path / "a" / "x.mojo"
        file.write_text("pass\n")
        call = [str(file), "--puzzle", "conv1d", "--format", "gcc", "--out", str(tmp_path / "out")]
        ended = CliRunner().invoke(submit, call)
        first, *others = [models.gcc_message(line) for line in ended.stdout.splitlines()]
        assert (first.file, first.severity) == (str(file), "error")
        told = records.does_not_compile().diagnostics[0]
        assert first.line == told.line
        assert first.text.lower().startswith(told.message)
        assert others[-1].severity == "note"
        assert f"Record: {tmp_path / 'out' / 'record.json'}" in ended.stderr
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"record.json"}

    def test_a_refused_file_has_its_message_too(self, tmp_path) -> None:
        (tmp_path / "x.mojo").write_text("")
        ended = grade("submit", "x.mojo", "--format", "gcc", "--out", "-", cwd=tmp_path)
        assert ended.returncode == 3
        first, *_ = [models.gcc_message(line) for line in ended.stdout.splitlines()]
        assert (first.file, first.severity) == ("x.mojo", "error")
        assert "is empty" in first.text
        assert [path.name for path in tmp_path.iterdir()] == ["x.mojo"]

    @pytest.mark.parametrize("format", ["json", "gcc", "sarif", "text"])
    def test_one_format_goes_there_whole(self, record, format) -> None:
        ended = grade("report", record, "--format", format, "--out", "-")
        assert ended.returncode == 0
        assert ended.stderr == ""
        if format == "json":
            assert ended.stdout.encode() == record.read_bytes()
        if format == "text":
            assert ended.stdout.strip() == render_text(records.wrong_values()).strip()
        assert [path.name for path in record.parent.iterdir()] == [record.name]

    @pytest.mark.parametrize("more", [("--format", "json,text"), ()])
    def test_it_has_room_for_one(self, record, more) -> None:
        ended = grade("report", record, *more, "--out", "-")
        assert ended.returncode == 2
        assert "one format" in ended.stderr
        assert ended.stdout == ""

    def test_a_name_is_no_command_of_a_workflow(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        (tmp_path / "::error title=owned::x.mojo").write_text("")
        name = "::error title=owned::x.mojo"
        ended = grade("submit", "--format", "gcc", "--out", "-", "--", name, cwd=tmp_path)
        assert "owned" in ended.stdout
        assert commands(ended.stdout) == []


class TestOpen:
    def test_the_report_is_opened(self, tmp_path, monkeypatch) -> None:
        opened: list[str] = []

        def open_url(url: str) -> bool:
            opened.append(url)
            return True

        monkeypatch.setattr("webbrowser.open", open_url)
        monkeypatch.setattr("grader.grading.run.grade", lambda *a, **k: records.passed())
        (tmp_path / "x.mojo").write_text("pass\n")
        call = [str(tmp_path / "x.mojo"), "--puzzle", "conv1d", "--format", "text", "--open"]
        ended = CliRunner().invoke(submit, [*call, "--out", str(tmp_path / "o o")])
        assert ended.exit_code == 0
        assert opened == [f"file://{tmp_path}/o%20o/report.html"]
        assert (tmp_path / "o o" / "report.html").exists()

    def test_where_there_is_no_browser_the_verdict_stands(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr("webbrowser.open", lambda url: False)
        monkeypatch.setattr("grader.grading.run.grade", lambda *a, **k: records.passed())
        (tmp_path / "x.mojo").write_text("pass\n")
        call = [str(tmp_path / "x.mojo"), "--puzzle", "conv1d", "--open", "--out"]
        ended = CliRunner().invoke(submit, [*call, str(tmp_path / "out")])
        assert ended.exit_code == 0
        assert "No browser could be opened" in ended.stderr


class TestLinks:
    @pytest.mark.parametrize(
        ("variables", "has"),
        [
            ({"TERM": "xterm-256color"}, False),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, True),
            ({"TERM": "xterm-256color", "VTE_VERSION": "7402"}, True),
            ({"TERM": "xterm-256color", "VTE_VERSION": "4205"}, False),
            ({"TERM": "xterm-256color", "VTE_VERSION": "x"}, False),
            ({"TERM": "xterm-kitty"}, True),
            ({"TERM": "xterm-256color", "WT_SESSION": "1"}, True),
            ({"TERM": "tmux-256color", "TERM_PROGRAM": "vscode"}, False),
            ({"TERM": "dumb", "TERM_PROGRAM": "vscode"}, False),
            ({"TERM_PROGRAM": "vscode"}, False),
            ({}, False),
        ],
    )
    def test_terminals_that_are_known_to_have_them(self, variables, has) -> None:
        assert has_links(variables) is has

    def test_a_path_is_one_on_a_terminal_only(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("TERM", "xterm-kitty")
        path = tmp_path / "a b"

        class Stream(io.StringIO):
            terminal = True

            def isatty(self) -> bool:
                return self.terminal

        stream = Stream()
        shown = linked(path, stream)
        assert shown.startswith("\x1b]8;;file://")
        assert f"/a%20b\x1b\\{path}\x1b]8;;\x1b\\" in shown
        stream.terminal = False
        assert linked(path, stream) == str(path)
