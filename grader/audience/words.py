"""What a student's copy says in summary, made from what is in the copy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from grader.marks import compiled, untouched
from grader.record import Attribution, Record, Status, Verdict, Withheld
from grader.wording import HURDLES, SKELETON_HEADLINE

STEPS = 4


def headline(record: Record) -> str:
    """The verdict of a copy in one or two sentences, with what is still to come."""
    points = f"{record.score} of {record.max_score} visible points."
    return " ".join(part for part in (_first(record), points, to_come(record)) if part)


def _first(record: Record) -> str:
    """How what is shown ended."""
    if untouched(record):
        return SKELETON_HEADLINE
    failed = [c for c in record.checks if c.status is Status.FAILED and not c.extra]
    if failed:
        return HURDLES.get(failed[0].aspect) or f'This check fails: "{failed[0].title}".'
    if record.score < record.max_score:
        return "Not every check could be made."
    return "Everything that is shown is right."


def to_come(record: Record) -> str:
    """What is left out, and whether it can change the verdict."""
    kept = record.withheld
    if kept is None:
        return ""
    told = list(_left_out(kept))
    if not told or not kept.final:
        return " ".join(told)
    stands = "It passes" if record.verdict is Verdict.PASS else "It does not pass"
    return " ".join([*told, f"{stands}, whatever comes of that."])


def _left_out(kept: Withheld) -> Iterator[str]:
    when = f"after {instant(kept.until)}" if kept.until else "later"
    if kept.later:
        yield f"{_points(kept.later)} more will be checked {when}."
    if kept.never:
        yield f"{_points(kept.never)} more are decided by checks that are not shown."
    if kept.extra:
        yield f"Extra credit of up to {_points(kept.extra)} is not shown."


def _points(count: int) -> str:
    return "1 point" if count == 1 else f"{count} points"


def instant(iso: str) -> str:
    """``1 December 2026, 23:59 (UTC+01:00)``."""
    when = datetime.fromisoformat(iso)
    offset = when.strftime("%z")
    zone = "UTC" if not when.utcoffset() else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{when.day} {when:%B %Y, %H:%M} ({zone})"


def advice(record: Record) -> tuple[str, ...]:
    """What to try next, by what is shown, most useful first."""
    return tuple(dict.fromkeys(step for step in _steps(record) if step))[:STEPS]


def _steps(record: Record) -> Iterator[str]:
    if not compiled(record):
        for diagnostic in record.diagnostics:
            if diagnostic.severity == "error" and diagnostic.advice:
                place = f"Line {diagnostic.line}: " if diagnostic.line else ""
                yield place + diagnostic.advice
    for example in record.counterexamples:
        yield example.explanation
    for finding in record.findings:
        if finding.attribution is Attribution.STUDENT and not finding.beyond:
            yield finding.explanation
    for check in record.checks:
        yield check.hint
