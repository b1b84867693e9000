"""The class list: a CSV file with a line for each student.

Read leniently where nothing can be misunderstood (byte order marks, delimiters,
order and spelling of the columns, blank lines), strictly where it can: an error
names the line. Besides a plain list, these exports are understood as they are:
Canvas's gradebook (``Student`` or ``LastName`` and ``FirstName``, ``ID``,
``SIS User ID``, ``SIS Login ID``; ``lib/gradebook_exporter.rb`` in Canvas), Moodle's
grading worksheet (``Identifier``, ``Full name``, ``Email address``), GitHub Classroom's
roster and grades (``identifier``, ``github_username``, ``student_repository_name``).

People have several numbers, and the same number may be one person's in one system
and another's in the next. So each kind has a field of its own.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from grader.batch.model import Lateness
from grader.errors import UsageError
from grader.intake.display import one_line

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_CELL: Final = 2_000
_DELIMITERS: Final = ",;\t|"
# The column of a value, by what its header is called; the first that is there counts.
_COLUMNS: Final = {
    "id": ("id",),
    "number": ("identifier", "roster identifier", "user id", "number"),
    "sis_id": ("sis user id", "sis id", "id number", "idnumber", "student id", "student number"),
    "canvas_id": ("canvas id", "canvas user id"),
    "participant": ("participant", "participant number", "moodle participant"),
    "name": ("name", "full name", "student", "student name", "display name"),
    "family": ("last name", "lastname", "surname", "family name"),
    "given": ("first name", "firstname", "given name"),
    "email": ("email", "email address", "e mail", "mail"),
    "login": ("sis login id", "login id"),
    "integration_id": ("integration id",),
    "section": ("section",),
    "repository": ("repository", "repo", "student repository name", "student repository url",
                   "folder"),
    "account": ("github username", "github", "username", "login"),
    "late": ("late", "lateness", "is late", "days late"),
}  # fmt: skip
_IDS: Final = ("id", "number", "sis_id", "canvas_id", "participant")
_WHO: Final = (*_IDS, "name", "email", "login", "repository", "account")
_LATE: Final = frozenset({"late", "yes", "y", "true", "x", "t"})
_ON_TIME: Final = frozenset({"on time", "no", "n", "false", "f", "-"})
# What Canvas writes below the names of assignments whose grades nobody sees yet.
_NOT_POSTED: Final = re.compile(r"(?:muted|manual posting.*)?", re.IGNORECASE)
# Moodle's worksheet has "Participant 12" where its downloads have 12.
_PARTICIPANT: Final = re.compile(r"participant\s+([0-9]{1,20})", re.IGNORECASE)
_PLAIN_NUMBER: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")


class RosterStudent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the class list."""

    line: int
    """Where it stands in the file, from 1."""
    id: str = ""
    """As the list's column ``id`` has it: the institution's, unless the class shows otherwise."""
    number: str = ""
    """Of a column that does not say whose number it is."""
    sis_id: str = ""
    """The institution's own: Canvas's SIS user ID, Moodle's ID number."""
    canvas_id: str = ""
    """By which Canvas itself numbers people."""
    participant: str = ""
    """By which Moodle numbers people within one assignment."""
    name: str = ""
    email: str = ""
    login: str = ""
    """By which Canvas's users log in (SIS login ID)."""
    integration_id: str = ""
    section: str = ""
    repository: str = ""
    """Name or address of a repository or folder, or only how it ends; a team's has several."""
    account: str = ""
    """On GitHub, or wherever folders are named after."""
    lateness: Lateness = "unknown"


def read_roster(path: Path) -> list[RosterStudent]:
    """The students of a class list.

    Raises:
        UsageError: with the line, where there is one, and what to correct.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"the roster {path} can't be read: {error.strerror}", remedy="Check --roster."
        ) from error
    return parse_roster(data, shown=one_line(str(path)))


def parse_roster(data: bytes, *, shown: str) -> list[RosterStudent]:
    """The students in a class list's bytes; ``shown`` names it in errors. Raises `UsageError`."""
    if len(data) > MAX_BYTES:
        raise UsageError(f"{shown} is larger than {MAX_BYTES >> 20} MB", remedy="Check --roster.")
    return _Reader(shown).students(_decoded(data, shown))


