"""Who is who: claims that names make, matched with the class list, and keys for all."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from grader.batch.collect.names import Claim
from grader.batch.collect.roster import RosterStudent
from grader.batch.model import Student
from grader.intake.display import one_line

MAX_KEY: Final = 60
_DEVICE_NAMES: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)")


def normal(name: str) -> str:
    """Letters and digits of a name, without case: how two spellings are compared."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(char for char in decomposed if char.isalnum())


def slug(name: str) -> str:
    """A name as part of a file name: ``[a-z0-9._-]``; never empty."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9_-]+", "-", ascii_only.lower()).strip("-_.")[:MAX_KEY].rstrip("-_.")
    if not plain or (len(plain) < 2 < len(name)) or _DEVICE_NAMES.fullmatch(plain):
        # Nothing, or next to nothing, of it can be written in ASCII.
        return f"student-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:10]}"
    return plain


class Register:
    """The class list, by everything that a file's name may have of a student."""

    def __init__(self, roster: Sequence[RosterStudent]) -> None:
        self.roster = roster
        self._by_id = _index(roster, lambda each: [each.id])
        self._by_name = _index(roster, _spellings)
        self._by_repository = _index(roster, lambda each: [_last(each.repository)])
        self._by_email = _index(roster, lambda each: [each.email, each.email.partition("@")[0]])

    def find(self, claim: Claim) -> RosterStudent | None:
        """The one line of the list that a claim fits; None where none does, or several.

        An identifier decides alone: a name can be alike by chance.
        """
        if claim.id and (found := self._by_id.get(normal(claim.id))):
            return found[0] if len(found) == 1 else None
        wanted = normal(claim.name)
        if not wanted:
            return None
        for index in (self._by_repository, self._by_name, self._by_id, self._by_email):
            if found := index.get(wanted):
                return found[0] if len(found) == 1 else None
        return self._by_suffix(claim.name)

    def _by_suffix(self, name: str) -> RosterStudent | None:
        """GitHub Classroom names a repository ``<assignment>-<username>``."""
        lower = name.lower()
        found = [
            each
            for each in self.roster
            if each.repository and lower.endswith(f"-{_last(each.repository).lower()}")
        ]
        return found[0] if len(found) == 1 else None


def _index(roster: Sequence[RosterStudent], values: object) -> dict[str, list[RosterStudent]]:
    assert callable(values)
    index: dict[str, list[RosterStudent]] = defaultdict(list)
    for student in roster:
        for value in {normal(value) for value in values(student)}:
            if value:
                index[value].append(student)
    return index


def _spellings(student: RosterStudent) -> Iterable[str]:
    """``Doe, Jane`` is also ``Jane Doe``; of two words either may come first."""
    family, comma, given = student.name.partition(",")
    yield student.name
    if comma:
        yield given + family
    else:
        words = student.name.split()
        yield "".join([*words[-1:], *words[:-1]])


def _last(repository: str) -> str:
    return repository.rstrip("/").rpartition("/")[2].removesuffix(".git")


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
    lateness = claim.lateness
    if listed is not None and listed.lateness != "unknown":
        lateness = listed.lateness
    name = (listed.name if listed else "") or claim.name
    identifier = (listed.id if listed else "") or claim.id
    return Student(
        key=keys.take(name=name, id=identifier),
        name=one_line(name),
        id=one_line(identifier),
        email=one_line(listed.email) if listed else "",
        repository=one_line(listed.repository) if listed else "",
        lateness=lateness,
        on_roster=listed is not None,
    )


def student_without_work(listed: RosterStudent, keys: Keys) -> Student:
    """A student of the class list who handed in nothing."""
    name = listed.name or listed.email or listed.repository or listed.id
    return Student(
        key=keys.take(name=name, id=listed.id),
        name=one_line(name),
        id=one_line(listed.id),
        email=one_line(listed.email),
        repository=one_line(listed.repository),
        lateness="unknown",
        on_roster=True,
    )
