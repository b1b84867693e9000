"""Whose time a case takes: a device that is slower than a GPU costs nobody a point."""

from __future__ import annotations

import msgspec
import pytest

from grader.device import CaseEvidence, Finding, FindingKind
from grader.errors import UnsupportedByDevice
from grader.lanes.lane import CASE_SECONDS, DEVICE_SECONDS, TimeTaken
from tests.device.launches import PLAIN
from tests.grading.scripted import ScriptedLane, grade

ENDLESS = Finding(kind=FindingKind.BUDGET_EXCEEDED, message="stopped", kernel="k")


def seen(device_seconds: float, *findings: Finding, launches: int = 1) -> CaseEvidence:
    launch = msgspec.structs.replace(PLAIN, seconds=device_seconds / launches, findings=findings)
    return CaseEvidence(launches=(launch,) * launches, device_seconds=device_seconds)


@pytest.mark.parametrize(
    "evidence",
    [
        seen(CASE_SECONDS * 0.9),
        seen(CASE_SECONDS * 0.6, launches=4000),
        seen(2 * CASE_SECONDS),  # a launch that was still running went on for as long again
    ],
    ids=["one launch", "many launches", "launch beyond the limit"],
)
def test_a_late_case_is_no_mark_where_the_device_was_at_work(evidence: CaseEvidence) -> None:
    with pytest.raises(UnsupportedByDevice, match="too slow for this program"):
        TimeTaken().add(CASE_SECONDS, evidence, late=True)


@pytest.mark.parametrize(
    "evidence",
    [None, seen(0.1), seen(CASE_SECONDS * 0.3), seen(CASE_SECONDS, ENDLESS)],
    ids=["a GPU", "host code", "mostly host code", "a kernel that does not end"],
)
def test_a_late_case_is_the_programs_where_it_is(evidence: CaseEvidence | None) -> None:
    time = TimeTaken()
    time.add(CASE_SECONDS, evidence, late=True)
    assert time.program > CASE_SECONDS / 2


def test_many_slow_cases_are_no_mark_and_no_limit_of_the_program() -> None:
    time = TimeTaken()
    for _ in range(150):
        time.add(4.1, seen(4.0), late=False)
    with pytest.raises(UnsupportedByDevice, match="in all 151 cases"):
        time.add(4.1, seen(4.0), late=False)
    assert time.device > DEVICE_SECONDS
    assert time.program == pytest.approx(15.1)


def test_where_cases_are_slow_fewer_are_run() -> None:
    time = TimeTaken()
    time.add(0.02, seen(0.01), late=False)
    assert not time.is_slow
    time.add(4.1, seen(4.0), late=False)
    assert time.is_slow
    executor = ScriptedLane()
    grade(executor)
    slow = ScriptedLane()
    slow.is_slow = True
    _, scored = grade(slow)
    assert slow.cases_run < executor.cases_run
    assert scored.score == 100, "every check is made all the same"
