"""The second set of wrong samples, of all puzzles: each gets the verdict and score of its label.

What the reports on them say first is measured, not asserted: `benchmarks.causes --rewritten`.
"""

from __future__ import annotations

import pytest

from benchmarks.labels import Label, labels_of, rewritten_labels
from benchmarks.verdict_quality import grade_one
from grader.puzzles import NAMES

LABELS = [label for puzzle in NAMES for label in rewritten_labels(puzzle)]


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "label", [pytest.param(each, id=f"{each.sample.puzzle}-{each.sample.name}") for each in LABELS]
)
def test_a_sample_gets_what_its_label_says(label: Label, tmp_path) -> None:
    graded = grade_one(label, tmp_path / "out")
    assert (graded.verdict, graded.score) == (label.verdict, label.score), graded.headline
    assert graded.missing == ()


def test_each_is_wrong_and_has_a_cause() -> None:
    assert {label.verdict for label in LABELS} == {"fail"}
    for label in LABELS:
        entry = label.sample.entry
        assert entry.cause is not None, entry.name
        assert entry.line in label.sample.content.decode(), entry.name


def test_each_has_a_name_of_its_own() -> None:
    for puzzle in NAMES:
        first = {label.sample.name for label in labels_of("26.5", puzzle=puzzle)}
        assert not first & {label.sample.name for label in rewritten_labels(puzzle)}


def test_there_are_enough_of_enough_puzzles() -> None:
    assert len(LABELS) >= 40
    assert len({label.sample.puzzle for label in LABELS}) >= 13
