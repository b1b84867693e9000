"""A CSV file for the import of Moodle's gradebook.

Source: Moodle, ``grade/import/csv/classes/load_data.php``, and "Grade import",
https://docs.moodle.org/en/Grade_import. What it does:

* the teacher says which column identifies the person: e-mail address, ID
  number, username or Moodle's own number. The ID number is the institution's.
  The participant number in the names of Moodle's downloads is none of these and
  counts within one assignment only: `worksheet` is for that. Nor is a name;
* a person who is not found ends the whole import;
* in a row whose identifying cell is empty, the person of the row **before**
  stays the one who is meant, and gets the grade. So the file has one
  identifying column only, and nobody in it whose cell is empty;
* no grade (an empty cell or ``-``) takes away a grade that is there. A student
  without a mark is therefore left out: a mark entered by hand stays;
* one grade above 100 ends the whole import, unless the site allows for more;
* PHP reads a backslash before a quote as an escape, so there are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal

from grader.batch.model import RunInfo, Student, StudentResult
from grader.batch.outputs.cells import table, text
from grader.batch.outputs.standing import mark, number
from grader.record import Record, Status

Identifier = Literal["email", "id"]
LARGEST = 100
"""The largest grade that every Moodle takes (``gradevaluetoobig``)."""
HEADINGS: dict[Identifier, str] = {"email": "Email address", "id": "ID number"}


def identified_by(results: Sequence[StudentResult]) -> Identifier:
    """The identifier that more students have; the e-mail address where both are as common."""
    students = [result.student for result in results]
    emails = sum(bool(student.email.strip()) for student in students)
    return "id" if sum(bool(student.sis_id.strip()) for student in students) > emails else "email"


def left_out(info: RunInfo, results: Sequence[StudentResult]) -> list[StudentResult]:
    """Who has a mark but nothing by which Moodle could find them."""
    by = identified_by(results)
    return [r for r in results if mark(r, info) is not None and not _identity(r.student, by)]


def capped(info: RunInfo, results: Sequence[StudentResult]) -> list[StudentResult]:
    """Whose extra credit goes beyond what Moodle takes."""
    most = max(LARGEST, info.max_score)
    return [r for r in results if (given := mark(r, info)) is not None and given.points > most]


def render(
    info: RunInfo, results: Sequence[StudentResult], shown: Sequence[Record | None]
) -> bytes:
    """The file.

    Args:
        info: The run.
        results: Everybody; who has no mark or no identifier is not in the file.
        shown: The record of each that the student may see, in the same order:
            the feedback goes to the student.
    """
    return table(_rows(info, results, shown))


def _rows(
    info: RunInfo, results: Sequence[StudentResult], shown: Sequence[Record | None]
) -> Iterator[list[str]]:
    by = identified_by(results)
    most = Decimal(max(LARGEST, info.max_score))
    yield [HEADINGS[by], "Full name", cell(info.title), "Feedback"]
    for result, record in zip(results, shown, strict=True):
        given = mark(result, info)
        identity = _identity(result.student, by)
        if given is not None and identity:
            grade = number(min(given.points, most))
            feedback = cell(feedback_of(record, given.points, most))
            yield [identity, cell(result.student.name), grade, feedback]


def _identity(student: Student, by: Identifier) -> str:
    return cell(student.email.strip() if by == "email" else student.sis_id.strip())


def cell(value: str) -> str:
    """A text as a cell, without what PHP takes for an escape."""
    return text(value.replace("\\", "/"))


def feedback_of(record: Record | None, points: Decimal, most: Decimal) -> str:
    """What the student reads beside a grade that is cut to ``most``."""
    feedback = feedback_text(record) if record is not None else ""
    if points > most:
        feedback += f" With extra credit: {number(points)} points."
    return feedback.strip()


def feedback_text(record: Record) -> str:
    """A few sentences for the student, none of them from the submission."""
    failed = [
        f"{check.title} ({check.max_points} points)"
        for check in record.checks
        if check.status is Status.FAILED and not check.extra
    ]
    told = f"{record.headline} {'Not passed: ' + '; '.join(failed) + '.' if failed else ''}"
    return told.strip()
