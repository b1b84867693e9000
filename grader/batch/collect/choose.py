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
    source is. Of several, what lies in a folder such as ``solutions`` comes first,
    then what lies deepest; then the system's own numbers and the times decide.

    Returns:
        The attempts, and whether nothing but the time of a file or its name said
        which one is the last.
    """
    sources = [each for each in files if each.entry.is_mojo]
    named = [each for each in sources if _is_named(each.claim.file, puzzle)]
    found = sorted(named or sources, key=_order)
    if len(found) < 2:
        return found, False
    last, before = _place(found[-1]), _place(found[-2])
    return found, last == before


def _is_named(file: str, puzzle: str) -> bool:
    name = stem(file.rpartition("/")[2]).lower()
    return puzzle in name and not name.startswith("test")


def _place(file: HandedIn) -> tuple[bool, int, int, int]:
    folders = file.claim.file.lower().split("/")[:-1]
    return (
        not _NOT_THE_STUDENTS.intersection(folders),
        -len(folders),
        file.claim.number,
        times_uploaded(file.claim.file)[1],
    )


def _order(file: HandedIn) -> tuple[tuple[bool, int, int, int], float, str]:
    return _place(file), file.entry.modified, file.entry.source
