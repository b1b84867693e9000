"""Whose a file is, by the name that a learning management system gave it; students made of that.

A student is made of what a name claims and of the line in the class list.

Canvas puts all files into one folder, named
``<name>[_LATE]_<user id>_<attachment id>_<file>``, where the name is the sortable
name (or the group's) in small letters with all but letters, digits and
underscores left out; ``anon_<id>`` stands for name and id where marking is
anonymous; what was typed in or linked ends in ``_text.html`` or ``_link.html``
without an attachment. A file that the student uploaded again gets ``-1``, ``-2``
before its suffix. Only the files of a student's current attempt are there, so the
attachment's number says in which order those of one attempt were uploaded. Source:
``zip_assignment`` and below in Canvas's ``lib/content_zipper.rb``,
``make_unique_filename`` in its ``app/models/attachment.rb``
(github.com/instructure/canvas-lms).

Moodle makes a folder for each student, named
``<full name>_<participant>_assignsubmission_<plugin>`` (before 4.1 with one more
underscore at the end), with the plugins ``file`` and ``onlinetext``; or, if the
teacher turned folders off, puts the same in front of each file. Underscores of
the name have become spaces, a group's folder may lack the number, and a
student's own folders keep their names below. Source: ``mod/assign/classes/downloader.php``
(github.com/moodle/moodle).

A student chooses the end of these names and nothing before it, so the leftmost
match decides.

GitHub Classroom names a repository ``<assignment>-<account>``. Both parts may hold dashes, so
``hw1-mary-ann`` can be Ann's of ``hw1-mary`` or Mary-Ann's of ``hw1``. What all folders of a class
begin with tells the assignment.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from grader.batch.collect.roster import RosterStudent
from grader.batch.model import Lateness, Student
from grader.intake.display import one_line

System = Literal["Canvas", "Moodle"]

_CANVAS: Final = re.compile(
    r"(?P<name>[^/]{0,200}?)(?P<late>_LATE)?_(?P<id>[0-9]{1,20})_(?P<number>[0-9]{1,20})_(?P<file>[^/]+)"
)
_CANVAS_ANONYMOUS: Final = re.compile(
    r"(?P<late>LATE_)?(?P<name>anon)_(?P<id>[A-Za-z0-9]{1,20})_(?P<number>[0-9]{1,20})_(?P<file>[^/]+)"
)
_CANVAS_TYPED: Final = re.compile(
    r"(?P<name>[^/]{0,200}?)(?P<late>_LATE)?_(?P<id>[0-9]{1,20})_(?P<file>(?:text|link)\.html)"
)
_MOODLE: Final = re.compile(
    r"(?P<name>[^/_]{1,300})(?:_(?P<id>[0-9]{1,20}))?_assignsubmission_(?P<plugin>[a-z]{1,30})"
    r"(?:_(?P<file>[^/]*))?"
)
_FEWEST: Final = 3
"""So many names of a system must be there before one without is taken for a stray."""
_AGAIN: Final = re.compile(r"-([0-9]{1,3})(?=\.[^.]+(?:\.txt)?\Z)")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a name says about a file."""

    name: str
    """The student's name, as far as the system gives it."""
    file: str
    """Path or name that the student gave."""
    id: str = ""
    """The system's identifier of the student."""
    numbered_by: System | None = None
    """The system that gave the person this `id`; None where it does not stand for a person, as in
    anonymous marking."""
    lateness: Lateness = "unknown"
    number: int = 0
    """Canvas's number of the file: grows with the time of upload, within one attempt. Else 0."""
    alone: bool = False
    """Whether the file itself, and no folder around it, is named after the student."""


@dataclass(frozen=True, kw_only=True)
class RecognisedNames:
    """Which system a set of file names was recognised as."""

    system: System | None
    """Who gave the names; None where the students or the instructor did."""
    strays: bool = False
    """Whether some names do not look like the system's."""
    like: System | None = None
    """Whose names many look like where no system was recognised."""

    def claim(self, path: tuple[str, ...]) -> Claim | None:
        """What a file's name says; None where the system does not name files so."""
        if self.system == "Canvas":
            return canvas(path)
        if self.system == "Moodle" and (not self.strays or _depth(path, "Moodle") == 0):
            return moodle(path)
        return None


