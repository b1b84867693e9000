"""What has a line of the student's file: compiler messages and findings, most useful first."""

from __future__ import annotations

from typing import Literal

import msgspec

from grader.intake.display import one_line
from grader.record import Aspect, Attribution, CheckedFinding, Diagnostic, Record, Status, Verdict
from grader.report.messages import is_submission
from grader.report.wording import (
    HIDDEN_FROM_STUDENTS,
    SHORT,
    next_steps,
    sentence,
)
from grader.wording import FINDING_TITLES

Level = Literal["error", "warning", "note"]
MESSAGE = 1_000
"""Characters of one message."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Something to say at a line of the submission. All texts are safe to show, in one line."""

    rule: str
    """What kind of thing it is: ``compile-error``, ``check-exact``, ``finding-race``."""
    level: Level
    title: str
    message: str
    line: int | None = None
    """From one; None where nothing is known but the file."""
    column: int | None = None
    """In characters from one, as the source shows them."""
    note: str = ""
    """For an instructor: whether students see the check that it is about."""


def places(record: Record) -> tuple[Place, ...]:
    """Errors first; within a level the order of the record.

    Empty for a fault of the grader: nothing is said of the student's lines then.
    """
    if record.verdict is Verdict.FAULT:
        return ()
    made: list[Place] = []
    if record.verdict is Verdict.REFUSED:
        steps = " ".join(sentence(one_line(step, limit=300)) for step in next_steps(record)[:2])
        told = f"{sentence(one_line(record.headline, limit=400))} {steps}".strip()
        return (Place(rule="refused", level="error", title="Not accepted", message=told),)
    made += [_diagnostic(d, record) for d in record.diagnostics]
    made += _checks(record, has_errors=any(place.level == "error" for place in made))
    made += [_finding(f, record) for f in record.findings]
    if record.verdict is Verdict.PASS:
        # Nothing cost a point: said, but not as an error.
        made = [_lowered(place) for place in made]
    order = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(made, key=lambda place: order[place.level]))


def _lowered(place: Place) -> Place:
    return msgspec.structs.replace(place, level="warning") if place.level == "error" else place


def _checks(record: Record, *, has_errors: bool) -> list[Place]:
    """Failed checks, each with its smallest case; the compiler's errors say more than theirs."""
    made = []
    for check in record.checks:
        if check.status is not Status.FAILED or (has_errors and check.aspect in _COMPILING):
            continue
        case = next((c for c in record.counterexamples if c.check == check.id), None)
        parts = [sentence(one_line(check.sentence, limit=400))]
        if case is not None:
            sizes = ", ".join(f"{name} {value}" for name, value in case.sizes.items())
            parts.append(f"Smallest failing input: {one_line(sizes)}.")
            parts.append(sentence(one_line(case.explanation, limit=400)))
        made.append(
            Place(
                rule="check",
                level="warning" if check.extra else "error",
                title=one_line(check.title, limit=SHORT),
                message=" ".join(part for part in parts if part) or "Failed.",
                note=HIDDEN_FROM_STUDENTS[check.visibility],
            )
        )
    if record.verdict is Verdict.FAIL and not made and not has_errors:
        told = sentence(one_line(record.headline, limit=400))
        made.append(Place(rule="check", level="error", title="Not passed", message=told))
    return made


_COMPILING = frozenset({Aspect.PACKAGES, Aspect.COMPILES})


def _diagnostic(diagnostic: Diagnostic, record: Record) -> Place:
    own = diagnostic.file is None or is_submission(diagnostic.file, record)
    parts = [sentence(one_line(diagnostic.message, limit=MESSAGE))]
    parts.append(sentence(one_line(diagnostic.advice, limit=400)))
    error = diagnostic.severity == "error"
    line = _line(diagnostic.line, record) if own else None
    return Place(
        rule="compile-error" if error else "compile-warning",
        level="error" if error else "warning",
        title="Compiler error" if error else "Compiler warning",
        message=" ".join(part for part in parts if part) or "The compiler gave no message.",
        line=line,
        column=_column(diagnostic.column, line, record),
    )


def _finding(checked: CheckedFinding, record: Record) -> Place:
    finding = checked.finding
    own = finding.source_file is None or is_submission(finding.source_file, record)
    given = checked.attribution is Attribution.SKELETON
    title = FINDING_TITLES[finding.kind]
    parts = [sentence(one_line(finding.message, limit=400))]
    parts.append(sentence(one_line(checked.explanation, limit=400)))
    return Place(
        rule=f"finding-{finding.kind.value}",
        level="note" if given else "error",
        title=f"{title}, in the given code (costs nothing)" if given else title,
        message=" ".join(part for part in parts if part),
        line=_line(finding.source_line, record) if own else None,
    )


def _line(line: int | None, record: Record) -> int | None:
    """The line, where the submission has it."""
    count = record.submission.text.count("\n") + 1
    return line if line is not None and 1 <= line <= count else None


def _column(column: int | None, line: int | None, record: Record) -> int | None:
    """Characters, from the bytes that the compiler counts; at most one past the line."""
    if column is None or line is None or column < 1:
        return None
    text = record.submission.text.split("\n")[line - 1]
    before = text.encode("utf-8", "surrogatepass")[: column - 1]
    return len(before.decode("utf-8", "ignore")) + 1
