"""Everybody with everything that a gradebook may want, as CSV and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.class_table import mark, number, remedy, standing, why_no_mark
from grader.batch.outputs.gradebooks import (
    ClassMarks,
    EmptyGrade,
    Gradebook,
    GradebookLine,
    ReaderRules,
    table,
    text,
)
from grader.record import Status

COLUMNS = (
    "student",
    "name",
    "id",
    "email",
    "repository",
    "status",
    "grade",
    "max_grade",
    "score",
    "max_score",
    "extra_score",
    "lateness",
    "days_late",
    "attempts",
    "counted_attempt",
    "submission",
    "sha256",
    "handed_in",
    "equal_to",
    "failed_checks",
    "note",
    "report",
)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Without it, Excel takes the names for another encoding than UTF-8."""


def _write_csv(marks: ClassMarks, lines: Sequence[GradebookLine]) -> bytes:
    """A row for everybody; ``grade`` is empty where there is no mark, and ``note`` says why."""
    rows = [
        [text(str(value)) for value in _row(marks.info, line.result).values()] for line in lines
    ]
    return BYTE_ORDER_MARK + table([COLUMNS, *rows])


def _write_json(marks: ClassMarks, lines: Sequence[GradebookLine]) -> bytes:
    """One document: the run, and for everybody the same fields with all checks.

    ``grade`` is a number, or null where there is no mark.
    """
    students = []
    for result in (line.result for line in lines):
        given = mark(result, marks.info)
        row: dict[str, Any] = _row(marks.info, result)
        row["grade"] = None if given is None else float(given.points)
        row["checks"] = [] if result.record is None else list(result.record.checks)
        students.append(row)
    document = {"schema": "mojo-grade/gradebook/1", "run": marks.info, "students": students}
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _row(info: RunInfo, result: StudentResult) -> dict[str, Any]:
    student, attempt, record = result.student, result.attempt, result.record
    given = mark(result, info)
    marked = record if given is not None else None
    failed = [c.id for c in record.checks if c.status is Status.FAILED] if record else []
    note = given.note if given is not None else f"{why_no_mark(result)} {remedy(result)}".strip()
    values = (
        student.key,
        student.name,
        student.id,
        student.email,
        student.repository,
        standing(result).value,
        "" if given is None else number(given.points),
        info.max_score,
        marked.score if marked else "",
        marked.max_score if marked else "",
        marked.extra_score if marked else "",
        student.lateness,
        student.days_late or "",
        result.attempts,
        attempt.number if attempt else "",
        attempt.name if attempt else "",
        attempt.sha256 if attempt else "",
        attempt.handed_in if attempt else "",
        result.equal_to,
        " ".join(failed),
        note,
        f"feedback/{student.key}/report.html" if record or result.refusal else "",
    )
    return dict(zip(COLUMNS, values, strict=True))


GRADES_CSV = Gradebook(
    file="grades.csv",
    rules=ReaderRules(empty_grade=EmptyGrade.NO_MARK),
    write=_write_csv,
    about=lambda _marks: "Everybody, with the reason where there is no mark. For a spreadsheet.",
)
GRADES_JSON = Gradebook(
    file="grades.json",
    rules=ReaderRules(empty_grade=EmptyGrade.NO_MARK),
    write=_write_json,
    about=lambda _marks: "The same with every check. For a program.",
)
