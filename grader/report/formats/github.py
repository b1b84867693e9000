"""What a run says to GitHub: annotations at the student's lines, and step outputs.

A workflow command is a line that starts with ``::`` (after blank space), or has ``##[`` anywhere in
it. So a text is kept from being one. Source: "Workflow commands for GitHub Actions", GitHub's
documentation, and ``ActionCommand.cs`` of https://github.com/actions/runner.
"""

from __future__ import annotations

import re
import secrets
from typing import Literal

from grader.intake.display import for_terminal, one_line
from grader.record import Record, Verdict
from grader.report.formats import elements
from grader.report.formats.classroom import render_classroom
from grader.report.formats.elements import Level, LineMessage, line_messages
from grader.report.style import badge, noted
from grader.wording.verdicts import FAULT_TITLE

PER_KIND = 10
KINDS: dict[Level, Kind] = {"error": "error", "warning": "warning", "note": "notice"}


def annotate(record: Record, path: str) -> list[str]:
    """Workflow commands, one a line of the log.

    Args:
        record: What to show.
        path: Of the submission, relative to the repository.
    """
    if record.verdict is Verdict.FAULT:
        return [command("warning", elements.fault_text(record), title=FAULT_TITLE)]
    verdict: Kind = "notice" if record.verdict is Verdict.PASS else "error"
    made: dict[Kind, list[str]] = {"error": [], "warning": [], "notice": []}
    made[verdict].append(
        command(verdict, elements.headline(record), file=path, title=_title(record))
    )
    left: dict[Kind, int] = {}
    for place in line_messages(record):
        kind = KINDS[place.level]
        # The last place tells how many were left out.
        if len(made[kind]) < PER_KIND - 1:
            made[kind].append(_annotation(kind, place, path))
        else:
            left[kind] = left.get(kind, 0) + 1
    for kind, count in left.items():
        told = f"{count} more in the job's summary and in the report."
        made[kind].append(command(kind, told, file=path, title="And more"))
    return [line for lines in made.values() for line in lines]


def _annotation(kind: Kind, place: LineMessage, path: str) -> str:
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


Kind = Literal["error", "warning", "notice"]
_START = re.compile(r"(?m)((?:^|\r)\s*):(?=:)")


def command(kind: Kind, message: str, **properties: str | int | None) -> str:
    """One annotation: ``::error file=op/answer.mojo,line=3,title=Race::thread 0 of ...``."""
    named = ",".join(
        f"{name}={_property(one_line(str(value), limit=1_000))}"
        for name, value in properties.items()
        if value not in (None, "")
    )
    shown = _data(for_terminal(message).strip()) or "."
    return f"::{kind} {named}::{shown}" if named else f"::{kind}::{shown}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def inert(text: str) -> str:
    """The same text with no line that the runner obeys; readable as before."""
    return _START.sub(r"\1: ", text).replace("##[", "# #[")


def fenced(text: str) -> str:
    """The text between two lines that stop the runner from obeying anything in it.

    The token is fresh and random, so that the text can't end this by itself.
    """
    token = secrets.token_hex(16)
    end = "" if text.endswith("\n") else "\n"
    return f"::stop-commands::{token}\n{text}{end}::{token}::\n"
