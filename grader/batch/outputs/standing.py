"""Where each student stands, and the mark that goes into a gradebook.

A mark exists only where a run came to a verdict. A fault of the grader, a
refused file, nothing handed in and a run that is still to come all give no
mark: an empty cell, never a zero.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

import msgspec

from grader.batch.model import RunInfo, StudentResult
from grader.record import Record, Verdict
from grader.report.formats import items
from grader.report.wording import sentence

_CENT = Decimal("0.01")


class StudentStanding(StrEnum):
    """How a student's attempt that counts ended, in the order in which people look for them."""

    PASSED = "passed"
    FAILED = "not passed"
    REFUSED = "not accepted"
    FAULT = "no mark"
    WAITING = "not graded yet"
    NOTHING = "nothing handed in"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Points for the gradebook."""

    points: Decimal
    """Of ``RunInfo.max_score``, extra credit included, so possibly more."""
    note: str = ""
    """What was done to the score, where it is not the score itself."""


def standing(result: StudentResult) -> StudentStanding:
    """Where a student stands."""
    if result.record is None:
        if result.refusal is not None:
            return StudentStanding.REFUSED
        return StudentStanding.NOTHING if result.attempt is None else StudentStanding.WAITING
    return {
        Verdict.PASS: StudentStanding.PASSED,
        Verdict.FAIL: StudentStanding.FAILED,
        Verdict.REFUSED: StudentStanding.REFUSED,
        Verdict.FAULT: StudentStanding.FAULT,
    }[result.record.verdict]


def mark(result: StudentResult, info: RunInfo) -> Mark | None:
    """The mark, or None where there is none.

    A real GPU does not show everything that has points, so a record may be out
    of fewer points than the class is. Its score is then scaled: what the
    device can't show costs nobody a point.
    """
    record = result.record
    if record is None or record.verdict not in (Verdict.PASS, Verdict.FAIL):
        return None
    points = Decimal(items.total(record))
    if record.max_score == info.max_score or record.max_score <= 0:
        return Mark(points=points)
    scaled = (points * info.max_score / record.max_score).quantize(_CENT, ROUND_HALF_UP)
    return Mark(
        points=scaled,
        note=f"{points} of the {record.max_score} points that could be checked, "
        f"scaled to {info.max_score}",
    )


def number(value: Decimal) -> str:
    """A number without an exponent and without zeros that say nothing: ``60``, ``57.5``."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def why_no_mark(result: StudentResult) -> str:
    """One sentence for the instructor; empty where there is a mark."""
    match standing(result):
        case StudentStanding.PASSED | StudentStanding.FAILED:
            return ""
        case StudentStanding.NOTHING:
            return "Nothing was handed in."
        case StudentStanding.WAITING:
            return "Not graded yet: run the same command again to go on."
        case StudentStanding.REFUSED:
            return f"Not graded: {_stopped(_refused(result))}"
        case StudentStanding.FAULT:
            return f"The grader failed, not the submission: {_stopped(_faulted(result.record))}"


def remedy(result: StudentResult) -> str:
    """What can be done about a missing mark; empty where nothing is missing or known."""
    where = standing(result)
    if where is StudentStanding.REFUSED and result.refusal is not None:
        return sentence(result.refusal.remedy)
    if where in (StudentStanding.REFUSED, StudentStanding.FAULT) and result.record is not None:
        fault, advice = result.record.fault, result.record.advice
        told = (fault.remedy if fault else "") or (advice[0] if advice else "")
        if told:
            return sentence(told)
    if where is StudentStanding.FAULT:
        return "Grade it again once the cause is removed; nobody loses a point by it."
    return ""


def _stopped(told: str) -> str:
    """A clause with a full stop; its first word may be a file's name, and keeps its case."""
    told = " ".join(told.split())
    return told if not told or told[-1] in ".!?" else f"{told}."


def _refused(result: StudentResult) -> str:
    if result.refusal is not None:
        return result.refusal.what
    return result.record.headline if result.record is not None else ""


def _faulted(record: Record | None) -> str:
    if record is None:
        return ""
    return record.fault.what if record.fault is not None else record.headline
