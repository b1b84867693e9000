"""The words of a record: how a run, a check and a stage can end, and who sees what."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Audience = Literal["student", "instructor"]
"""Who reads a rendering. What a student's copy leaves out: `grader.audience`."""


class Verdict(StrEnum):
    """How a run ended."""

    PASS = "pass"
    FAIL = "fail"
    REFUSED = "refused"
    FAULT = "fault"


class Status(StrEnum):
    """Outcome of one check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


class Visibility(StrEnum):
    """When a student sees a check; the words of a rubric file."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    AFTER_DUE = "after the due date"


class Attribution(StrEnum):
    """Whose code a finding is about."""

    STUDENT = "student"
    SKELETON = "skeleton"


class StageOutcome(StrEnum):
    """How one stage of a run ended."""

    DONE = "done"
    FAILED = "failed"
