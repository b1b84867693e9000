"""Every labelled sample gets the verdict, the score and the words that its label says.

Samples are graded by the command ``grade submit``, as a user would. Grading one that
compiles costs some twenty seconds of a core, so the ordinary run takes every sample
that needs no graph and, of the others, one for each kind of mistake that `tests.hostile` does
not have; the plain right answer is graded there, too. ``--exhaustive`` takes them all.
"""

from __future__ import annotations

import pytest

from benchmarks.labels import Label, labels_of
from benchmarks.verdict_quality import grade_one

# Of those that need a graph: the right ones that look odd, then a mistake of each kind.
EVERY_RUN = ("op_name_misspelt", "sizes_swapped")

LABELS = labels_of("26.5")


def needs_no_graph(label: Label) -> bool:
    """Whether it is refused, equal to the skeleton, or does not package."""
    return label.score == 0 and label.verdict != "fault"


def parameters() -> list[object]:
    """One test for each label, the ones left out of the ordinary run marked."""
    return [
        pytest.param(
            label,
            id=label.path.stem,
            marks=()
            if needs_no_graph(label)
            else pytest.mark.slow
            if label.path.stem in EVERY_RUN
            else (pytest.mark.slow, pytest.mark.exhaustive),
        )
        for label in LABELS
    ]


@pytest.mark.parametrize("label", parameters())
def test_a_sample_gets_what_its_label_says(label, tmp_path):
    graded = grade_one(label, tmp_path / "out")
    assert (graded.verdict, graded.score) == (label.verdict, label.score), graded.headline
    assert graded.missing == ()


def test_the_ordinary_run_names_samples_that_exist():
    assert set(EVERY_RUN) <= {label.path.stem for label in LABELS if not needs_no_graph(label)}


def test_there_are_enough_samples():
    assert len(LABELS) >= 30
    assert {label.verdict for label in LABELS} == {"pass", "fail", "refused", "fault"}