class _Reader:
    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._of_canvas = False

    def students(self, text: str) -> list[RosterStudent]:
        rows = self._rows(text)
        line, header = next(rows, (1, []))
        columns = self._columns(line, header)
        students: list[RosterStudent] = []
        lines: dict[tuple[str, str], int] = {}
        for line, cells in rows:
            if len(cells) > len(header) and any(cells[len(header) :]):
                raise self._error(
                    line,
                    f"has {len(cells)} cells, but the header has {len(header)}",
                    "Put cells that hold the delimiter into quotation marks.",
                )
            student = self._student(line, columns, cells)
            if student is None:
                continue
            for kind in _IDS:
                value = getattr(student, kind)
                if value and lines.setdefault((kind, value), line) != line:
                    raise self._error(
                        line,
                        f"repeats the id {one_line(value)} of line {lines[kind, value]}",
                        "Each student stands there once.",
                    )
            students.append(student)
        if not students:
            raise UsageError(
                f"{self._shown} lists no students", remedy="Add a line for each student."
            )
        return students

    def _rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """The rows that hold anything, each with the line that it ends in."""
        first = next((line for line in text.splitlines() if line.strip()), "")
        delimiter = max(_DELIMITERS, key=first.count)
        reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._error(
                    reader.line_num,
                    f"is not CSV: {one_line(str(error))}",
                    "Check the quotation marks there, or save it as CSV (UTF-8) again.",
                ) from error
            cells = [cell.strip() for cell in row]
            if any(len(cell) > MAX_CELL for cell in cells):
                raise self._error(
                    reader.line_num, f"has a cell of more than {MAX_CELL} characters",
                    "Check the quotation marks there.",
                )  # fmt: skip
            if any(cells):
                yield reader.line_num, cells

    def _columns(self, line: int, header: list[str]) -> dict[str, int]:
        names = [re.sub(r"[\s_-]+", " ", cell).strip().lower() for cell in header]
        columns = {}
        for value, spellings in _COLUMNS.items():
            found = next((name for name in spellings if name in names), None)
            if found is None:
                continue
            if names.count(found) > 1:
                raise self._error(line, f"has two columns {found!r}", "Rename one of them.")
            columns[value] = names.index(found)
        if "id" in columns and {"sis login id", "sis user id"} & set(names):
            self._of_canvas = True
            columns["canvas_id"] = columns.pop("id")
        if not columns.keys() & {*_WHO, "family"}:
            raise self._error(
                line,
                f"names no column that says who is meant: {one_line(', '.join(header))}",
                "The first line must be a header with some of: id, name, email, repository, late.",
            )
        return columns

    def _student(
        self, line: int, columns: dict[str, int], cells: list[str]
    ) -> RosterStudent | None:
        values = {value: cells[at] if at < len(cells) else "" for value, at in columns.items()}
        name = values.get("name") or " ".join(
            part for part in (values.get("given", ""), values.get("family", "")) if part
        )
        if name.lower() == "points possible" or all(map(_NOT_POSTED.fullmatch, cells)):
            return None  # lines about the assignments in Canvas's gradebook
        for kind in _IDS:
            if match := _PARTICIPANT.fullmatch(values.get(kind, "")):
                values[kind] = ""
                values["participant"] = match[1]
        student = RosterStudent(
            line=line,
            name=name,
            lateness=self._lateness(line, values.get("late", "")),
            **{
                field: values.get(field, "")
                for field in (*_WHO, "integration_id", "section")
                if field != "name"
            },
        )
        if not any(getattr(student, field) for field in _WHO):
            if self._of_canvas:
                return None  # "Manual Posting" in another language
            raise self._error(
                line,
                "does not say who is meant",
                "Fill in an id, a name, an email or a repository.",
            )
        return student

    def _lateness(self, line: int, text: str) -> Lateness:
        plain = text.lower()
        if not plain:
            return "unknown"
        if plain in _LATE:
            return "late"
        if plain in _ON_TIME:
            return "on time"
        if _PLAIN_NUMBER.fullmatch(plain):
            return "late" if float(plain) > 0 else "on time"
        raise self._error(
            line,
            f"has {one_line(text, limit=60)!r} in the column late",
            "Write yes or no, late or on time, or by how many days.",
        )

    def _error(self, line: int, what: str, remedy: str) -> UsageError:
        return UsageError(f"{self._shown}, line {line} {what}", remedy=remedy)


def _decoded(data: bytes, shown: str) -> str:
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"  # Excel's "Unicode text"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{shown}, line {line} is not {'UTF-16' if encoding == 'utf-16' else 'UTF-8'}",
            remedy="Save it as CSV UTF-8 from the spreadsheet program.",
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageError(
            f"{shown}, line {line} holds a NUL character", remedy="Is this a CSV file?"
        )
    return text
