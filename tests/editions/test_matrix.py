"""In every edition the same six answers get the verdict and the score that they should.

Graded by ``grade submit`` with the edition's own toolchain, two at a time. An edition
whose toolchain is not installed is skipped, and the reason says how to install it.
The whole matrix takes a quarter of an hour on two cores, so the ordinary run takes the
cells that need no graph (the default edition's others are among its samples), and
``--exhaustive`` takes all.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from benchmarks.editions_matrix import COLUMNS, Cell, cells, missing
from benchmarks.labels import read_labels
from benchmarks.verdict_quality import Graded, grade_one
from grader.toolchain import edition as editions

REFERENCES = ("right.mojo", "skeleton.mojo", "whole_domain.mojo")


def parameters() -> list[object]:
    """One test for each cell; those that need a graph are left out of the ordinary run."""
    return [
        pytest.param(
            cell,
            id=f"{cell.edition}-{cell.label.path.stem}",
            marks=() if cell.label.score == 0 else (pytest.mark.slow, pytest.mark.exhaustive),
        )
        for cell in cells()
    ]


@pytest.fixture(scope="module")
def grading(request, tmp_path_factory):
    """Starts to grade all cells that were selected; each test waits for its own."""
    selected = [
        item.callspec.params["cell"]
        for item in request.session.items
        if item.module is request.module
        and "cell" in getattr(item, "fixturenames", ())
        and not any(mark.name == "skip" for mark in item.iter_markers())
    ]
    folder = tmp_path_factory.mktemp("editions")
    futures: dict[tuple[str, str], Future[Graded]] = {}
    with ThreadPoolExecutor(max(1, min(2, os.cpu_count() or 1))) as pool:
        for cell in selected:
            if not missing(cell.edition):
                place = folder / cell.edition / cell.label.path.stem
                futures[cell.edition, cell.column] = pool.submit(grade_one, cell.label, place)
        yield futures
        for future in futures.values():
            future.cancel()


@pytest.mark.parametrize("cell", parameters())
def test_an_answer_gets_what_its_label_says(cell: Cell, grading):
    if why := missing(cell.edition):
        pytest.skip(why)
    graded = grading[cell.edition, cell.column].result()
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
    labels = read_labels(f"conv1d/{edition}")
    assert {label.path.name for label in labels} == {
        path.name for path in labels[0].path.parent.glob("*.mojo")
    }
    assert sum(label.verdict == "fail" for label in labels) >= 6
