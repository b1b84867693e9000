"""The commands as a user types them, without compiling a graph."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.labels import sample_file
from grader import __version__
from grader.cli.installation import ALL_GIB
from grader.cli.root import _COMMANDS, root
from grader.record import Verdict, decode, encode, load
from grader.toolchain import edition as editions
from tests.report import records

SKELETON = Path(__file__).parents[2] / "reference_kernels/conv1d/26.5/skeleton.mojo"
BROKEN = sample_file("block_dim_missing")


def grade(*arguments, stdin=None, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "grader", *map(str, arguments)],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=cwd,
        check=False,
        timeout=400,
    )


def test_version():
    ended = grade("--version")
    assert ended.returncode == 0
    assert __version__ in ended.stdout


def test_the_list_of_commands_says_of_each_what_it_says_itself():
    for name, (*_, about) in _COMMANDS.items():
        command = root.commands[name]
        assert about == ("" if command.hidden else command.get_short_help_str(limit=200)), name


def test_the_list_of_commands_imports_none_of_them():
    call = "import sys; from grader.cli.root import root; root(['--help'], standalone_mode=False)"
    command = [sys.executable, "-c", f"{call}; print('LOADED', *sys.modules)"]
    listed, _, loaded = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.partition("LOADED ")
    shown = [line.split()[0] for line in listed.partition("Commands:")[2].split("\n") if line]
    assert set(shown) >= {name for name, (*_, about) in _COMMANDS.items() if about}
    assert "action" not in shown
    assert not {module for module, *_ in _COMMANDS.values()} & set(loaded.split())


def test_help_of_any_command_imports_nothing_that_takes_time():
    call = f"""
import sys
from grader.cli.root import root
for name in {list(_COMMANDS)!r}:
    root([name, "--help"], standalone_mode=False)
print("LOADED", *sys.modules)
"""
    command = [sys.executable, "-c", call]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loaded = set(said.rpartition("LOADED ")[2].split())
    assert "grader.cli.submit" in loaded
    slow = {"msgspec", "numpy", "jinja2", "rich", "hypothesis", "grader.record", "grader.sandbox"}
    assert not slow & loaded


def test_what_all_editions_take_is_said_as_it_is():
    mebibytes = sum(editions.find(name).download_mib for name in editions.names())
    assert round(mebibytes / 1024) == ALL_GIB


@pytest.mark.parametrize("command", [[], ["submit"]])
def test_help_documents_the_exit_codes(command):
    ended = grade(*command, "--help")
    assert ended.returncode == 0
    for code in "01234":
        assert f"\n    {code}  " in ended.stdout


def test_puzzles_lists_domain_and_rubric():
    ended = grade("puzzles")
    assert ended.returncode == 0
    for words in ("conv1d", "input_size 15 or 30", "10  The file packages", "extra credit"):
        assert words in ended.stdout


def test_completion_is_offered(monkeypatch):
    monkeypatch.setenv("_GRADE_COMPLETE", "bash_source")
    ended = grade()
    assert "_GRADE_COMPLETE=bash_complete" in ended.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit"],
        ["submit", "x.mojo", "--puzzle", "no_such_puzzle"],
        ["submit", "x.mojo", "--examples", "0"],
        ["submit", "x.mojo", "--edition", "1.0"],
        ["submit", "x.mojo", "--format", "pdf"],
        ["submit", "x.mojo", "--seed", ""],
        ["nonsense"],
    ],
)
def test_a_wrong_call_is_usage(arguments, tmp_path):
    ended = grade(*arguments, cwd=tmp_path)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_a_file_that_is_not_there_is_refused(tmp_path):
    ended = grade("submit", "no.mojo", cwd=tmp_path)
    assert ended.returncode == 3
    assert ended.stderr.splitlines()[-2].startswith("Refused: ")
    assert load(tmp_path / "grade-out/no/record.json").verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"def f():\n\0pass\n", b"x" * 300_000], ids=str.__class__
)
def test_what_is_no_source_file_is_refused_with_a_report(data, tmp_path):
    file = tmp_path / "conv1d.mojo"
    file.write_bytes(data)
    ended = grade("submit", file, "--out", tmp_path / "out")
    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr
    assert load(tmp_path / "out/record.json").verdict is Verdict.REFUSED
    assert (tmp_path / "out/report.html").exists()


def test_a_refusal_names_the_file_and_not_where_it_lies(tmp_path):
    (tmp_path / "conv1d.mojo").write_bytes(b"")
    grade("submit", tmp_path / "conv1d.mojo", "--out", tmp_path / "out")
    assert load(tmp_path / "out/record.json").headline == "conv1d.mojo is empty."
    assert str(tmp_path) not in (tmp_path / "out/report.html").read_text()
    grade("submit", "-", "--out", tmp_path / "out", stdin="\ufeff\0")
    assert load(tmp_path / "out/record.json").headline.startswith("standard input holds a NUL")


def test_a_folder_that_can_not_be_written_is_usage(tmp_path):
    (tmp_path / "file").write_text("")
    ended = grade("submit", SKELETON, "--out", tmp_path / "file")
    assert ended.returncode == 2


def test_the_skeleton_scores_nothing_and_costs_no_compile(tmp_path):
    ended = grade("submit", SKELETON, "--out", tmp_path)
    assert ended.returncode == 1
    record = load(tmp_path / "record.json")
    assert (record.score, record.verdict) == (0, Verdict.FAIL)
    assert "Nothing was filled in" in ended.stdout
    assert [stage.name for stage in record.stages] == ["read", "package"]


def test_the_skeleton_from_standard_input(tmp_path):
    ended = grade("submit", "-", "--out", tmp_path, stdin=SKELETON.read_text())
    assert ended.returncode == 1
    assert load(tmp_path / "record.json").score == 0


def test_a_file_that_does_not_compile(tmp_path):
    """Graded without ever starting a graph, with the message and its place."""
    ended = grade("submit", BROKEN, "--out", tmp_path)
    assert ended.returncode == 1
    record = load(tmp_path / "record.json")
    assert (record.verdict, record.score) == (Verdict.FAIL, 0)
    assert [stage.name for stage in record.stages] == ["read", "package"]
    error = record.diagnostics[0]
    assert error.file == "conv1d.mojo"
    assert BROKEN.read_text().splitlines()[error.line - 1].strip() in ended.stdout


def test_progress_goes_to_standard_error_and_the_verdict_to_standard_output(tmp_path):
    ended = grade("submit", SKELETON, "--out", tmp_path)
    assert "Reading" in ended.stderr
    assert "Reading" not in ended.stdout
    assert f"Report: {tmp_path / 'report.html'}" in ended.stdout


def test_report_renders_a_record_again(tmp_path):
    grade("submit", SKELETON, "--out", tmp_path / "a")
    ended = grade("report", tmp_path / "a/record.json", "--out", tmp_path / "b")
    assert ended.returncode == 0
    assert (tmp_path / "b/report.html").read_bytes() == (tmp_path / "a/report.html").read_bytes()


@pytest.mark.parametrize("text", ["", "{}", "[", '{"schema": "other/1"}', "[" * 5000])
def test_a_record_that_is_none_is_a_wrong_call(text, tmp_path):
    (tmp_path / "record.json").write_text(text)
    ended = grade("report", tmp_path / "record.json")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", sorted(records.ALL))
def test_every_kind_of_record_survives_writing_and_reading(name):
    record = records.ALL[name]()
    assert decode(encode(record)) == record
    assert json.loads(encode(record))["schema"] == "mojo-grade/record/2"
