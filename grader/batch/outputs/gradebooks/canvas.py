"""A CSV file for the import of Canvas's gradebook.

Source: Canvas LMS, ``lib/gradebook_importer.rb`` and "How do I import grades
in the Gradebook?", https://community.canvaslms.com/t5/Instructor-Guide/a/ta-p/807.
What it reads:

* the columns of the person stand first and in this order: ``Student``, ``ID``
  (Canvas's own number), ``SIS User ID``, ``SIS Login ID``, ``Integration ID``
  (only where there is any), ``Section``;
* every other column is an assignment; ``Title (1234)`` names an existing one
  by its number (``title_and_id`` in ``app/models/assignment.rb``), an unknown
  title makes a new one. So no title of a run may end like that, as "GPUs (2026)" does;
* a column with ``Final Score`` and the like in its name is passed over without a word;
* a row whose first cell contains ``Points Possible`` sets what an assignment
  is out of, wherever in the file it stands, so no student's name may say so;
* a person is looked for by ID, then by SIS ID, then by login, then by name. So a
  number of one kind in another's column gives the mark to somebody else;
* an empty cell deletes a grade that is there (`EmptyGrade.DELETES`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from grader.batch.model import Student
from grader.batch.outputs.gradebooks import (
    ClassMarks,
    EmptyGrade,
    Gradebook,
    GradebookLine,
    ReaderRules,
    table,
    text,
)
from grader.intake.display import one_line

POINTS_POSSIBLE = "Points Possible"
COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Section")
_INTEGRATION_ID = COLUMNS.index("Integration ID")
_POINTS_POSSIBLE = re.compile(r"Points(?= Possible)")
_NUMBER = re.compile(r"\((\d+)\)(?=\s*\Z)")
_NO_ASSIGNMENT = re.compile(r"(Current|Final|Override) (?=Score|Points|Grade|Status)")
_DIGITS = re.compile(r"[1-9]\d{0,18}", re.ASCII)


def column(title: str) -> str:
    """What the column of the marks is called: a title that Canvas takes for one."""
    return _NUMBER.sub(r"[\1]", _NO_ASSIGNMENT.sub(r"\1-", title))


def _about(marks: ClassMarks) -> str:
    title = marks.info.title
    renamed = ""
    if column(title) != title:
        renamed = ", with another spelling:\nCanvas would take the title itself for something else"
    return f"""\
Canvas: Grades > Import. The column is named after the run{renamed}.
To fill an assignment that exists, put its number behind the name in the first line:
"{one_line(column(title))} (1234)". It is the number in the assignment's address."""


def _write(marks: ClassMarks, lines: Sequence[GradebookLine]) -> bytes:
    return table(_rows(marks, lines))


def _rows(marks: ClassMarks, lines: Sequence[GradebookLine]) -> Iterator[list[str]]:
    integrated = any(result.student.integration_id for result in marks.results)
    header = [*COLUMNS, text(column(marks.info.title))]
    points = [f"    {POINTS_POSSIBLE}", *[""] * (len(COLUMNS) - 1), str(marks.info.max_score)]
    people = [[*_person(line.result.student), line.grade] for line in lines]
    for row in (header, points, *people):
        yield row if integrated else row[:_INTEGRATION_ID] + row[_INTEGRATION_ID + 1 :]


def _person(student: Student) -> list[str]:
    """The cells that identify a student. A number stands only in the column of its own kind."""
    return [
        text(_POINTS_POSSIBLE.sub("Points-", student.name)),
        student.canvas_id if _DIGITS.fullmatch(student.canvas_id) else "",
        text(student.sis_id),
        text(student.login or student.email),
        text(student.integration_id),
        text(student.section),
    ]


CANVAS = Gradebook(
    file="canvas.csv",
    rules=ReaderRules(empty_grade=EmptyGrade.DELETES),
    write=_write,
    about=_about,
)
