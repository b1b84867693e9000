"""The reports about each student: the instructor's, and the copy to send back."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from grader import __version__
from grader.audience import for_audience
from grader.batch.model import RunInfo, StudentResult
from grader.record import Audience, CheckOutcome, PuzzleInfo, Record, SubmissionInfo, Verdict
from grader.report.html import render_html
from grader.wording.verdicts import GRADED_AGAIN, NOT_FINISHED


def record_of_student(info: RunInfo, result: StudentResult) -> Record | None:
    """The record of a student with nothing of anybody else's in it; None where there is none.

    An equal program is graded once. Where the record is still the one of the
    other student's file, its name and text (and the comments in it) are taken
    out: they are that student's.
    """
    record = result.record
    if record is None:
        return None if result.refusal is None else _refused(info, result)
    attempt = result.attempt
    if not result.equal_to or attempt is None or attempt.sha256 == record.submission.sha256:
        return record
    own = SubmissionInfo(name=attempt.name, sha256=attempt.sha256)
    return replace(record, submission=own)


def for_student(record: Record, moment: datetime) -> Record:
    """The student's copy of a record that somebody else had made.

    What failed on the grading machine is told to who looks after it: it names folders and
    programs there, and the student can't do anything about it.
    """
    copy = for_audience(record, "student", moment)
    if copy.verdict is not Verdict.FAULT or copy.fault is None:
        return copy
    fault = replace(
        copy.fault,
        what=NOT_FINISHED,
        remedy=GRADED_AGAIN,
        detail="",
    )
    return replace(copy, fault=fault)


def render(record: Record, audience: Audience) -> bytes:
    """The report as one HTML file."""
    return render_html(record, audience).encode("utf-8")


def _refused(info: RunInfo, result: StudentResult) -> Record:
    """A record for what was refused before a run began, such as an archive."""
    assert result.refusal is not None
    name = result.attempt.name if result.attempt is not None else result.refusal.source
    return Record(
        grader_version=__version__,
        created=info.created,
        submission=SubmissionInfo(name=name),
        puzzle=PuzzleInfo(name=info.puzzle, title=info.puzzle),
        verdict=Verdict.REFUSED,
        score=0,
        max_score=info.max_score,
        headline=result.refusal.what,
        advice=(result.refusal.remedy,) if result.refusal.remedy else (),
    )


class RecordTrimmer:
    """Reduces records to what pages about the class need. Equal values are kept once."""

    def __init__(self) -> None:
        self._checks: dict[bytes, CheckOutcome] = {}

    def record(self, record: Record) -> Record:
        """The record with verdict, points, checks and what is said in summary.

        Without the text, the cases, messages, launches, and how and where it was made.
        """
        return replace(
            record,
            submission=replace(record.submission, text=""),
            checks=tuple(
                self._checks.setdefault(msgspec.msgpack.encode(each), each)
                for each in record.checks
            ),
            counterexamples=(),
            findings=(),
            diagnostics=(),
            fault=replace(record.fault, detail="") if record.fault is not None else None,
            toolchain=None,
            device=None,
            isolation=None,
            shapes=(),
            stages=(),
            kernels=(),
            look=(),
            rubric=None,
            launches=(),
            cases=None,
        )
