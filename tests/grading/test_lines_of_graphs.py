"""Ops that do something wrong, graded for real: the line, the array, and both sides of a race."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.device import Finding, FindingKind
from grader.grading.run import grade
from grader.grading.state import Request, Silent
from grader.record import Attribution
from grader.samples import read_samples


def findings(puzzle: str, sample: str, folder: Path) -> tuple[list[Finding], list[str]]:
    """The findings of a sample's own code, and its lines."""
    content = next(
        each.content
        for each in read_samples(puzzle)
        if each.name == sample and each.edition == "26.5"
    )
    file = folder / f"{puzzle}.mojo"
    file.write_bytes(content)
    request = Request(
        source=file, puzzle_name=puzzle, device="software", edition="26.5", examples=20
    )
    record = grade(request, Silent())
    assert record.fault is None
    own = [each.finding for each in record.findings if each.attribution is Attribution.STUDENT]
    return own, content.decode().split("\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("puzzle", "sample", "kind", "said", "line"),
    [
        pytest.param(
            *("conv1d", "sizes_swapped", FindingKind.OUT_OF_BOUNDS),
            *("element 4 of kernel, which has 4", "shared_b[local_i] = kernel[local_i]"),
            marks=pytest.mark.exhaustive,
        ),
        (
            *("softmax", "barrier_missing_in_sum", FindingKind.RACE),
            *("cell 32 of shared_sum, which", "shared_sum[local_i] += shared_sum[local_i + step]"),
        ),
        pytest.param(
            *("conv1d", "endless_loop_in_kernel", FindingKind.BUDGET_EXCEEDED),
            *("500,000 instructions of one thread (line", "while shared_b[0] == shared_b[0]"),
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            *("embedding", "no_guard", FindingKind.OUT_OF_BOUNDS),
            *("element 1 of indices, which has 1", "Int(indices_lt[batch_idx, seq_idx])"),
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_a_finding_is_at_its_line(
    tmp_path: Path, puzzle: str, sample: str, kind: FindingKind, said: str, line: str
) -> None:
    own, text = findings(puzzle, sample, tmp_path)
    found = next(each for each in own if each.kind is kind)
    assert said in found.message
    assert found.source_line is not None
    assert line in text[found.source_line - 1]
    if kind is FindingKind.RACE:
        (other,) = [each for each in found.other_source if each.line == found.source_line]
        # The read stands behind the write of the same statement.
        (place,) = [each for each in found.source if each.line == found.source_line]
        assert other.column < place.column


@pytest.mark.slow
@pytest.mark.exhaustive
def test_of_what_sums_in_another_precision_there_is_nothing_to_find(tmp_path: Path) -> None:
    own, _ = findings("conv1d", "float16_accumulation", tmp_path)
    assert own == []
