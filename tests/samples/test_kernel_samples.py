"""Labelled samples of the puzzles whose kernels are launched: each gets what its label says.

As `test_samples`, for all such puzzles at once. The ordinary run takes every skeleton, every right
answer that it does not grade elsewhere, and of the others one for each kind of mistake;
``--exhaustive`` takes them all.
"""

from __future__ import annotations

import pytest

from benchmarks.editions_matrix import missing
from benchmarks.labels import Label, every_label
from benchmarks.verdict_quality import grade_one
from grader.choices import DEFAULT_EDITION
from grader.puzzles import NAMES, find
from grader.samples import ASSIGNMENT
from tests.batch.test_several import TEN
from tests.editions import test_programs

EVERY_RUN = {
    "guards": "no_guard",
    "map_2d": "tile_tensor name_misspelt",
    "broadcast": "transposed",
}
"""By puzzle; beside ``right`` and ``skeleton``."""
ELSEWHERE = {puzzle for puzzle, name in TEN.items() if name == "right"} | {
    column.removesuffix(" right")
    for edition, column in test_programs.EVERY_RUN.items()
    if not missing(edition)
}
"""Puzzles whose right answer the ordinary run grades in a class, or in another edition."""

LABELS = [
    label
    for puzzle in NAMES
    if find(puzzle).is_program
    for label in every_label(puzzle)
    if label.sample.group == ASSIGNMENT
    and (label.edition == DEFAULT_EDITION or len(label.sample.entry.editions) == 1)
]
"""Those of the default edition, and what only one other edition has."""


def in_every_run(label: Label) -> bool:
    """Whether it is of the ordinary run."""
    puzzle = label.sample.puzzle
    chosen = ["skeleton", *EVERY_RUN.get(puzzle, "").split()]
    if puzzle not in ELSEWHERE:
        chosen.append("right")
    return label.sample.name in chosen


@pytest.mark.parametrize(
    "label",
    [
        pytest.param(
            label,
            id=f"{label.sample.puzzle}-{label.sample.name}",
            marks=pytest.mark.slow
            if in_every_run(label)
            else (pytest.mark.slow, pytest.mark.exhaustive),
        )
        for label in LABELS
    ],
)
def test_a_sample_gets_what_its_label_says(label, tmp_path):
    if why := missing(label.edition):
        pytest.skip(why)
    graded = grade_one(label, tmp_path / "out")
    assert (graded.verdict, graded.score) == (label.verdict, label.score), graded.headline
    assert graded.missing == ()


def test_the_ordinary_run_names_samples_that_exist():
    names = {(label.sample.puzzle, label.sample.name) for label in LABELS}
    assert {(puzzle, each) for puzzle in EVERY_RUN for each in EVERY_RUN[puzzle].split()} <= names
