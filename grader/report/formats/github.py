"""What a run says to GitHub: annotations at the student's lines, and step outputs.

ReportLimits, from "Workflow commands" and "Usage limits" of GitHub's documentation:
10 annotations of each kind for a step are shown, 50 for a job. So the verdict
comes first and the last of a kind says how many more there are.
"""

from __future__ import annotations

from grader.intake.display import one_line
from grader.record import Record, Verdict
from grader.report.formats import prose
from grader.report.formats.classroom import render_classroom
from grader.report.formats.commands import Kind, command
from grader.report.formats.places import Level, Place, places
from grader.report.wording import badge, noted

PER_KIND = 10
KINDS: dict[Level, Kind] = {"error": "error", "warning": "warning", "note": "notice"}
FAULT_TITLE = "No mark: the grader failed, not the submission"


def annotate(record: Record, path: str) -> list[str]:
    """Workflow commands, one a line of the log.

    Args:
        record: What to show.
        path: Of the submission, relative to the repository.
    """
    if record.verdict is Verdict.FAULT:
        return [command("warning", prose.fault_text(record), title=FAULT_TITLE)]
    verdict: Kind = "notice" if record.verdict is Verdict.PASS else "error"
    made: dict[Kind, list[str]] = {"error": [], "warning": [], "notice": []}
    made[verdict].append(command(verdict, prose.headline(record), file=path, title=_title(record)))
    left: dict[Kind, int] = {}
    for place in places(record):
        kind = KINDS[place.level]
        # One is kept for the number of those that find no room.
        if len(made[kind]) < PER_KIND - 1:
            made[kind].append(_annotation(kind, place, path))
        else:
            left[kind] = left.get(kind, 0) + 1
    for kind, count in left.items():
        told = f"{count} more in the job's summary and in the report."
        made[kind].append(command(kind, told, file=path, title="And more"))
    return [line for lines in made.values() for line in lines]


def _annotation(kind: Kind, place: Place, path: str) -> str:
    return command(
        kind,
        place.message,
        file=path,
        line=place.line,
        endLine=place.line,
        col=place.column,
        title=one_line(noted(place.title, place.note), limit=300),
    )


def _title(record: Record) -> str:
    return badge(record).word


def step_outputs(record: Record, *, pass_mark: int | None = None) -> dict[str, str]:
    """The outputs of the step. Scores and ``passed`` are empty where there is no mark.

    Args:
        record: Whose outcome.
        pass_mark: Percent of the points from which on the submission passes; by default its
            verdict decides.
    """
    fault = record.verdict is Verdict.FAULT
    return {
        "verdict": record.verdict.value,
        "score": "" if fault else str(record.score),
        "max-score": "" if fault else str(record.max_score),
        "passed": "" if fault else str(passes(record, pass_mark)).lower(),
        "result": render_classroom(record).decode("ascii"),
    }


def passes(record: Record, pass_mark: int | None = None) -> bool:
    """Whether the submission passes; a refused one never does."""
    if pass_mark is None or record.verdict in (Verdict.REFUSED, Verdict.FAULT):
        return record.verdict is Verdict.PASS
    return record.max_score > 0 and record.score * 100 >= pass_mark * record.max_score
