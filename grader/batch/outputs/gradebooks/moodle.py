"""Two CSV files for Moodle: for its gradebook, and the grading worksheet of one assignment.

The gradebook's import. Source: Moodle, ``grade/import/csv/classes/load_data.php``, and "Grade
import", https://docs.moodle.org/en/Grade_import. What it does:

* the teacher says which column identifies the person: e-mail address, ID
  number, username or Moodle's own number. The ID number is the institution's.
  The participant number in the names of Moodle's downloads is none of these and
  counts within one assignment only: the worksheet is for that. Nor is a name;
* a person who is not found ends the whole import;
* in a row whose identifying cell is empty, the person of the row **before**
  stays the one who is meant, and gets the grade. So the file has one
  identifying column only, and nobody in it whose cell is empty;
* no grade (an empty cell or ``-``) deletes a grade that is there (`EmptyGrade.DELETES`);
* one grade above 100 ends the whole import, unless the site allows for more;
* PHP reads a backslash before a quote as an escape, so there are none.

The grading worksheet. Source: Moodle, ``mod/assign/feedback/offline/importgradeslib.php`` and
``locallib.php``, and "Assignment activity", https://docs.moodle.org/en/Offline_grading_worksheet.
What it does:

* needed are the columns ``Identifier``, ``Grade`` and ``Last modified (grade)``, called
  so in English; ``Feedback comments`` is taken where that feedback is switched on;
* a person is known by ``Participant 12`` in the column ``Identifier``, with the number
  that the names of the assignment's download have, blind marking included. It means
  another person in each assignment, so the file fits the one of the download only;
* with no time in ``Last modified (grade)``, a grade that is there already stays, unless
  the teacher ticks that records modified more recently are to be updated as well;
* no grade, or one above the assignment's maximum, is passed over without a word.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.batch.outputs.gradebooks import (
    ClassMarks,
    EmptyGrade,
    Gradebook,
    GradebookLine,
    Identifier,
    ReaderRules,
    table,
)
from grader.intake.display import one_line

EMAIL = Identifier(article="an", name="Email address", of=lambda student: student.email)
ID_NUMBER = Identifier(article="an", name="ID number", of=lambda student: student.sis_id)
PARTICIPANT = Identifier(
    article="a",
    name="participant number",
    of=lambda student: f"Participant {student.participant}" if student.participant else "",
)
WORKSHEET_COLUMNS = (
    "Identifier",
    "Full name",
    "Grade",
    "Maximum grade",
    "Last modified (grade)",
    "Feedback comments",
)


def identified_by(marks: ClassMarks) -> Identifier:
    """The identifier that more students have; the e-mail address where both are as common."""
    students = [result.student for result in marks.results]
    emails, numbers = (
        sum(bool(each.of(student).strip()) for student in students) for each in (EMAIL, ID_NUMBER)
    )
    return ID_NUMBER if numbers > emails else EMAIL


def _write(marks: ClassMarks, lines: Sequence[GradebookLine]) -> bytes:
    cell = MOODLE.rules.cell
    header = [identified_by(marks).name, "Full name", cell(marks.info.title), "Feedback"]
    return table(
        [
            header,
            *(
                [line.identifier, cell(line.result.student.name), line.grade, line.feedback]
                for line in lines
            ),
        ]
    )


def _about(marks: ClassMarks) -> str:
    return f"""\
Moodle: Grades > Import > CSV file. Identify users by: {identified_by(marks).name.lower()}. Map
"{one_line(marks.info.title)}" to the grade item and "Feedback" to its feedback."""


def _write_worksheet(marks: ClassMarks, lines: Sequence[GradebookLine]) -> bytes:
    cell, most = WORKSHEET.rules.cell, str(marks.info.max_score)
    return table(
        [
            WORKSHEET_COLUMNS,
            *(
                [
                    line.identifier,
                    cell(line.result.student.name),
                    line.grade,
                    most,
                    "",
                    line.feedback,
                ]
                for line in lines
            ),
        ]
    )


def _about_worksheet(marks: ClassMarks) -> str:
    return f"""\
For the one assignment in Moodle that the download is of, by the numbers in the
names of its files: View all submissions > Upload grading worksheet. Feedback
types of the assignment must include the offline grading worksheet, its maximum
grade be {marks.info.max_score}, and your language in Moodle English. Grades that are there
already stay unless you tick "Allow updating records"."""


MOODLE = Gradebook(
    file="moodle.csv",
    # `gradevaluetoobig`: 100 is the largest grade that every Moodle takes.
    rules=ReaderRules(empty_grade=EmptyGrade.DELETES, largest=100, escapes="\\"),
    write=_write,
    about=_about,
    identifier=identified_by,
)
WORKSHEET = Gradebook(
    file="moodle-worksheet.csv",
    rules=ReaderRules(empty_grade=EmptyGrade.KEEPS, largest=0, escapes="\\"),
    write=_write_worksheet,
    about=_about_worksheet,
    identifier=lambda _marks: PARTICIPANT,
    optional=True,
)
