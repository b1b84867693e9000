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
from grader.book.digests import SHORT, given_kernels, program_of
from grader.book.history import read_given, read_history, written
from grader.book.shipped import GivenCode, Shipped
from grader.cli.puzzles import puzzles
from grader.errors import UsageError
from grader.model.code import Kernels
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

    def git(self, *arguments: str, day: str = "2026-01-01") -> None:
        who = {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER")
               for what in ("NAME", "EMAIL")}  # fmt: skip
        subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            check=True,
            capture_output=True,
            env={
                **os.environ,
                **who,
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_COMMITTER_DATE": f"{day}T12:00:00Z",
            },
        )

    def commit(self, **files: str) -> None:
        places = {"task": TASK, "answer": ANSWER, "other": OTHER}
        self.write({places[name]: text for name, text in files.items()})

    def write(self, files: dict[str, str], *, day: str = "2026-01-01") -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "A version", day=day)


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
    shipped = read_history(clone.folder)
    assert shipped.files == {
        OTHER: digests(FILLED),
        TASK: digests(FIRST, SECOND),
        ANSWER: digests(FILLED),
    }
    given = read_given(clone.folder, PUZZLE).given
    assert set(given) == {OTHER, TASK, ANSWER}
    assert len(given[TASK]) == 2


def test_what_somebody_proposed_is_not_the_books(clone: Clone) -> None:
    """A clone may hold pull requests: students' work."""
    book = read_book(PUZZLE, read_history(clone.folder))
    assert not book.ships(program_of(PROPOSED))
    named = read_history(clone.folder, ["proposal"])
    assert read_book(PUZZLE, named).is_untouched(program_of(PROPOSED))


def test_the_same_program_in_two_places_is_known_by_the_one_that_says_most(clone: Clone) -> None:
    book = read_book(PUZZLE, read_history(clone.folder))
    assert book.ships(program_of(FILLED)) == ANSWER
    assert book.is_answer(program_of(FILLED))
    assert not book.is_untouched(program_of(FILLED))


def test_a_file_that_is_gone_was_shipped_all_the_same(clone: Clone) -> None:
    clone.git("rm", "-q", OTHER)
    clone.git("commit", "-q", "-m", "Gone")
    assert OTHER in read_history(clone.folder).files


def test_what_is_written_is_read_again(clone: Clone) -> None:
    shipped = read_history(clone.folder)
    assert msgspec.json.decode(written(shipped), type=Shipped) == shipped
    given = read_given(clone.folder, PUZZLE)
    assert msgspec.json.decode(written(given), type=GivenCode) == given


@pytest.mark.parametrize("branches", [["main", "nowhere"], ["--output=x"], [""]])
def test_a_branch_that_is_not_there(clone: Clone, branches: list[str]) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        read_history(clone.folder, branches)


def test_a_clone_of_something_else(tmp_path: Path) -> None:
    made = Clone(tmp_path)
    made.commit(other=FILLED)
    made.git("branch", "stable")
    with pytest.raises(UsageError, match="none of"):
        read_given(tmp_path, PUZZLE)


def test_no_clone_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        read_history(tmp_path / "nowhere")


@pytest.mark.parametrize("more", [[], ["--puzzle", PUZZLE.name]])
def test_the_command_writes_the_file(clone: Clone, more: list[str], tmp_path: Path) -> None:
    out = tmp_path / "data.json"
    call = ["fingerprint", str(clone.folder), *more]
    ended = CliRunner().invoke(puzzles, [*call, "--out", str(out)])
    assert ended.exit_code == 0, ended.output
    printed = CliRunner().invoke(puzzles, call)
    assert printed.output == out.read_text()
    assert TASK in printed.output


PAGE = "book/src/puzzle_{0}/puzzle_{0}.md"
MAP = "def add_10():\n    pass\n\n\ndef main():\n    pass\n"
POOL = MAP.replace("add_10", "pooling")


def test_a_puzzle_is_one_whatever_its_number_was(tmp_path: Path) -> None:
    """Found by what its files declare; its number of today, and the one of before July 2025."""
    clone = Clone(tmp_path)
    clone.write({"problems/p09/p09.mojo": POOL, PAGE.format("09"): "# Puzzle 9: Pooling\n",
                 TASK.replace("p17", "p15"): FIRST}, day="2025-07-01")  # fmt: skip
    clone.git("rm", "-q", "-r", "problems", "book")
    clone.write({"problems/p11/p11.mojo": POOL + "# newer\n", "problems/p09/p09.mojo": MAP,
                 PAGE.format("09"): "# Puzzle 9: GPU Debugging (New)\n",
                 PAGE.format("11"): "# Puzzle 11: Pooling\n", TASK: SECOND},
                day="2025-08-01")  # fmt: skip
    topics = read_history(tmp_path, ["main"]).topics
    assert {name: (each.number, each.before, each.title) for name, each in topics.items()} == {
        "conv1d": (17, 15, "conv1d"),
        "gpu_debugging": (9, 0, "GPU Debugging (New)"),
        "pooling": (11, 9, "Pooling"),
    }
    assert topics["pooling"].functions == [["pooling"]]
    assert topics["conv1d"].constants == ["TPB"]


MAP = """\
def add_10(output: P, a: P):
    var mine = thread_idx.x
    # fill in


def main():
    print("one")
"""


def test_what_is_in_the_kernels_of_a_program_is_given_but_no_answer(clone: Clone) -> None:
    puzzle = find("map")
    task, answer = puzzle.book[0].task, puzzle.book[0].answer
    older = MAP.replace("var mine", "mine")
    filled = MAP.replace("# fill in", "output[mine] = a[mine] + 10")
    page = {"book/src/puzzle_01/puzzle_01.md": "# Puzzle 1: Map\n"}
    # A version that held the answer by mistake.
    clone.write({task: filled, answer: filled, **page})
    clone.write({task: older})
    clone.write({task: MAP})
    given = read_given(clone.folder, puzzle, ["main"])
    book = read_book(puzzle, read_history(clone.folder, ["main"]), given)
    (part,) = puzzle.parts
    assert isinstance(part.code, Kernels)
    for text in (older, MAP, MAP.replace("one", "two"), MAP.replace("# fill in", "pass")):
        assert book.gives(given_kernels(text, part.code))
    assert not book.gives(given_kernels(filled, part.code))
    assert given_kernels("def add_11():\n    pass\n", part.code) == ""


def test_a_puzzle_without_given_code_is_told(clone: Clone) -> None:
    with pytest.raises(UsageError, match="gives no kernel for softmax"):
        read_given(clone.folder, find("softmax"), ["main"])
