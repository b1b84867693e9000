"""Each student's own report: the instructor's, and the one to send back."""

from __future__ import annotations

import msgspec

from grader import __version__
from grader.batch.model import RunInfo, StudentResult
from grader.record import Audience, PuzzleInfo, Record, SubmissionInfo, Verdict
from grader.report.html import render_html


def own_record(info: RunInfo, result: StudentResult) -> Record | None:
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
    return msgspec.structs.replace(record, submission=own)


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
        puzzle=PuzzleInfo(name=info.puzzle, title=info.puzzle, formula="", domain=""),
        verdict=Verdict.REFUSED,
        score=0,
        max_score=info.max_score,
        headline=result.refusal.what,
        advice=(result.refusal.remedy,) if result.refusal.remedy else (),
    )
