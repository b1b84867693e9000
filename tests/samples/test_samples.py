"""Every labelled sample gets the verdict, the score and the words that its label says.

Samples are graded by the command ``grade submit``, as a user would. Grading one that
compiles costs some twenty seconds of a core, so the ordinary run takes every sample
that needs no graph and, of the others, at least one for each kind of mistake;
``--exhaustive`` takes them all.
"""

from __future__ import annotations

import pytest

from benchmarks.labels import Label, labels_of
from benchmarks.verdict_quality import grade_one

# Of those that need a graph: the right ones that look odd, then a mistake of each kind.
EVERY_RUN = """
right whole_domain block_dim_scalar atomic_sums byte_order_mark unfilled_pass
op_name_misspelt grid_dim_one block_dim_2048 sizes_swapped output_input_swapped barrier_missing
barrier_in_branch halo_not_loaded store_guard_missing
shared_sum_race endless_loop_in_kernel float16_rounded published_example_hard_coded
host_computed memset_as_answer kernel_overwrites_convolution_kernel answer_by_call_count
asynchronous_copy copied_on_device
""".split()  # noqa: SIM905 - one name a line would be two dozen

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
