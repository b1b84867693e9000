"""The record of a file that could not be taken as a submission."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from grader import __version__
from grader.errors import OtherPuzzle, SubmissionRefused
from grader.grading.assemble import puzzle_info
from grader.intake.display import for_terminal, one_line
from grader.record import PuzzleInfo, Record, SubmissionInfo, Verdict

if TYPE_CHECKING:
    from grader.model.puzzle import Puzzle
    from grader.rubric import Rubric


def refusal(
    source: Path | Literal["-"],
    error: SubmissionRefused,
    *,
    puzzle: Puzzle | None = None,
    rubric: Rubric | None = None,
    sha256: str = "",
) -> Record:
    """A record that says what was wrong with the file and what to hand in instead.

    Args:
        source: What was handed in.
        error: Why it is refused.
        puzzle: The puzzle that was set; None where that is not known.
        rubric: What it would have been marked with.
        sha256: Of the file, where it could be read.
    """
    what = error.what
    name = "standard input" if source == "-" else source.name
    if source != "-" and len(source.parts) > 1:
        # Students read it: where the file lies on the grading machine is not theirs to know.
        what = what.replace(one_line(str(source)), one_line(name))
    return Record(
        grader_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        submission=SubmissionInfo(name=for_terminal(name), sha256=sha256),
        puzzle=puzzle_info(puzzle) if puzzle else _shown_by(error),
        verdict=Verdict.REFUSED,
        score=0,
        max_score=puzzle.max_score if puzzle else 0,
        headline=what,
        advice=(error.remedy,) if error.remedy else (),
        rubric=rubric.info() if rubric else None,
    )


def _shown_by(error: SubmissionRefused) -> PuzzleInfo:
    """The puzzle that a file shows itself to be of; without a name where it shows none."""
    name, title = (error.name, error.title) if isinstance(error, OtherPuzzle) else ("", "")
    return PuzzleInfo(name=name, title=title)
