"""A preview says of an op what its verdict will say, or nothing; and it is no verdict.

What the verdict is, the labels say: no graph is compiled here. The ordinary run takes a sample of
each kind; ``--exhaustive`` takes all of the default edition.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.causes import compare
from benchmarks.labels import Label, default_labels, rewritten_labels, sample_file
from grader.errors import SubmissionRefused, UsageError
from grader.folders import reference_kernel
from grader.grading.run import grade
from grader.grading.state import Request, Silent
from grader.puzzles import NAMES, find
from grader.record import LaneKind, Record, Verdict

OPS = tuple(name for name in NAMES if not find(name).is_program)
EVERY_RUN = {
    # A right one of conv1d is previewed below.
    "softmax": ("barrier_missing_in_sum",),
}
AT_ANOTHER_SIZE = {
    "conv1d": (
        "grid_wrong_at_one_size",
        "kernel_instance_of_another_size",
        "term_dropped_at_one_size",
    ),
}
"""Wrong at a size that is not among the few of a preview, which takes them for right."""


def previewed(file: Path, puzzle: str, edition: str = "26.5") -> Record:
    request = Request(source=file, puzzle_name=puzzle, device="software", edition=edition)
    return grade(request, Silent(), preview=True)


def labelled() -> list[object]:
    return [
        pytest.param(
            label,
            id=f"{puzzle}-{label.path.stem}",
            marks=() if label.path.stem in EVERY_RUN.get(puzzle, ()) else pytest.mark.exhaustive,
        )
        for puzzle in OPS
        for label in (*default_labels(puzzle), *rewritten_labels(puzzle))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("label", labelled())
def test_it_says_what_the_label_says(label: Label) -> None:
    puzzle, name = label.sample.puzzle, label.path.stem
    if label.verdict == "refused":
        with pytest.raises(SubmissionRefused):
            previewed(label.path, puzzle)
        return
    record = previewed(label.path, puzzle)
    if label.score == 0:  # the compiler alone refuses it, nothing is filled in, or there is no mark
        assert record.verdict is Verdict.FAULT
        return
    if label.score == 10 and record.verdict is Verdict.FAULT:
        return  # no graph compiles; a preview may not know
    assert record.is_preview
    if name in AT_ANOTHER_SIZE.get(puzzle, ()):
        assert record.verdict is Verdict.PASS
        return
    assert record.verdict == label.verdict, record.headline
    if label.verdict == "fail" and label.sample.entry.cause is not None:
        # Of fewer cases a mistake may not be certain.
        assert compare(label, record).cause != "wrong"


def test_the_lists_name_samples_that_exist() -> None:
    for listed in (EVERY_RUN, AT_ANOTHER_SIZE):
        for puzzle, names in listed.items():
            assert set(names) <= {label.path.stem for label in default_labels(puzzle)}


@pytest.mark.slow
def test_it_tells_what_no_graph_compiles() -> None:
    record = previewed(sample_file("output_last"), "conv1d")
    assert record.headline == "The file packages, but the graph with it does not compile."
    assert record.diagnostics[0].line is not None


@pytest.mark.parametrize("name", ["op_name_misspelt", "register_removed", "execute_renamed"])
def test_of_what_registers_no_such_op_there_is_none(name: str) -> None:
    assert previewed(sample_file(name), "conv1d").verdict is Verdict.FAULT


@pytest.mark.parametrize("name", ["registers_builtin_op", "registers_op_twice"])
def test_of_what_registers_more_there_is_none(name: str) -> None:
    file = sample_file(name, group="hostile")
    assert previewed(file, "conv1d").verdict is Verdict.FAULT


@pytest.mark.slow
def test_it_is_no_verdict() -> None:
    record = previewed(reference_kernel("conv1d", "26.5", "right.mojo"), "conv1d")
    assert record.toolchain.lane is LaneKind.DIRECT
    assert record.headline == "Right. Tried at 6 of 58 sizes of the task."


@pytest.mark.parametrize(
    ("puzzle", "edition"), [("map", "26.5"), ("conv1d", "26.4")], ids=["program", "edition"]
)
def test_what_has_no_such_lane_has_none(puzzle: str, edition: str) -> None:
    with pytest.raises(UsageError):
        previewed(reference_kernel(puzzle, "26.5", "right.mojo"), puzzle, edition)


def test_what_has_a_main_has_none(tmp_path: Path) -> None:
    """The compiler takes it beside a program, and not in a package."""
    text = reference_kernel("conv1d", "26.5", "right.mojo").read_text()
    file = tmp_path / "conv1d.mojo"
    file.write_text(f"{text}\n\ndef main():\n    pass\n")
    assert previewed(file, "conv1d").verdict is Verdict.FAULT
