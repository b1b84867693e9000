"""Programs in every edition that grades them: right answers, skeletons and wrong samples.

The ordinary run takes one right answer of each edition whose toolchain is installed, with tensors
or pointers; ``--exhaustive`` takes all.
"""

from __future__ import annotations

import pytest

from benchmarks.labels import missing
from benchmarks.verdict_quality import grade_one
from benchmarks.verdict_tables import Cell, program_cells
from grader.choices import DEFAULT_EDITION
from grader.puzzles import NAMES, find
from grader.record import Reason, load
from grader.toolchain import edition as editions

EVERY_RUN = {
    "25.6.1": "pooling right",
    "25.7": "axis_sum right",
    "26.1": "guards right",
    "26.2": "zip right",
    "26.3": "shared_memory right",
    "26.4": "blocks right",
    "26.6": "map_2d right",
    "26.7": "dot_product right",
}
"""By edition; those of the default one are among the samples."""
CELLS = program_cells()


def marks(cell: Cell) -> tuple[pytest.MarkDecorator, ...]:
    """What keeps a cell out of the ordinary run."""
    chosen = EVERY_RUN.get(cell.edition) == cell.column
    return (pytest.mark.slow,) if chosen else (pytest.mark.slow, pytest.mark.exhaustive)


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(c, id=f"{c.edition}-{c.column.replace(' ', '-')}", marks=marks(c))
        for c in CELLS
    ],
)
def test_a_program_gets_what_its_label_says(cell: Cell, tmp_path):
    if why := missing(cell.edition):
        pytest.skip(why)
    graded = grade_one(cell.label, tmp_path / "out")
    # Where our own answer does not run as a program in an edition, its points are out of reach.
    unseen = sum(
        check.max_points
        for check in load(tmp_path / "out" / "record.json").checks
        if check.reason is Reason.PROGRAM_UNSEEN and cell.label.verdict == "pass"
    )
    wanted = (cell.label.verdict, cell.label.score - unseen)
    assert (graded.verdict, graded.score) == wanted, graded.headline
    assert graded.missing == ()


def test_every_edition_that_grades_programs_has_all_of_them():
    graded = {name for name in editions.names() if editions.find(name).kernels is not None}
    programs = {
        (edition, puzzle)
        for edition in graded
        for puzzle in NAMES
        if find(puzzle).is_program and find(puzzle).reference(edition, "right") is not None
    }
    for name in ("right", "skeleton"):
        assert {(c.edition, c.column) for c in CELLS if c.column.endswith(f" {name}")} == {
            (edition, f"{puzzle} {name}") for edition, puzzle in programs
        }
    wrong = {(c.edition, c.column.partition(" ")[0]) for c in CELLS if 0 < c.label.score < 100}
    assert wrong == programs
    assert set(EVERY_RUN) == graded - {DEFAULT_EDITION}
