"""Which of a student's files is meant: an order, the last of which counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grader.batch.collect.entry import Entry, stem
from grader.batch.collect.names import Claim, times_uploaded

_NOT_THE_STUDENTS: Final = frozenset(
    {"solution", "solutions", "reference", "references", "test", "tests", "examples", "build"}
)
_BY_TIME: Final = "is taken as the latest, by its time or name alone"


@dataclass(frozen=True, kw_only=True)
class HandedIn:
    """One file with what its name says about it."""

    entry: Entry
    claim: Claim


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A student's attempts."""

    files: Sequence[HandedIn]
    """In the order of handing in: the last one counts."""
    doubt: str = ""
    """How the last one was chosen, where another could be meant; to go behind its name."""


def attempts(files: Sequence[HandedIn], puzzle: str) -> Choice:
    """The files that are attempts at a puzzle.

    Files named after the puzzle are attempts; where there is none, every Mojo
    source is. What lies in a folder such as ``solutions`` is the course's, where
    there is anything else. Of several, the one with the very name of the puzzle is
    meant; then the least deep, the system's own numbers and the times decide.

    A file beside the student's folder that is named after the student is an attempt,
    too. Of it and those in the folder the latest counts.
    """
    beside = sorted(
        (each for each in files if each.claim.alone and each.entry.is_mojo), key=_by_time
    )
    inside = _inside([each for each in files if not each.claim.alone], puzzle)
    if not beside:
        return inside
    if not inside.files:
        return Choice(files=beside, doubt=_BY_TIME if len(beside) > 1 else "")
    if beside[-1].entry.modified >= inside.files[-1].entry.modified:
        return Choice(files=[*inside.files, *beside], doubt=_BY_TIME)
    return Choice(files=[*beside, *inside.files], doubt=_BY_TIME)


def _inside(files: Sequence[HandedIn], puzzle: str) -> Choice:
    sources = [each for each in files if each.entry.is_mojo]
    sources = [each for each in sources if _is_the_students(each.claim.file)] or sources
    named = [each for each in sources if _is_named(each.claim.file, puzzle)]
    found = sorted(named or sources, key=lambda each: (_place(each, puzzle), *_by_time(each)))
    return Choice(files=found, doubt=_doubt(found, puzzle) if len(found) > 1 else "")


def _doubt(found: Sequence[HandedIn], puzzle: str) -> str:
    """What decided for the last of several; empty where only Canvas's numbers did."""
    *others, last = found
    if _place(others[-1], puzzle) == _place(last, puzzle):
        return _BY_TIME
    name, _ = _name(last.claim)
    if any(_name(each.claim)[0] != name for each in others):
        why = "it has the puzzle's own name" if name == puzzle else "it is the least deep or latest"
        return f"is taken, for {why}; there are files with other names"
    if any(_depth(each.claim) > _depth(last.claim) for each in others):
        return "is taken, for it is the least deep"
    return ""


def _place(file: HandedIn, puzzle: str) -> tuple[bool, int, int, int]:
    name, times = _name(file.claim)
    return name == puzzle, -_depth(file.claim), file.claim.number, times


def _depth(claim: Claim) -> int:
    return claim.file.count("/")


def _by_time(file: HandedIn) -> tuple[float, str]:
    return file.entry.modified, file.entry.source


def _name(claim: Claim) -> tuple[str, int]:
    """The name that the student gave, without case and suffix; how often Canvas had it before."""
    name, times = claim.file.rpartition("/")[2], 0
    if claim.number:
        # Only Canvas adds to a name; elsewhere `conv1d-2.mojo` is what the student called it.
        name, times = times_uploaded(name)
    return stem(name).lower(), times


def _is_named(file: str, puzzle: str) -> bool:
    name = stem(file.rpartition("/")[2]).lower()
    return puzzle in name and not name.startswith("test")


def _is_the_students(file: str) -> bool:
    return not _NOT_THE_STUDENTS.intersection(file.lower().split("/")[:-1])
