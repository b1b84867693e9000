"""A CSV file for the import of Canvas's gradebook.

Source: Canvas LMS, ``lib/gradebook_importer.rb`` and "How do I import grades
in the Gradebook?", https://community.canvaslms.com/t5/Instructor-Guide/a/ta-p/807.
What it reads:

* the columns of the person stand first and in this order: ``Student``, ``ID``
  (Canvas's own number), ``SIS User ID``, ``SIS Login ID``, ``Section``;
* every other column is an assignment; ``Title (1234)`` names an existing one
  by its number, an unknown title makes a new one;
* a row whose first cell contains ``Points Possible`` sets what an assignment
  is out of, wherever in the file it stands, so no student's name may say so;
* a person is looked for by ID, then by SIS ID, then by login, then by name;
* an empty cell takes away a grade that is there. A student without a mark is
  therefore left out: a mark entered by hand stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from grader.batch.model import RunInfo, Student, StudentResult
from grader.batch.outputs.cells import table, text
from grader.batch.outputs.standing import mark, number

POINTS_POSSIBLE = "Points Possible"
COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_POINTS_POSSIBLE = re.compile(r"Points(?= Possible)")
_DIGITS = re.compile(r"[1-9]\d{0,18}", re.ASCII)


def render(info: RunInfo, results: Sequence[StudentResult]) -> bytes:
    """The file. Who has no mark is not in it (see above)."""
    return table(_rows(info, results))


def _rows(info: RunInfo, results: Sequence[StudentResult]) -> Iterator[list[str]]:
    yield [*COLUMNS, text(info.title)]
    yield [f"    {POINTS_POSSIBLE}", "", "", "", "", str(info.max_score)]
    for result in results:
        given = mark(result, info)
        if given is not None:
            yield [*_person(result.student), number(given.points)]


def _person(student: Student) -> list[str]:
    """The five cells that say who it is.

    A roster has the institution's identifier; without one, the identifier is
    the number in the name of a file that Canvas gave out. They are kept apart,
    because the one could be somebody else's other.
    """
    name = text(_POINTS_POSSIBLE.sub("Points-", student.name))
    own = "" if student.on_roster or not _DIGITS.fullmatch(student.id) else student.id
    sis = student.id if student.on_roster else ""
    return [name, own, text(sis), text(student.email), ""]
