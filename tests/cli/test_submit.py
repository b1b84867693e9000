"""What `grade submit` does around a grading: where reports go, and what is said of the cases."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from grader.cli import submit as module
from grader.cli.submit import submit
from grader.errors import SubmissionRefused
from grader.record import Record, Verdict, load
from tests.report import records

PAIRS = [
    ("a/conv1d.mojo", "b/conv1d.mojo"),
    ("conv1d.mojo", "a/conv1d.mojo"),
    ("a/conv1d.mojo", "a/conv1d.txt"),
    ("a/conv1d.mojo", "a/conv1d"),
    ("a b/conv1d.mojo", "ab/conv1d.mojo"),
    ("a/b/conv1d.mojo", "a-b/conv1d.mojo"),
    ("../x/conv1d.mojo", "x/conv1d.mojo"),
    ("../x/conv1d.mojo", "../y/conv1d.mojo"),
    ("*.mojo", "?.mojo"),
    (".mojo", "..mojo"),
    (f"{'x' * 200}1.mojo", f"{'x' * 200}2.mojo"),
    ("-", "submission.mojo"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_files_never_overwrite_each_others_reports(
    one: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [module._folder_of(Path(name)) for name in (one, other)]
    assert folders[0] != folders[1]
    for folder in folders:
        assert folder.parts
        assert ".." not in folder.parts
        assert not folder.is_absolute()


@pytest.mark.parametrize("name", ["a/conv1d.mojo", "../x/conv1d.mojo", "a b/c.mojo", "-"])
def test_the_same_file_has_the_same_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert module._folder_of(Path(name)) == module._folder_of(Path(name))
    if not name.startswith("-"):
        assert module._folder_of(Path(name)) == module._folder_of(Path(os.path.abspath(name)))


def test_the_reports_of_two_folders_are_both_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "conv1d.mojo").write_bytes(folder.encode() + b"\0")
        ended = CliRunner().invoke(submit, [f"{folder}/conv1d.mojo"])
        assert isinstance(ended.exception, SubmissionRefused)
    found = list(tmp_path.glob("grade-out/**/record.json"))
    assert len(found) == 2
    assert all(load(path).verdict is Verdict.REFUSED for path in found)


@pytest.mark.parametrize(
    ("asked", "ran", "told"),
    [
        (["--examples", "1"], 51, True),
        (["--examples", "50"], 51, True),
        (["--examples", "51"], 51, False),
        (["--examples", "1"], 0, False),
        ([], 260, False),
    ],
)
def test_more_cases_than_were_asked_for_are_told(
    asked: list[str], ran: int, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grade(*arguments: object, **more: object) -> Record:
        return msgspec.structs.replace(records.passed(), cases_run=ran)

    monkeypatch.setattr("grader.grading.run.grade", grade)
    ended = CliRunner().invoke(submit, ["x.mojo", "--out", str(tmp_path), *asked])
    assert ended.exit_code == 0
    assert ("Note:" in ended.output) is told
    assert (f"{ran} cases were run" in ended.output) is told
