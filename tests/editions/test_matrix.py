"""In every edition the same six answers get the verdict and the score that they should.

Graded by ``grade submit`` with the edition's own toolchain. An edition whose toolchain
is not installed is skipped, and the reason says how to install it. The whole matrix
takes a quarter of an hour on two cores, so the ordinary run takes one column that
needs no graph, and ``--exhaustive`` takes all.
"""

from __future__ import annotations

import pytest

from benchmarks.labels import labels_of, missing
from benchmarks.verdict_quality import grade_one
from benchmarks.verdict_tables import COLUMNS, Cell, cells
from grader.toolchain import edition as editions

REFERENCES = ("right.mojo", "skeleton.mojo", "whole_domain.mojo")
ORDINARY = "does not compile"
"""The column of the ordinary run: the compiler of each edition refuses a file, and says why."""


def parameters() -> list[object]:
    """One test for each cell."""
    return [
        pytest.param(
            cell,
            id=f"{cell.edition}-{cell.label.path.stem}",
            marks=() if cell.column == ORDINARY else (pytest.mark.slow, pytest.mark.exhaustive),
        )
        for cell in cells()
    ]


@pytest.mark.parametrize("cell", parameters())
def test_an_answer_gets_what_its_label_says(cell: Cell, tmp_path):
    if why := missing(cell.edition):
        pytest.skip(why)
    graded = grade_one(cell.label, tmp_path / "out")
    assert (graded.verdict, graded.score) == (cell.label.verdict, cell.label.score), graded.headline
    assert graded.missing == ()


def test_every_edition_has_every_column():
    assert {(cell.edition, cell.column) for cell in cells()} == {
        (edition, column) for edition in editions.names() for column in COLUMNS
    }


@pytest.mark.parametrize("edition", editions.names())
def test_every_edition_has_its_reference_kernels(edition, repository):
    folder = repository / "reference_kernels" / "conv1d" / edition
    assert sorted(path.name for path in folder.iterdir()) == list(REFERENCES)


@pytest.mark.parametrize("edition", editions.names())
def test_every_edition_has_at_least_six_wrong_samples(edition):
    assert sum(label.verdict == "fail" for label in labels_of(edition)) >= 6
