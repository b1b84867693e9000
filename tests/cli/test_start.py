"""`grade start`: what a student starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.choices import DEFAULT_EDITION
from grader.cli.puzzles import start
from grader.errors import UsageError
from grader.puzzles import NAMES, find
from grader.references import reference


def started(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(start, arguments)


@pytest.mark.parametrize("puzzle", NAMES)
def test_every_puzzle_has_a_skeleton(
    puzzle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = started(tmp_path, monkeypatch, puzzle)
    assert ended.exit_code == 0
    assert find(puzzle).title in ended.output
    assert f"grade watch {puzzle}.mojo" in ended.output
    assert "{" not in ended.output
    text = (tmp_path / f"{puzzle}.mojo").read_text()
    assert text == reference(puzzle, DEFAULT_EDITION, "skeleton")


def test_another_edition_and_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = started(tmp_path, monkeypatch, "conv1d", "my file.mojo", "--edition", "25.4")
    assert "grade watch 'my file.mojo'" in ended.output
    text = (tmp_path / "my file.mojo").read_text()
    assert text == reference("conv1d", "25.4", "skeleton")
    assert text != reference("conv1d", DEFAULT_EDITION, "skeleton")


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conv1d.mojo").write_text("mine")
    (tmp_path / "link.mojo").symlink_to("nowhere")
    for arguments in (("conv1d",), ("conv1d", "link.mojo"), ("conv1d", ".")):
        ended = started(tmp_path, monkeypatch, *arguments)
        assert isinstance(ended.exception, UsageError), arguments
    assert (tmp_path / "conv1d.mojo").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_an_edition_without_the_puzzle_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = started(tmp_path, monkeypatch, "softmax", "--edition", "25.3")
    missing = reference("softmax", "25.3", "skeleton") is None
    assert isinstance(ended.exception, UsageError) == missing
    ended = started(tmp_path, monkeypatch, "nothing")
    assert ended.exit_code == 2
    assert not (tmp_path / "nothing.mojo").exists()
