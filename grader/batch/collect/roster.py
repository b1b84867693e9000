"""The class list: a CSV file with a line for each student.

What a spreadsheet program writes is read (`roster_table.py`), with headings in several languages
(`headings.py`); what had to be assumed is told. What can't be told is an error with the
line. Besides a plain list, these exports are understood as they are:
Canvas's gradebook (``Student`` or ``LastName`` and ``FirstName``, ``ID``,
``SIS User ID``, ``SIS Login ID``; ``lib/gradebook_exporter.rb`` in Canvas), Moodle's
grading worksheet (``Identifier``, ``Full name``, ``Email address``), GitHub Classroom's
roster and grades (``identifier``, ``github_username``, ``student_repository_name``).

People have several numbers, and the same number may be one person's in one system
and another's in the next. So each kind has a field of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from grader.batch.collect.roster_table import columns_of, error_at, is_heading, is_ours, read_table
from grader.batch.collect.spelling import folded, plain
from grader.batch.model import Lateness
from grader.errors import UsageError
from grader.intake.display import one_line

MAX_BYTES: Final = 64 * 1024 * 1024
_IDS: Final = ("id", "number", "sis_id", "canvas_id", "participant")
_WHO: Final = (*_IDS, "name", "email", "login", "repository", "account")
_ALONE: Final = ("email", "login", "integration_id")
"""What a gradebook finds people by: useless where two people have the same."""
_FIELDS: Final = (*_WHO, "integration_id", "section")
_LATE: Final = frozenset(
    {"late", "yes", "y", "true", "x", "t", "ja", "wahr", "verspätet", "oui", "vrai", "en retard"}
    | {"sí", "si", "verdadero", "vero", "sim", "waar"}
)
_ON_TIME: Final = frozenset(
    {"on time", "no", "n", "false", "f", "-", "nein", "falsch", "pünktlich", "non", "faux"}
    | {"à l'heure", "falso", "não", "nee", "onwaar"}
)
# What Canvas writes below the names of assignments whose grades nobody sees yet.
_NOT_POSTED: Final = re.compile(r"(?:muted|manual posting.*)?", re.IGNORECASE)
# Moodle's worksheet has "Participant 12" where its downloads have 12.
_PARTICIPANT: Final = re.compile(
    r"(?:participante?|teilnehmer(?:/in|\*in|:in|in)?|partecipante|deelnemer|deltagare)"
    r"\s*([0-9]{1,20})",
    re.IGNORECASE,
)
_PLAIN_NUMBER: Final = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,6})?")


class RosterStudent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the class list."""

    line: int
    """Where it stands in the file, from 1."""
    id: str = ""
    """As the list's column ``id`` has it: the institution's, unless the class shows otherwise."""
    number: str = ""
    """A number from a column that does not say who numbers people so."""
    sis_id: str = ""
    """The institution's own: Canvas's SIS user ID, Moodle's ID number."""
    canvas_id: str = ""
    """Canvas's own number of the person."""
    participant: str = ""
    """Moodle's number of the person within one assignment."""
    name: str = ""
    email: str = ""
    login: str = ""
    """The name that the person logs in to Canvas with (SIS login ID)."""
    integration_id: str = ""
    section: str = ""
    repository: str = ""
    """Name or address of a repository or folder, or only how it ends; a team's has several."""
    account: str = ""
    """On GitHub, or wherever folders are named after."""
    lateness: Lateness = "unknown"
    days_late: float = 0.0
    """How many days late; 0 where the list does not say. A 1 may only mean "yes"."""


@dataclass(frozen=True, kw_only=True)
class Roster:
    """A class list."""

    students: Sequence[RosterStudent] = ()
    notes: Sequence[str] = ()
    """What was assumed in reading it, a sentence each."""


def read_roster(path: Path) -> Roster:
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


def parse_roster(data: bytes, *, shown: str) -> Roster:
    """The class list in some bytes; ``shown`` names it in errors. Raises `UsageError`."""
    if len(data) > MAX_BYTES:
        raise UsageError(f"{shown} is larger than {MAX_BYTES >> 20} MB", remedy="Check --roster.")
    table = read_table(data, shown=shown, is_heading=is_heading)
    reader = _RosterReader(shown)
    students = reader.students(table.rows)
    return Roster(students=students, notes=[*table.notes, *reader.notes])


