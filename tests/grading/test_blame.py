"""Whose failure a stage that did not get through is."""

from __future__ import annotations

import pytest

from grader.errors import DeviceFault, ToolchainFault
from grader.grading.blame import blame_compile
from grader.sandbox import LimitHit, Outcome
from grader.worker.process import Ended


def ended(why="limit", message="", **more):
    facts = {
        "exit_code": None,
        "signal": 9,
        "limit": LimitHit.WALL_CLOCK if why == "limit" else None,
        "killed": True,
        "stage": "compile",
        "stage_seconds": 100.0,
        "wall_seconds": 100.0,
        "cpu_seconds": 99.0,
        "peak_resident_bytes": 1,
        "stdout": b"",
        "stderr": b"",
        "output_bytes": 0,
    }
    return Ended(why=why, message=message, outcome=Outcome(**{**facts, **more}))


def blame(end, control):
    return blame_compile(end, control, student_file="op/conv1d.mojo").sentence


def never():
    raise AssertionError("no control is needed")


def test_a_stage_that_computed_to_the_end_is_the_submissions():
    assert "never ends" in blame(ended(), never)


def test_a_starved_stage_is_the_machines():
    with pytest.raises(ToolchainFault, match="too busy"):
        blame(ended(cpu_seconds=30.0, waiting_seconds=60.0), never)


@pytest.mark.parametrize("waiting", [0.1, None])
def test_a_stage_that_slept_is_the_submissions_where_the_reference_gets_through(waiting):
    asleep = ended(cpu_seconds=1.0, waiting_seconds=waiting)
    assert "sleep" in blame(asleep, lambda: True)
    with pytest.raises(ToolchainFault):
        blame(asleep, lambda: False)


def test_without_a_message_the_reference_decides():
    assert "broke off" in blame(ended("died"), lambda: True)
    with pytest.raises(ToolchainFault, match="even the reference answer"):
        blame(ended("died"), lambda: False)


def test_what_the_graph_compiler_said_is_repeated():
    said = ended("failed", "compile: ValueError: no such thing\nmore")
    assert blame(said, lambda: True) == "the graph can't be made: ValueError: no such thing"


def test_a_device_that_does_not_open_is_no_failure_of_the_submission():
    with pytest.raises(DeviceFault, match="no GPU"):
        blame(ended("failed", "device: no GPU"), never)
