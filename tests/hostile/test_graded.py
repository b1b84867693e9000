"""Hostile files, graded by the command as a user would: through the compiler and the real MAX.

Each costs half a minute of a core. The ordinary run takes one of each kind that
only the real toolchain can show; ``--exhaustive`` takes every labelled file.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.labels import labels_of, sample_file
from benchmarks.verdict_quality import grade_one
from grader.record import load
from tests.sandbox.scenario import processes_with

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("mojo") is None, reason="no Mojo compiler here"),
]

LABELS = {label.path.stem: label for label in labels_of("26.5", group="hostile")}
EVERY_RUN = ("host_answer_laundered",)
FORBIDDEN = {name: label.sample.entry.must_not_mention for name, label in LABELS.items()}
RIGHT = sample_file("right")


def submit(file, folder):
    """Grade a file with the command; its record."""
    subprocess.run(
        [sys.executable, "-m", "grader", "submit", str(file), "--out", str(folder)],
        capture_output=True,
        timeout=900,
        check=False,
    )
    return load(folder / "record.json")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in EVERY_RUN else pytest.mark.exhaustive)
        for name in LABELS
    ],
)
def test_a_hostile_file_gets_what_its_label_says_and_leaves_nothing(name, tmp_path):
    label = LABELS[name]
    folder = tmp_path / "out"
    graded = grade_one(label, folder)
    assert (graded.verdict, graded.score) == (label.verdict, label.score), graded.headline
    assert graded.missing == ()
    shown = (folder / "report.html").read_text()
    assert [forbidden for forbidden in FORBIDDEN[name] if forbidden in shown] == []
    assert processes_with(str(folder)) == []
    assert not list(Path("/tmp").glob("conv1d_*"))


@pytest.mark.exhaustive
def test_two_files_that_differ_only_in_the_kernel_get_their_own_verdicts(tmp_path):
    """The canary: a cache that is shared would hand the second the first one's kernel."""
    right = RIGHT.read_text()
    wrong = right.replace(
        "local_sum += shared_a[local_i + j]", "local_sum -= shared_a[local_i + j]"
    )
    assert wrong != right
    (tmp_path / "first.mojo").write_text(right)
    (tmp_path / "second.mojo").write_text(wrong)
    first = submit(tmp_path / "first.mojo", tmp_path / "1")
    second = submit(tmp_path / "second.mojo", tmp_path / "2")
    assert (first.verdict, first.score) == ("pass", 100)
    assert second.verdict == "fail"
    assert second.score <= 45


def test_the_submission_after_one_that_swaps_the_cache_gets_its_own_verdict(tmp_path):
    hostile = submit(LABELS["swaps_cache"].path, tmp_path / "1")
    after = submit(RIGHT, tmp_path / "2")
    assert (hostile.verdict, hostile.score) == ("fail", 25)
    assert (after.verdict, after.score) == ("pass", 100)


def test_a_daemon_of_a_submission_is_gone_with_it(tmp_path):
    marker = Path("/tmp/conv1d_daemon_was_here")
    marker.unlink(missing_ok=True)
    assert submit(LABELS["daemon"].path, tmp_path).score == 25
    time.sleep(17)  # it would write after fifteen seconds
    assert not marker.exists()


def test_there_are_enough_hostile_samples():
    assert len(LABELS) >= 20
