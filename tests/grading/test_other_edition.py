"""A file of another edition, graded for real as far as packaging goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.choices import DEFAULT_EDITION
from grader.folders import data_directory
from grader.grading.run import grade
from grader.grading.state import Request, Silent
from grader.puzzles import find
from grader.record import Record, Verdict
from grader.toolchain import store

OLD = data_directory("reference_kernels") / "conv1d" / "25.4" / "right.mojo"


def graded(source: Path, edition: str) -> Record:
    return grade(
        Request(source=source, puzzle_name="conv1d", edition=edition, device="software"), Silent()
    )


def test_a_pinned_course_explains_a_file_of_another_edition() -> None:
    record = graded(OLD, DEFAULT_EDITION)
    assert record.verdict is Verdict.FAIL
    assert record.headline == (
        "This file is written for editions 25.4 to 25.6.1; the course uses 26.5."
    )
    assert "skeleton of edition 26.5" in record.advice[0]
    lines = [each.line for each in record.diagnostics if "is of edition" in each.message]
    assert len(lines) > 10
    first = next(each for each in record.diagnostics if "`from gpu`" in each.message)
    assert "max.gpu" in first.advice
    assert record.toolchain is not None
    assert record.toolchain.edition_reason == "as asked"


def test_without_a_network_there_is_no_mark_and_a_way_to_prepare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "toolchains"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    record = graded(OLD, "auto")
    assert record.verdict is Verdict.FAULT
    assert record.fault is not None
    assert record.fault.kind == "IndexUnreachable"
    assert record.fault.stage == "toolchain"
    assert record.fault.what == (
        "edition 25.6.1 needs MAX 25.6.1, which is not installed, and the package index can't be "
        "reached: nothing may be downloaded (--offline, GRADE_OFFLINE or UV_OFFLINE)"
    )
    assert "grade toolchain install 25.6.1 (or --all" in record.fault.remedy


@pytest.mark.slow
def test_the_demonstration_prints_what_the_puzzles_text_shows() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "from grader.cli import main; main()", "demo", "--device=software"],
        capture_output=True,
        text=True,
        check=True,
    )
    numbers = ". ".join(str(number) for number in find("conv1d").parts[0].example.outputs["output"])
    assert shown.stdout.splitlines() == [
        "Input array: [ 0.  1.  2.  3.  4.  5.  6.  7.  8.  9. 10. 11. 12. 13. 14.]",
        "Convolution kernel: [0. 1. 2. 3.]",
        f"Expected result (NumPy calculation): [{numbers.replace(' 0', '  0')}.]",
        "Compiling 1D convolution graph...",
        "Executing 1D convolution...",
        f"1D Convolution result (custom Mojo kernel): [{numbers.replace(' 0', '  0')}.]",
        "Verification passed: Custom kernel results match NumPy calculation",
    ]