def recognise(paths: Sequence[tuple[str, ...]]) -> RecognisedNames:
    """The system that named these files.

    All of them fit at one depth, or the large majority of what lies at the top:
    three quarters and not less than three. A folder there counts once, however many
    files are in it and whatever they are called: what one student hands in decides
    nothing for the others. Between a quarter and three quarters it is said that names look
    like a system's.
    """
    systems: tuple[System, ...] = ("Canvas", "Moodle")
    for system in systems:
        depths = {_depth(path, system) for path in paths}
        if len(depths) == 1 and None not in depths:
            return RecognisedNames(system=system)
    like: System | None = None
    for system in systems:
        fitting, others = _count(paths, system)
        if fitting >= _FEWEST and fitting >= 3 * others:
            return RecognisedNames(system=system, strays=True)
        if 3 * fitting >= others and fitting > 1:
            like = system
    return RecognisedNames(system=None, like=like)


def _depth(path: tuple[str, ...], system: System) -> int | None:
    """The index of the part of a path that the system named; None where it named none."""
    if system == "Canvas":
        return None if canvas(path) is None else 0
    if moodle(path) is None:
        return None
    return next(at for at, part in enumerate(path) if _MOODLE.fullmatch(part))


def _count(paths: Iterable[tuple[str, ...]], system: System) -> tuple[int, int]:
    """How many of the files and folders at the top fit, and how many do not."""
    tops: dict[str, bool] = defaultdict(lambda: True)
    for path in paths:
        # Below the top a student could choose such a name.
        tops[path[0]] = tops[path[0]] and _depth(path, system) == 0
    fitting = sum(tops.values())
    return fitting, len(tops) - fitting


def canvas(path: tuple[str, ...]) -> Claim | None:
    """What a file's name says; None where Canvas does not name files so."""
    if len(path) != 1:
        return None
    for pattern in (_CANVAS_ANONYMOUS, _CANVAS, _CANVAS_TYPED):
        if match := pattern.fullmatch(path[0]):
            found = match.groupdict()
            return Claim(
                name=found["name"] or found["id"],
                id=found["id"],
                numbered_by=None if pattern is _CANVAS_ANONYMOUS else "Canvas",
                lateness="late" if found["late"] else "on time",
                number=int(found.get("number") or 0),
                file=found["file"],
            )
    return None


def moodle(path: tuple[str, ...]) -> Claim | None:
    """What a file's or folder's name says; None where Moodle does not name them so."""
    for at, part in enumerate(path):
        match = _MOODLE.fullmatch(part)
        if match is None:
            continue
        below = path[at + 1 :]
        file = "/".join(below) if below else match["file"]
        if not file:
            return None
        number = match["id"] or ""
        return Claim(
            name=match["name"], id=number, numbered_by="Moodle" if number else None, file=file
        )
    return None


def times_uploaded(file: str) -> tuple[str, int]:
    """A file's name without Canvas's ``-1``, and that number; 0 where there is none."""
    match = _AGAIN.search(file)
    if match is None:
        return file, 0
    return file[: match.start()] + file[match.end() :], int(match[1])


_ENOUGH_FOLDERS: Final = 3
"""How many names must share their beginning, up to a dash, before it counts as the assignment's:
    fewer may do so by chance, since accounts have dashes too."""


def assignment_prefix(folders: Sequence[str], accounts: Collection[str]) -> str:
    """The common beginning of the names of clones, up to a dash; empty where it is not clear.

    Args:
        folders: Names of folders, in small letters.
        accounts: Those of the class list, in small letters.
    """
    fits = Counter(
        prefix
        for folder in set(folders)
        for prefix, account in splits(folder)
        if account in accounts
    )
    most = max(fits.values(), default=0)
    # Of two that fit as often, the shorter leaves the longer accounts.
    best = sorted((prefix for prefix in fits if fits[prefix] == most), key=len)
    if not best or not all(prefix.startswith(best[0]) for prefix in best):
        return ""
    return best[0] if most > 1 or _is_clear(best[0], folders) else ""


def splits(folder: str) -> Iterator[tuple[str, str]]:
    """Each way to split a name in two at a dash, which stays with the first part."""
    for at, char in enumerate(folder):
        if char == "-" and 0 < at < len(folder) - 1:
            yield folder[: at + 1], folder[at + 1 :]


def _is_clear(prefix: str, folders: Sequence[str]) -> bool:
    """Whether a prefix that only one account fits must be the assignment's all the same."""
    if "-" not in prefix[:-1]:
        return True  # no longer account could be in the folder's name
    names = set(folders)
    shared = [
        before
        for before, _ in splits(min(names, key=len))
        if all(name.startswith(before) for name in names)
    ]
    return len(names) >= _ENOUGH_FOLDERS and shared[-1:] == [prefix]


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
    """Gives each student a key: safe as a file name, and unique on every file system."""

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
