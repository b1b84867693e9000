"""A skeleton of a course's own, named in its rubric file."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from grader.batch.plan import Settings
from grader.batch.task import Options
from grader.errors import UsageError
from grader.folders import reference_kernel
from grader.puzzles import find
from grader.record import RubricInfo, SkeletonInfo
from grader.rubric import Rubric, load_rubric, parse_rubric
from tests.book.test_identify import TOPICS, source

PUZZLE = find("conv1d")
TEXT = reference_kernel("conv1d", "26.5", "skeleton.mojo").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "homework.mojo").write_text(TEXT)
    return tmp_path


def load(folder: Path, line: str = 'skeleton = "homework.mojo"') -> Rubric:
    (folder / "r.toml").write_text(f'puzzle = "conv1d"\n{line}\n')
    return load_rubric(folder / "r.toml", PUZZLE)


def kept(rubric: Rubric) -> SkeletonInfo:
    assert rubric.skeleton is not None
    return rubric.skeleton


def test_it_lies_beside_the_rubric_wherever_the_command_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert kept(load(folder)).codes


def test_what_the_record_keeps_is_enough_without_the_file(folder: Path) -> None:
    rubric = load(folder)
    info = msgspec.json.decode(msgspec.json.encode(rubric.info()), type=RubricInfo)
    (folder / "homework.mojo").unlink()
    again = parse_rubric(info.source.encode(), PUZZLE, skeleton=info.skeleton)
    assert (again.skeleton, again.digest) == (rubric.skeleton, rubric.digest)
    assert TEXT.splitlines()[0] not in str(info)


def test_a_rubric_without_one_has_none(folder: Path) -> None:
    assert load(folder, "").skeleton is None
    assert (
        parse_rubric(b'puzzle = "conv1d"\n', PUZZLE, skeleton=kept(load(folder))).skeleton is None
    )


def test_comments_do_not_make_it_another_and_code_does(folder: Path) -> None:
    before = load(folder)
    (folder / "homework.mojo").write_text("# week 3\n" + TEXT)
    assert load(folder).digest == before.digest
    (folder / "homework.mojo").write_text(TEXT + "\ncomptime MORE = 1\n")
    assert load(folder).digest != before.digest


def test_a_class_is_graded_again_where_it_changed(folder: Path) -> None:
    def conditions() -> str:
        rubric = load(folder)
        options = Options(
            puzzle="conv1d", edition="26.5", device="software", skeleton=rubric.skeleton
        )
        return Settings(source=folder, folder=folder, options=options).conditions.puzzle_digest

    before = conditions()
    assert conditions() == before
    (folder / "homework.mojo").write_text(TEXT + "\ncomptime MORE = 1\n")
    assert conditions() != before


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('skeleton = "gone.mojo"', "There is no file"),
        ("skeleton = 3", "the number 3, but it is the name of a file"),
        ('skeleton = ""', "does not lie in the folder"),
        ('skeleton = "."', "does not lie in the folder"),
        ('skeleton = "../homework.mojo"', "does not lie in the folder"),
        ('skeleton = "/etc/passwd"', "does not lie in the folder"),
        ('skeleton = "folder"', "is a directory"),
        ('skeleton = "link.mojo"', "is a symbolic link"),
        ('skeleton = "empty.mojo"', "is empty"),
        ('skeleton = "softmax.mojo"', "puzzle 18"),
        ('skeleton = "a\\u0000b"', "can't be read"),
    ],
)
def test_what_can_be_none_is_a_mistake_of_the_file(folder: Path, line: str, told: str) -> None:
    (folder / "folder").mkdir()
    (folder / "empty.mojo").write_text("")
    os.symlink(folder / "homework.mojo", folder / "link.mojo")
    (folder / "softmax.mojo").write_text(source(TOPICS["softmax"], TOPICS["softmax"].functions[0]))
    with pytest.raises(UsageError, match=r"r\.toml, line 2: skeleton: ") as raised:
        load(folder, line)
    assert told in raised.value.what


def test_one_without_the_given_kernel_is_worth_a_word(folder: Path) -> None:
    (folder / "homework.mojo").write_text("comptime TPB = 15\n")
    rubric = load(folder)
    assert not kept(rubric).codes
    (notice,) = rubric.notices
    assert "conv1d_kernel" in notice
