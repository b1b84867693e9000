"""How Canvas and Moodle read a gradebook: models of their importers, as far as marks go.

Written after ``lib/gradebook_importer.rb`` (Canvas LMS),
``grade/import/csv/classes/load_data.php`` and
``mod/assign/feedback/offline/importgradeslib.php`` (Moodle), with their traps.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field


class ImportRefused(Exception):
    """The whole import ends."""


@dataclass
class Person:
    """An account of the LMS."""

    name: str
    canvas_id: int = 0
    sis: str = ""
    login: str = ""
    participant: str = ""
    grade: str | None = None
    feedback: str = ""


@dataclass
class Canvas:
    """A course of Canvas."""

    people: list[Person]
    assignments: dict[int, str] = field(default_factory=dict)
    """Titles of those that there are, by number."""
    filled: str = ""
    """The title of the assignment that took the marks; a new one where there is none like it."""
    points_possible: dict[str, str] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)

    def load(self, data: bytes) -> None:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
        header = lines[0]
        if not (len(header) > 3 and "Student" in header[0] and "ID" in header[1]):
            raise ImportRefused("Invalid header row")
        if not re.search(r"SIS\s+User\s+ID", header[2]):
            raise ImportRefused("no SIS User ID")
        last = 5 if re.search(r"Integration\s+ID", header[4]) else 4
        if not re.search(r"SIS\s+Login\s+ID", header[3]) or "Section" not in header[last]:
            raise ImportRefused("Invalid header row")
        (grade,) = range(last + 1, len(header))
        self.filled = self._assignment(header[grade])
        for row in lines[1:]:
            if "Points Possible" in row[0]:
                self.points_possible[header[grade]] = row[grade]
                continue
            person = self._find(row)
            if person is None:
                self.strangers.append(row[0])
            else:
                person.grade = row[grade].strip() or None

    def _assignment(self, title: str) -> str:
        if re.search("(Current|Final|Override) (Score|Points|Grade)|Override Status", title):
            raise ImportRefused("no assignment")
        numbered = re.fullmatch(r"(.*)\s\((\d+)\)", title)
        if numbered and int(numbered[2]) in self.assignments:
            return self.assignments[int(numbered[2])]
        if title in self.assignments.values() or not numbered:
            return title
        return numbered[1]

    def _find(self, row: list[str]) -> Person | None:
        # Ruby's to_i: the digits that a text begins with.
        number = int((re.match(r"\d+", row[1]) or re.match("", "") or ["0"])[0] or 0)
        looked = [
            [p for p in self.people if number and p.canvas_id == number],
            [p for p in self.people if row[2] and p.sis == row[2]],
            [p for p in self.people if row[3] and p.login == row[3]],
            [p for p in self.people if p.name == row[0]],
        ]
        return next((found[0] for found in looked if found), None)


@dataclass
class Moodle:
    """A course of Moodle. ``by`` is the field that the teacher identifies users by."""

    people: list[Person]
    by: str

    def load(self, data: bytes) -> None:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
        header = lines[0]
        column = header.index({"login": "Email address", "sis": "ID number"}[self.by])
        meant: Person | None = None
        for row in lines[1:]:
            if row[column]:
                found = [p for p in self.people if getattr(p, self.by) == row[column]]
                if not found:
                    raise ImportRefused(f"user not found: {row[column]}")
                meant = found[0]
            # With an empty cell the person of the row before stays the one who is meant.
            if meant is None:
                raise ImportRefused("no user")
            grade = row[2]
            if grade in ("", "-"):
                meant.grade = None
            elif float(grade) > 100:
                raise ImportRefused("grade value too big")
            else:
                meant.grade = grade
            meant.feedback = row[3]


@dataclass
class Worksheet:
    """One assignment of Moodle, whose grading worksheet is uploaded."""

    people: list[Person]
    maximum: float = 100

    def load(self, data: bytes) -> None:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
        header = lines[0]
        try:
            who, grade, when, feedback = (
                header.index(each)
                for each in (
                    "Identifier", "Grade", "Last modified (grade)", "Feedback comments",
                )
            )  # fmt: skip
        except ValueError as error:
            raise ImportRefused("the worksheet can't be read") from error
        for row in lines[1:]:
            # Whatever stands there: so many characters are taken away.
            number = row[who][len("Participant ") :]
            found = [p for p in self.people if p.participant and p.participant == number]
            if not found or row[grade] == "" or not 0 <= float(row[grade]) <= self.maximum:
                continue
            if found[0].grade is not None and not row[when]:
                continue  # modified later than in the worksheet
            found[0].grade, found[0].feedback = row[grade], row[feedback]
