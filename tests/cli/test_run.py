"""``grade run``: what it makes of its command line, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.cli.root import root
from grader.run import running
from grader.run.document import RunDocument, RunEnding, decode
from grader.run.running import RunRequest, Shows
from grader.run.text import MARK
from tests.run.conftest import KINDS
from tests.run.documents import FOUND, document

ROOT = Path(__file__).parents[2]


class Asked:
    """In the place of a run: what was asked for, and an answer."""

    def __init__(self, answer: RunDocument) -> None:
        self.answer = answer
        self.requests: list[RunRequest] = []

    def __call__(self, request: RunRequest, shows: Shows) -> RunDocument:
        self.requests.append(request)
        shows.said("building")
        shows.out("out: [1.0]\n")
        shows.error("a warning of its own\n")
        return self.answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked(document(findings=(FOUND,), exit_code=3))
    monkeypatch.setattr(running, "run", asked)
    return asked


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "p13.mojo"
    path.write_text("def main():\n    pass\n")
    return path


def test_what_follows_the_file_is_the_program_s(asked: Asked, file: Path) -> None:
    for given, arguments in (
        ((), ()),
        (("--simple",), ("--simple",)),
        (("--json", "-h", "--device", "x"), ("--json", "-h", "--device", "x")),
        (("a", "--", "b"), ("a", "--", "b")),
    ):
        result = CliRunner().invoke(root, ["run", "--strict", str(file), *given])
        assert result.exit_code == 3, result.output
        assert asked.requests[-1].arguments == arguments
        assert asked.requests[-1].strict


def test_each_has_its_stream(asked: Asked, file: Path) -> None:
    result = CliRunner().invoke(root, ["run", str(file)])
    assert result.stdout == "out: [1.0]\n"
    lines = result.stderr.splitlines()
    assert lines[:2] == [f"{MARK}building", "a warning of its own"]
    assert all(line.startswith(MARK) for line in lines[2:])
    assert f"{MARK}p10.mojo:2:18: error: " in result.stderr


def test_json_is_all_that_is_printed(asked: Asked, file: Path) -> None:
    result = CliRunner().invoke(root, ["run", "--json", str(file)])
    assert decode(result.stdout.encode()) == asked.answer
    assert "of its own" not in result.stderr


def test_a_page_is_written(asked: Asked, file: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert CliRunner().invoke(root, ["run", "--html", str(page), str(file)]).exit_code == 3
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_an_option_that_the_command_does_not_know_is_no_file(asked: Asked, file: Path) -> None:
    result = CliRunner().invoke(root, ["run", "--stric", str(file)])
    assert result.exit_code == 2, result.output
    assert not asked.requests


def grade(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "grader", *words], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.slow
def test_a_program_that_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "p01.mojo").write_text("def main():\n    print(nothing)\n")
    done = grade("run", str(tmp_path / "p01.mojo"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"{MARK}{tmp_path}/p01.mojo:2:11: error: " in done.stderr
    assert all(line.startswith(MARK) for line in done.stderr.splitlines())


@pytest.mark.slow
def test_a_program_with_a_race(tmp_path: Path) -> None:
    (tmp_path / "kinds.mojo").write_text(KINDS)
    page = tmp_path / "page.html"
    done = grade(
        *("run", "--strict", "--json", "--html", str(page)), str(tmp_path / "kinds.mojo"), "race"
    )
    seen = decode(done.stdout.encode())
    assert (done.returncode, seen.exit_code, seen.program_exit_code) == (1, 1, 0)
    assert (seen.ending, seen.errors) == (RunEnding.RAN, 1)
    assert seen.arguments == ("race",)
    assert seen.stdout.startswith("race ")
    assert "Race between two threads" in page.read_text("utf-8")
