"""Where a file stands in the book, from its path alone, wherever a clone lies."""

from __future__ import annotations

import pytest

from grader.book import FilePlace, Layout
from grader.book.shipped import find_book
from grader.puzzles import find
from grader.toolchain.edition import names

LAYOUT = Layout(
    find("conv1d"),
    [
        "problems/p01/p01.mojo",
        "problems/p15/op/conv1d.mojo",
        "problems/p15/p15.mojo",
        "problems/p17/op/conv1d.mojo",
        "problems/p18/op/conv1d.mojo",
        "problems/p18/op/softmax.mojo",
        "problems/p20/op/conv1d.mojo",
        "solutions/p17/op/conv1d.mojo",
        "solutions/p20/op/conv1d.mojo",
    ],
)


@pytest.mark.parametrize("clone", ["", "clone/", "homework/week 3/mojo-gpu-puzzles-main/", "p20/"])
@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("problems/p17/op/conv1d.mojo", FilePlace.ASSIGNED),
        ("problems/p15/op/conv1d.mojo", FilePlace.ASSIGNED),
        ("Problems/P17/op/Conv1D.mojo", FilePlace.ASSIGNED),
        ("p17/op/conv1d.mojo", FilePlace.ASSIGNED),
        ("problems/p20/op/conv1d.mojo", FilePlace.OTHER),
        ("p20/op/conv1d.mojo", FilePlace.OTHER),
        ("problems/p18/op/conv1d.mojo", FilePlace.OTHER),
        ("problems/p18/op/softmax.mojo", FilePlace.OTHER),
        ("problems/p15/p15.mojo", FilePlace.OTHER),
        ("problems/p01/p01.mojo", FilePlace.OTHER),
        ("solutions/p20/op/conv1d.mojo", FilePlace.OTHER),
        ("solutions/p17/op/conv1d.mojo", FilePlace.ANSWER),
        ("problems/p17/op/conv1d_mine.mojo", FilePlace.NEAR),
        ("p17/conv1d.mojo", FilePlace.NEAR),
        ("p20/conv1d.mojo", FilePlace.ASTRAY),
    ],
)
def test_the_place_of_a_file(clone: str, path: str, place: FilePlace) -> None:
    assert LAYOUT.place(clone + path) is place


@pytest.mark.parametrize("path", ["conv1d.mojo", "op/conv1d.mojo", "my p17 answer/conv1d.mojo"])
def test_a_path_that_says_nothing(path: str) -> None:
    assert LAYOUT.place(path) is FilePlace.ANYWHERE


def test_every_edition_has_a_place() -> None:
    puzzle = find("conv1d")
    editions = names()
    assert editions
    assert [e for e in editions if sum(e in place.editions for place in puzzle.book) != 1] == []
    assert LAYOUT.own.startswith("problems/p17/op/conv1d.mojo")
    assert "problems/p15/op/conv1d.mojo in edition 25.3" in LAYOUT.own


class TestTheDataThatAreShipped:
    """Digests only, so all that can be said of them is how they lie together."""

    book = find_book("conv1d")

    @pytest.mark.parametrize("place", [p for b in find("conv1d").book for p in (b.task, b.answer)])
    def test_each_own_place_was_there_once(self, place: str) -> None:
        assert place in set(self.book.paths.values())

    def test_what_is_to_be_filled_in_is_no_answer(self) -> None:
        assert len(self.book.untouched) > 20
        assert len(self.book.answers) > 20
        assert not self.book.untouched & self.book.answers

    def test_the_file_of_another_use_has_its_place(self) -> None:
        assert self.book.layout.place("problems/p20/op/conv1d.mojo") is FilePlace.OTHER
        assert "problems/p20/op/conv1d.mojo" in self.book.paths.values()

    def test_our_own_files_are_none_of_the_books(self) -> None:
        from grader.book.digests import program_of
        from grader.folders import data_directory

        ours = data_directory("reference_kernels").rglob("*.mojo")
        assert [file for file in ours if self.book.ships(program_of(file.read_text("utf-8")))] == []
