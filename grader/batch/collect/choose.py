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


@dataclass(frozen=True, kw_only=True)
class HandedIn:
    """One file with what its name says about it."""

    entry: Entry
    claim: Claim


def attempts(files: Sequence[HandedIn], puzzle: str) -> tuple[list[HandedIn], bool]:
    """The files that are attempts at a puzzle, in the order of handing in: the last one counts.

    Files named after the puzzle are attempts; where there is none, every Mojo
    source is. What lies in a folder such as ``solutions`` is the course's, where
    there is anything else. Of several, the least deep is meant; then the system's
    own numbers, the very name of the puzzle, and the times decide.

    Returns:
        The attempts, and whether nothing but the time of a file or its name said
        which one is the last.
    """
    sources = [each for each in files if each.entry.is_mojo]
    sources = [each for each in sources if _is_the_students(each.claim.file)] or sources
    named = [each for each in sources if _is_named(each.claim.file, puzzle)]

    def place(file: HandedIn) -> tuple[int, int, int, bool]:
        name, times = times_uploaded(file.claim.file)
        exact = stem(name.rpartition("/")[2]).lower() == puzzle
        return -file.claim.file.count("/"), file.claim.number, times, exact

    found = sorted(
        named or sources, key=lambda each: (place(each), each.entry.modified, each.entry.source)
    )
    return found, len(found) > 1 and place(found[-1]) == place(found[-2])


def _is_named(file: str, puzzle: str) -> bool:
    name = stem(file.rpartition("/")[2]).lower()
    return puzzle in name and not name.startswith("test")


def _is_the_students(file: str) -> bool:
    return not _NOT_THE_STUDENTS.intersection(file.lower().split("/")[:-1])
