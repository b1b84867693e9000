"""Answers and skeletons of programs in editions that have no file of their own."""

from __future__ import annotations

import pytest

from grader.folders import data_directory
from grader.puzzles import NAMES, find
from grader.references import reference, rewritten, skeletons, written_for
from grader.samples import read_samples
from grader.toolchain import edition as editions
from grader.toolchain.detect import compare, detect

PROGRAMS = [name for name in NAMES if find(name).is_program]
GRADED = [name for name in editions.names() if editions.find(name).kernels is not None]


@pytest.mark.parametrize("edition", GRADED)
@pytest.mark.parametrize("puzzle", PROGRAMS)
def test_a_program_is_written_as_its_edition_writes_it(puzzle: str, edition: str) -> None:
    known = editions.find(edition)
    for name in ("right", "skeleton"):
        text = reference(puzzle, edition, name)
        if text is None:
            assert editions.names().index(edition) < editions.names().index("26.5")
            continue
        assert f"(MAX {edition}, Mojo {known.mojo_version.removesuffix('.0')}" in text
        assert compare(text, edition) == ()
        assert edition in detect(text).as_good


@pytest.mark.parametrize("puzzle", PROGRAMS)
def test_a_program_has_files_of_one_edition(puzzle: str) -> None:
    folders = (data_directory("reference_kernels") / puzzle).glob("*/")
    assert [path.name for path in folders] == ["26.5"]
    assert {written_for(puzzle, edition) for edition in GRADED} == {"26.5"}


def test_no_other_edition_has_a_program_and_none_is_made_of_an_op() -> None:
    others = set(editions.names()) - set(GRADED)
    assert all(reference(puzzle, name, "right") is None for puzzle in PROGRAMS for name in others)
    assert reference("embedding", "25.3", "right") is None
    assert reference("attention", "25.5", "right") is None
    assert written_for("conv1d", "26.4") == "26.4"


def test_a_name_that_an_edition_does_not_need_is_replaced_by_what_it_stands_for() -> None:
    text = (
        "comptime out_layout = row_major[SIZE]()\n"
        "comptime OutLayout = type_of(out_layout)\n\n"
        "def k(output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin]):\n"
    )
    assert rewritten(text, "26.3") == text
    assert rewritten(text, "25.7") == (
        "alias out_layout = Layout.row_major(SIZE)\n\n"
        "fn k(output: LayoutTensor[dtype, out_layout, MutAnyOrigin]):\n"
    )


def test_skeletons_are_those_of_all_editions_each_once() -> None:
    texts = skeletons("map")
    assert len(texts) == len(set(texts)) == len(GRADED)
    assert skeletons("no such puzzle") == ()


def test_a_sample_is_edited_before_it_is_rewritten() -> None:
    of = {each.edition: each.content.decode() for each in _samples("guards", "no_guard")}
    assert set(of) == set(GRADED)
    assert "a[unsafe_offset=i]" in of["26.5"]
    for edition, text in of.items():
        assert "if i < size" not in text
        assert edition == "26.5" or text == rewritten(of["26.5"], edition)


def _samples(puzzle: str, name: str) -> list:
    return [each for each in read_samples(puzzle) if each.name == name]
