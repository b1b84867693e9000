"""Labelled samples of the puzzles whose kernels are launched: each gets what its label says.

As `test_samples`, for all such puzzles at once. The ordinary run takes every skeleton, and of the
others one for each kind of mistake. It compiles all right answers in one go for a size, which costs
what two gradings do; a class and the other editions grade some of them. ``--exhaustive`` takes all.
"""

from __future__ import annotations

import pytest

from benchmarks.labels import Label, every_label, missing
from benchmarks.mutants import Quick, shows_a_problem
from benchmarks.together import lanes_together
from benchmarks.verdict_quality import grade_one
from grader.choices import DEFAULT_EDITION
from grader.folders import reference_kernel
from grader.puzzles import NAMES, find
from grader.samples import REWRITTEN

EVERY_RUN = {
    "guards": "no_guard",
    "map_2d": "tile_tensor name_misspelt",
    # A kernel, and a function that launches one by itself.
    "warp_fundamentals": "launches_the_kernel",
}
"""By puzzle; beside the skeletons."""
LABELS = [
    label
    for puzzle in NAMES
    if find(puzzle).is_program
    for label in every_label(puzzle)
    if label.sample.group != REWRITTEN
    and (label.edition == DEFAULT_EDITION or len(label.sample.entry.editions) == 1)
]
"""Those of the default edition, and what only one other edition has."""


def in_every_run(label: Label) -> bool:
    """Whether it is of the ordinary run."""
    puzzle = label.sample.puzzle
    return label.sample.name in ["skeleton", *EVERY_RUN.get(puzzle, "").split()]


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


@pytest.mark.slow
def test_every_right_answer_is_right_at_a_size_that_is_assigned():
    if why := missing(DEFAULT_EDITION):
        pytest.skip(why)
    programs = [find(name) for name in NAMES if find(name).is_program]
    wanted = [
        (puzzle, reference_kernel(puzzle.name, DEFAULT_EDITION, "right.mojo").read_text(), shape)
        for puzzle in programs
        for shape in Quick.of(puzzle.name).shapes
    ]
    lanes = lanes_together([(text, shape) for _, text, shape in wanted])
    for (puzzle, _, shape), lane in zip(wanted, lanes, strict=True):
        assert not shows_a_problem(puzzle, shape, lane), (puzzle.name, shape.part.name)


def test_the_ordinary_run_names_samples_that_exist():
    names = {(label.sample.puzzle, label.sample.name) for label in LABELS}
    assert {(puzzle, each) for puzzle in EVERY_RUN for each in EVERY_RUN[puzzle].split()} <= names
