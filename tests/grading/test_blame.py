"""Whose failure a stage that did not get through is."""

from __future__ import annotations

import pytest

from grader.errors import DeviceFault, ToolchainFault
from grader.grading.blame import ROOM, Trial, blame_compile
from grader.sandbox import LimitHit, Outcome
from grader.worker.process import Ended


def ended(why="limit", message="", stage="compile", **more):
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
    return Ended(why=why, message=message, outcome=Outcome(**{**facts, **more}), stage=stage)


def blame(end, control):
    return blame_compile(end, control, student_file="op/conv1d.mojo").sentence


def never():
    raise AssertionError("no control is needed")


def tried(seconds=10.0, peak_bytes=1):
    return lambda: Trial(seconds=seconds, peak_bytes=peak_bytes)


def test_a_stage_that_computed_to_the_end_is_the_submissions():
    assert "never ends" in blame(ended(), tried())


@pytest.mark.parametrize("limit", LimitHit)
def test_a_limit_that_the_reference_reaches_too_is_no_failure_of_the_submission(limit):
    at_a_limit = ended(limit=limit, peak_resident_bytes=4 << 30)
    assert blame(at_a_limit, tried(peak_bytes=1 << 30))
    with pytest.raises(ToolchainFault, match="reference answer does not get through"):
        blame(at_a_limit, lambda: None)


@pytest.mark.parametrize(
    ("seconds", "fair"), [(2.0, True), (2.4, True), (2.6, False), (5.0, False)]
)
def test_a_time_limit_leaves_the_reference_room(seconds, fair):
    """As --timeout 5 does not, where a compile takes 20 s; a right file may be a bit slower."""
    short = ended(stage_seconds=5.0, wall_seconds=6.0, cpu_seconds=5.0)
    if fair:
        assert blame(short, tried(seconds))
    else:
        with pytest.raises(ToolchainFault) as caught:
            blame(short, tried(seconds))
        assert "--timeout" in caught.value.remedy


@pytest.mark.parametrize(("share", "fair"), [(0.3, True), (0.49, True), (0.51, False), (1, False)])
def test_a_memory_limit_leaves_the_reference_room(share, fair):
    grown = ended(limit=LimitHit.MEMORY, peak_resident_bytes=4 << 30)
    control = tried(peak_bytes=int(share * (4 << 30)))
    if fair:
        assert "grow without end" in blame(grown, control)
    else:
        with pytest.raises(ToolchainFault, match="MiB of memory"):
            blame(grown, control)
    assert (share <= ROOM) is fair


@pytest.mark.parametrize("why", ["died", "failed", "limit", "protocol"])
@pytest.mark.parametrize("message", ["", "RuntimeError: no kernel registered for 'conv1d'"])
def test_memory_that_the_machine_lacks_is_no_failure_of_the_submission(why, message):
    """Whatever else is said: a compiler whose child was killed says much."""
    with pytest.raises(ToolchainFault, match="memory of this machine ran out"):
        blame(ended(why, message, limit=None, machine_out_of_memory=True), never)


def test_a_starved_stage_is_the_machines_unless_it_computed_for_long_enough():
    starved = ended(cpu_seconds=30.0, waiting_seconds=60.0)
    for control in (lambda: None, tried(15.1)):
        with pytest.raises(ToolchainFault, match="too busy"):
            blame(starved, control)
    assert "never ends" in blame(starved, tried(14.9))


@pytest.mark.parametrize("waiting", [0.1, None])
def test_a_stage_that_slept_is_the_submissions_where_the_reference_gets_through(waiting):
    asleep = ended(cpu_seconds=1.0, waiting_seconds=waiting)
    assert "sleep" in blame(asleep, tried())
    with pytest.raises(ToolchainFault):
        blame(asleep, lambda: None)


def test_without_a_message_the_reference_decides():
    assert "broke off" in blame(ended("died"), tried())
    with pytest.raises(ToolchainFault, match="even the reference answer"):
        blame(ended("died"), lambda: None)


def test_what_the_graph_compiler_said_is_repeated():
    said = ended("failed", "ValueError: no such thing\nmore")
    assert blame(said, tried()) == "the graph can't be made: ValueError: no such thing"


def test_a_device_that_does_not_open_is_no_failure_of_the_submission():
    with pytest.raises(DeviceFault, match="no GPU"):
        blame(ended("failed", "no GPU", stage="device"), never)
