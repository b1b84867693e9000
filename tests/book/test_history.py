"""Digests of a book, made from a clone of it: a small one of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from grader.book import read_book
from grader.book.digests import SHORT, program_of
from grader.book.history import read_history, written
from grader.book.shipped import Shipped
from grader.cli.puzzles import puzzles
from grader.errors import UsageError
from grader.puzzles import find

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

PUZZLE = find("conv1d")
TASK, ANSWER = PUZZLE.book[0].task, PUZZLE.book[0].answer
OTHER = "problems/p20/op/conv1d.mojo"
FIRST = """alias TPB = 15


fn conv1d_kernel():
    pass


fn execute():
    # fill in
    pass
"""
SECOND = FIRST.replace("fn ", "def ").replace("alias", "comptime")
FILLED = SECOND.replace("# fill in\n    pass", "launch[conv1d_kernel]()")
PROPOSED = SECOND.replace("# fill in\n    pass", "my_launch[conv1d_kernel]()")


class Clone:
    """A repository with a history."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> None:
        who = {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER")
               for what in ("NAME", "EMAIL")}  # fmt: skip
        subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            check=True,
            capture_output=True,
            env={**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull},
        )

    def commit(self, **files: str) -> None:
        for name, text in files.items():
            path = self.folder / {"task": TASK, "answer": ANSWER, "other": OTHER}[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "A version")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone(tmp_path)
    made.commit(task=FIRST, answer=FILLED, other=FILLED)
    made.commit(task=SECOND)
    made.commit(task="# only a comment more\n" + SECOND)
    made.git("branch", "stable")
    made.git("checkout", "-q", "-b", "proposal")
    made.commit(task=PROPOSED)
    made.git("checkout", "-q", "main")
    return made


def digests(*texts: str) -> list[str]:
    return [program_of(text)[:SHORT] for text in texts]


def test_every_version_is_known_and_comments_make_none(clone: Clone) -> None:
    shipped = read_history(clone.folder, PUZZLE)
    assert shipped.files == {
        OTHER: digests(FILLED),
        TASK: digests(FIRST, SECOND),
        ANSWER: digests(FILLED),
    }
    assert set(shipped.given) == {OTHER, TASK, ANSWER}
    assert len(shipped.given[TASK]) == 2


def test_what_somebody_proposed_is_not_the_books(clone: Clone) -> None:
    """A clone may hold pull requests: students' work."""
    book = read_book(PUZZLE, read_history(clone.folder, PUZZLE))
    assert not book.ships(program_of(PROPOSED))
    named = read_history(clone.folder, PUZZLE, ["proposal"])
    assert read_book(PUZZLE, named).is_untouched(program_of(PROPOSED))


def test_the_same_program_in_two_places_is_known_by_the_one_that_says_most(clone: Clone) -> None:
    book = read_book(PUZZLE, read_history(clone.folder, PUZZLE))
    assert book.ships(program_of(FILLED)) == ANSWER
    assert book.is_answer(program_of(FILLED))
    assert not book.is_untouched(program_of(FILLED))


def test_a_file_that_is_gone_was_shipped_all_the_same(clone: Clone) -> None:
    clone.git("rm", "-q", OTHER)
    clone.git("commit", "-q", "-m", "Gone")
    assert OTHER in read_history(clone.folder, PUZZLE).files


def test_what_is_written_is_read_again(clone: Clone) -> None:
    shipped = read_history(clone.folder, PUZZLE)
    assert msgspec.json.decode(written(shipped), type=Shipped) == shipped


@pytest.mark.parametrize("branches", [["main", "nowhere"], ["--output=x"], [""]])
def test_a_branch_that_is_not_there(clone: Clone, branches: list[str]) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        read_history(clone.folder, PUZZLE, branches)


def test_a_clone_of_something_else(tmp_path: Path) -> None:
    made = Clone(tmp_path)
    made.commit(other=FILLED)
    made.git("branch", "stable")
    with pytest.raises(UsageError, match="none of"):
        read_history(tmp_path, PUZZLE)


def test_no_clone_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        read_history(tmp_path / "nowhere", PUZZLE)


def test_the_command_writes_the_file(clone: Clone, tmp_path: Path) -> None:
    out = tmp_path / "book.json"
    ended = CliRunner().invoke(puzzles, ["fingerprint", str(clone.folder), "--out", str(out)])
    assert ended.exit_code == 0, ended.output
    printed = CliRunner().invoke(puzzles, ["fingerprint", str(clone.folder)])
    assert printed.output == out.read_text()
    assert TASK in printed.output
