"""Students made of what file names claim and of their line in the class list; a key for each."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from grader.batch.collect.names import Claim
from grader.batch.collect.roster import RosterStudent
from grader.batch.model import Lateness, Student
from grader.intake.display import one_line

MAX_KEY: Final = 60
_DEVICE_NAMES: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)")


def slug(name: str) -> str:
    """A name as part of a file name: ``[a-z0-9._-]``; never empty."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9_-]+", "-", ascii_only.lower()).strip("-_.")[:MAX_KEY].rstrip("-_.")
    if not plain or (len(plain) < 2 < len(name)) or _DEVICE_NAMES.fullmatch(plain):
        # Nothing, or next to nothing, of it can be written in ASCII.
        return f"student-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:10]}"
    return plain


class Keys:
    """Hands out a key for each student: safe as a file name, unique whatever the file system."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, *, name: str, id: str) -> str:
        """A key made of the name and the identifier; the same for the same class."""
        wanted = slug(name)
        if id:
            tail = re.sub(r"[^a-z0-9]+", "", id.lower())[:20]
            wanted = f"{wanted}-{tail}" if tail and tail != wanted else wanted
        key, number = wanted, 1
        while key in self._taken:
            number += 1
            key = f"{wanted}-{number}"
        self._taken.add(key)
        return key


def student_of(claim: Claim, listed: RosterStudent | None, keys: Keys) -> Student:
    """The student of a claim, with what the class list says where it lists them."""
    line = listed or RosterStudent(line=0)
    return _student(
        line,
        keys,
        name=line.name or claim.name,
        id=_shown_id(line) or claim.id,
        lateness=claim.lateness if line.lateness == "unknown" else line.lateness,
        on_roster=listed is not None,
        # The system's own download has the last word on the system's own numbers.
        canvas_id=claim.id if claim.numbered_by == "Canvas" else line.canvas_id,
        participant=claim.id if claim.numbered_by == "Moodle" else line.participant,
    )


def student_without_work(listed: RosterStudent, keys: Keys) -> Student:
    """A student of the class list who handed in nothing."""
    shown = _shown_id(listed) or listed.canvas_id or listed.participant
    return _student(
        listed,
        keys,
        name=listed.name or listed.email or listed.repository or listed.account or shown,
        id=shown,
        lateness=listed.lateness,
        on_roster=True,
        canvas_id=listed.canvas_id,
        participant=listed.participant,
    )


def _shown_id(line: RosterStudent) -> str:
    return line.sis_id or line.id or line.number


def _student(
    line: RosterStudent,
    keys: Keys,
    *,
    name: str,
    id: str,
    lateness: Lateness,
    on_roster: bool,
    canvas_id: str,
    participant: str,
) -> Student:
    return Student(
        key=keys.take(name=name, id=id),
        name=one_line(name),
        id=one_line(id),
        sis_id=one_line(line.sis_id or line.id),
        canvas_id=one_line(canvas_id),
        participant=one_line(participant),
        login=one_line(line.login),
        integration_id=one_line(line.integration_id),
        section=one_line(line.section),
        email=one_line(line.email),
        repository=one_line(line.repository or line.account),
        lateness=lateness,
        days_late=line.days_late if lateness == "late" else 0.0,
        on_roster=on_roster,
    )
