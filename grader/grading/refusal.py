"""The record of a file that could not be taken as a submission."""

from __future__ import annotations

from datetime import UTC, datetime

from grader import __version__
from grader.errors import SubmissionRefused
from grader.grading.assemble import puzzle_info
from grader.grading.request import Request
from grader.intake.display import for_terminal, one_line
from grader.record import Record, SubmissionInfo, Verdict


def refusal(request: Request, error: SubmissionRefused) -> Record:
    """A record that says what was wrong with the file and what to hand in instead."""
    source, what = request.source, error.what
    name = "standard input" if source == "-" else source.name
    if source != "-" and len(source.parts) > 1:
        # Students read it: where the file lies on the grading machine is not theirs to know.
        what = what.replace(one_line(str(source)), one_line(name))
    return Record(
        grader_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        submission=SubmissionInfo(name=for_terminal(name)),
        puzzle=puzzle_info(request.puzzle),
        verdict=Verdict.REFUSED,
        score=0,
        max_score=request.puzzle.max_score,
        headline=what,
        advice=(error.remedy,) if error.remedy else (),
        rubric=request.rubric.info() if request.rubric else None,
    )