class _RosterReader:
    def __init__(self, shown: str) -> None:
        self.notes: list[str] = []
        self._shown = shown
        self._of_canvas = False

    def students(self, rows: Sequence[tuple[int, Sequence[str]]]) -> list[RosterStudent]:
        line, header = rows[0] if rows else (1, ())
        columns = self._columns(line, header, [cells for _, cells in rows[1:]])
        people = _People(self._error)
        for line, cells in rows[1:]:
            if len(cells) > len(header) and any(cells[len(header) :]):
                raise self._error(
                    line,
                    f"has {len(cells)} cells, but the header has {len(header)}",
                    "Put cells that hold the delimiter into quotation marks.",
                )
            student = self._student(line, columns, cells)
            if student is not None:
                people.add(student)
        if not people.students:
            raise UsageError(
                f"{self._shown} lists no students", remedy="Add a line for each student."
            )
        apart = list(people.apart())
        self.notes += people.notes
        return apart

    def _columns(
        self, line: int, header: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> dict[str, int]:
        columns = {}
        for field, at in columns_of(header).items():
            if len(at) > 1 and field != "section":
                raise self._error(line, f"has two columns {header[at[0]]!r}", "Rename one of them.")
            columns[field] = at[0]
        headings = {folded(cell) for cell in header}
        if "id" in columns and headings & {"sisloginid", "sisuserid"}:
            self._of_canvas = True
            columns["canvas_id"] = columns.pop("id")
        if not columns.keys() & {*_WHO, "family", "names"}:
            raise self._error(
                line,
                f"names no column that says who is meant: {one_line(', '.join(header))}",
                "The first line must be a header with some of: id, name, email, repository, late.",
            )
        if "names" in columns:
            self._settle_names(columns, header, rows)
        foreign = [header[at] for at in columns.values() if not is_ours(header[at])]
        if foreign:
            read = [f"{header[at]!r} as {_TOLD.get(field, field)}" for field, at in columns.items()
                    if header[at] in foreign]  # fmt: skip
            self.notes.append(f"of {self._shown} was read: {one_line(', '.join(read), limit=400)}")
        return columns

    def _settle_names(
        self, columns: dict[str, int], header: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> None:
        """Decide whether a column ``Name`` holds whole names, or what another column lacks."""
        at = columns.pop("names")
        other = next((field for field in ("given", "family") if field in columns), None)
        if "name" in columns or {"given", "family"} <= columns.keys():
            return
        if other is None:
            columns["name"] = at
            return
        both = [(row[at], row[columns[other]]) for row in rows if len(row) > max(columns.values())]
        if all(plain(part) in plain(name) for name, part in both if name and part):
            columns["name"] = at
            return
        part = "family" if other == "given" else "given"
        columns[part] = at
        self.notes.append(
            f"the column {header[at]!r} of {self._shown} was read as the {part} name, because "
            f"{header[columns[other]]!r} stands beside it"
        )

    def _student(
        self, line: int, columns: dict[str, int], cells: Sequence[str]
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
            days_late=_days(values.get("late", "")),
            **{field: values.get(field, "") for field in _FIELDS if field != "name"},
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
        said = text.lower().replace("\u2019", "'")
        if not said:
            return "unknown"
        if said in _LATE:
            return "late"
        if said in _ON_TIME:
            return "on time"
        if _PLAIN_NUMBER.fullmatch(said):
            return "late" if _number(said) > 0 else "on time"
        raise self._error(
            line,
            f"has {one_line(text, limit=60)!r} in the column late",
            "Write yes or no, late or on time, or by how many days.",
        )

    def _error(self, line: int, what: str, remedy: str) -> UsageError:
        return error_at(self._shown, line, what, remedy)


class _People:
    """The lines of a list, one for each person."""

    def __init__(self, error: Callable[[int, str, str], UsageError]) -> None:
        self.students: list[RosterStudent] = []
        self.notes: list[str] = []
        self._error = error
        self._known: dict[tuple[str, str], int] = {}

    def add(self, student: RosterStudent) -> None:
        """Add a line, which may be the second one of a person."""
        marks = [(kind, value) for kind in _IDS if (value := getattr(student, kind))]
        at = next((self._known[mark] for mark in marks if mark in self._known), None)
        if at is None and student.email:
            same = self._known.get(("email", student.email.lower()))
            if same is not None and not _differences(self.students[same], student):
                at = same
        if at is None:
            at = len(self.students)
            self.students.append(student)
        else:
            self.students[at] = self._joined(self.students[at], student)
        for mark in marks:
            if self._known.setdefault(mark, at) != at:
                first = self.students[self._known[mark]]
                raise self._repeated(student.line, mark[1], first.line, "other lines' numbers")
        if student.email:
            self._known.setdefault(("email", student.email.lower()), at)

    def _joined(self, first: RosterStudent, second: RosterStudent) -> RosterStudent:
        if different := _differences(first, second):
            shared = next(
                value for kind in _IDS
                if (value := getattr(second, kind)) and value == getattr(first, kind)
            )  # fmt: skip
            raise self._repeated(second.line, shared, first.line, different)
        self.notes.append(
            f"lines {first.line} and {second.line} of the roster are of one person, "
            f"{_called(first)}: taken once"
        )
        sections = dict.fromkeys(each for each in (first.section, second.section) if each)
        lateness = second.lateness if first.lateness == "unknown" else first.lateness
        return RosterStudent(
            line=first.line,
            lateness=lateness,
            days_late=max(first.days_late, second.days_late),
            **{
                **{field: getattr(first, field) or getattr(second, field) for field in _FIELDS},
                "section": ", ".join(sections),
            },
        )

    def _repeated(self, line: int, value: str, first: int, different: str) -> UsageError:
        return self._error(
            line,
            f"repeats the id {one_line(value)} of line {first}, but not its {different}",
            "Take one line away if it is one person; else correct the id.",
        )

    def apart(self) -> Iterator[RosterStudent]:
        """Everybody, without identifiers that two of them have and only one can have."""
        owners: dict[tuple[str, str], list[RosterStudent]] = {}
        for student in self.students:
            for field in _ALONE:
                if value := getattr(student, field).lower():
                    owners.setdefault((field, value), []).append(student)
        shared = {mark: people for mark, people in owners.items() if len(people) > 1}
        for (field, value), people in shared.items():
            lines = ", ".join(f"{each.line} ({_called(each)})" for each in people[:5])
            self.notes.append(
                f"the {_TOLD.get(field, field)} {one_line(value, limit=60)} stands in lines "
                f"{lines} of the roster: it can't say who is meant, and was left out of them. "
                "Correct the wrong one, or take a line away if it is one person"
            )
        for student in self.students:
            left_out = {
                field: "" for field in _ALONE if (field, getattr(student, field).lower()) in shared
            }
            yield msgspec.structs.replace(student, **left_out)


_TOLD: Final = {
    "email": "e-mail address",
    "integration_id": "integration ID",
    "sis_id": "the institution's number",
    "canvas_id": "Canvas's number",
    "participant": "Moodle's participant number",
    "number": "a number",
    "family": "family name",
    "given": "given name",
}


def _called(student: RosterStudent) -> str:
    who = next((value for field in ("name", *_WHO) if (value := getattr(student, field))), "")
    return one_line(who, limit=60)


def _days(text: str) -> float:
    days = _number(text) if _PLAIN_NUMBER.fullmatch(text) else 0.0
    return days if days > 0 and days != 1 else 0.0


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _differences(first: RosterStudent, second: RosterStudent) -> str:
    """What two lines contradict each other in, if they do: then they are hardly one person."""
    different = [
        _TOLD.get(field, field)
        for field in (*_WHO, "integration_id")
        if (one := getattr(first, field))
        and (other := getattr(second, field))
        and (plain(one) != plain(other) if field == "name" else one.lower() != other.lower())
    ]
    if "unknown" not in (first.lateness, second.lateness) and first.lateness != second.lateness:
        different.append("lateness")
    return " and ".join(different)
