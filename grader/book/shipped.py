"""What the book ships: its puzzles, their places, digests of its files and the code it gives."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from grader.book.digests import SHORT
from grader.decoding import json_as
from grader.errors import GraderFault
from grader.folders import data_directory

if TYPE_CHECKING:
    from grader.model.puzzle import Puzzle


RENUMBERED: Final = "2025-07-30"
"""The day on which the book gave most of its puzzles other numbers."""


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One puzzle of the book, in all its versions."""

    title: str
    number: int
    before: int = 0
    """Its number before `RENUMBERED`; 0 where it was not there yet."""
    ops: Sequence[str] = ()
    """What its files register."""
    functions: Sequence[Sequence[str]] = ()
    """The functions that one file of it declares together: each way that some version has."""
    structs: Sequence[str] = ()
    constants: Sequence[str] = ()

    @property
    def names(self) -> frozenset[str]:
        """All functions and structs of its files."""
        return frozenset(self.structs).union(*self.functions)

    @property
    def called(self) -> str:
        """As people know it: ``puzzle 4, 2D Map``."""
        earlier = f" ({self.before} before {_MOVED})" if self.before not in (0, self.number) else ""
        return f"puzzle {self.number}{earlier}, {self.title}"


_MOVED: Final = "July 30, 2025"
Topics = Mapping[str, Topic]
"""By name: the one that the grader's own puzzle has, where there is one."""


_TWO: Final = 2
"""So many folders and names say more than a name alone: ``p05/p05.mojo``."""


class FilePlace(Enum):
    """Where a file stands, as far as its path tells."""

    ASSIGNED = "assigned"
    """Where the book has the file that is to be filled in."""
    BEFORE = "before"
    """Where it had it; now it has another puzzle's there, so that the path alone says nothing."""
    NEAR = "near"
    """In the folder of the puzzle, under another name or in a folder more or less."""
    ANYWHERE = "anywhere"
    """The path says nothing."""
    ASTRAY = "astray"
    """In the folder of another puzzle which ships a file of that name."""
    ANSWER = "answer"
    """Where the book has its own answer."""
    OTHER = "other"
    """Where the book has the file of another puzzle, or a complete one for another use."""


class Layout:
    """The places of the book's Mojo files, seen from one puzzle.

    Args:
        puzzle: Its places are data of its definition.
        paths: Of all Mojo files that the book has or had.
    """

    def __init__(self, puzzle: Puzzle, paths: Iterable[str]) -> None:
        self.puzzle = puzzle
        self.assigned = tuple(place.task for place in puzzle.book if not place.taken)
        self.before = tuple(place.task for place in puzzle.book if place.taken)
        self.answers = tuple(place.answer for place in puzzle.book if not place.taken)
        self._kinds = {_folded(path): FilePlace.OTHER for path in paths}
        self._kinds |= {_folded(path): FilePlace.ANSWER for path in self.answers}
        self._kinds |= {_folded(path): FilePlace.BEFORE for path in self.before}
        self._kinds |= {_folded(path): FilePlace.ASSIGNED for path in self.assigned}
        self._tails = {
            path[1:]: kind
            for path, kind in sorted(self._kinds.items(), key=_assigned_last)
            if len(path) > _TWO
        }
        names = {path[-1] for path, kind in self._kinds.items() if kind is FilePlace.ASSIGNED}
        self._folders = {
            path[1] for path, kind in self._kinds.items() if kind is FilePlace.ASSIGNED
        }
        self._astray = {
            path[1]
            for path, kind in self._kinds.items()
            if path[-1] in names and len(path) > _TWO and kind is FilePlace.OTHER
        } - self._folders

    @property
    def names(self) -> frozenset[str]:
        """What a file of the puzzle is called, without its suffix."""
        files = {path.rpartition("/")[2].rpartition(".")[0].lower() for path in self.assigned}
        return frozenset({self.puzzle.name, *files})

    @property
    def own(self) -> str:
        """The puzzle's own places, for people: the newest, and others with their editions."""
        if not self.puzzle.book:
            return f"{self.puzzle.name}.mojo"
        newest, *others = self.puzzle.book
        earlier = [f"{each.task} in edition {_span(each.editions)}" for each in others]
        return f"{newest.task} ({', '.join(earlier)})" if earlier else newest.task

    def place(self, path: str) -> FilePlace:
        """Where a file stands, wherever the clone lies: ``jane/clone/problems/p17/op/...``."""
        parts = _folded(path)
        for known in (self._kinds, self._tails):
            for start in range(len(parts) - _TWO + 1):
                if (kind := known.get(parts[start:])) is not None:
                    return kind
        for folder in reversed(parts[:-1]):
            if folder in self._folders:
                return FilePlace.NEAR
            if folder in self._astray:
                return FilePlace.ASTRAY
        return FilePlace.ANYWHERE


def _span(editions: Sequence[str]) -> str:
    """Editions that follow one another, for people."""
    between = " to " if len(editions) > _TWO else " or "
    return between.join(dict.fromkeys((editions[0], editions[-1])))


def _folded(path: str) -> tuple[str, ...]:
    return tuple(path.casefold().split("/"))


def _assigned_last(item: tuple[Sequence[str], FilePlace]) -> bool:
    """What comes last stands: of a tail that several share, the assigned file's place."""
    return item[1] is FilePlace.ASSIGNED


GIVEN: Final = "given.json"
"""Beside the reference kernels of a puzzle."""
BOOK: Final = Path(__file__).parent / "book.json"


class Shipped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the book has, as ``grade puzzles fingerprint`` writes it."""

    until: str
    """Day of the last commit of the first branch that was read."""
    read: Mapping[str, str]
    """The branches that were read, each with its last commit."""
    topics: Topics
    """Its puzzles, each with what its files declare."""
    files: Mapping[str, Sequence[str]]
    """For each Mojo file that the book has or had: digests of all its versions, the oldest
    first."""


class GivenCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the book gives for one puzzle, as ``grade puzzles fingerprint --puzzle`` writes it."""

    until: str
    read: Mapping[str, str]
    given: Mapping[str, Sequence[str]]
    """For each file of the puzzle: digests of the code that its versions give, see
    `grader.book.digests.given_code` and, of a program, `given_kernels`."""
    reads: Sequence[str]
    """Digests of what that code reads of the array with unwritten elements, see
    `grader.book.digests.array_reads`."""


@dataclass(frozen=True, kw_only=True)
class Book:
    """What is known of the book, for one puzzle."""

    layout: Layout
    untouched: frozenset[str]
    """Digests of the file that is to be filled in, as the book ships it."""
    answers: frozenset[str]
    """Digests of the book's own answers to the puzzle."""
    paths: Mapping[str, str]
    """Where the book has a file, by its digest."""
    given: frozenset[str]
    """Digests of the code that the book gives."""
    reads: frozenset[str]
    """Digests of what it reads of the array with unwritten elements."""

    def is_untouched(self, program: str) -> bool:
        """Whether a program is the file to be filled in, of any version."""
        return program[:SHORT] in self.untouched

    def handing_out(self, program: str) -> Book:
        """The book with one more file to be filled in, which a course hands out."""
        return replace(self, untouched=self.untouched | {program[:SHORT]})

    def is_answer(self, program: str) -> bool:
        """Whether a program is an answer that the book publishes."""
        return program[:SHORT] in self.answers

    def ships(self, program: str) -> str:
        """Where the book ships just this program; empty where it does not."""
        return self.paths.get(program[:SHORT], "")

    def gives(self, code: str) -> bool:
        """Whether some version of the book gives this code."""
        return code[:SHORT] in self.given


def read_book(puzzle: Puzzle, shipped: Shipped, given: GivenCode | None = None) -> Book:
    """What the data files say, seen from a puzzle."""
    layout = Layout(puzzle, shipped.files)
    own = [path for path in (*layout.assigned, *layout.before) if path in shipped.files]
    answers = [path for path in layout.answers if path in shipped.files]
    paths = {digest: path for path, those in shipped.files.items() for digest in those}
    # Of one that stands in several places, its place as an answer or as the task says most.
    for path in (*answers, *own):
        paths |= dict.fromkeys(shipped.files[path], path)
    return Book(
        layout=layout,
        untouched=frozenset(digest for path in own for digest in shipped.files[path]),
        answers=frozenset(digest for path in answers for digest in shipped.files[path]),
        paths=paths,
        given=frozenset(digest for those in given.given.values() for digest in those)
        if given
        else frozenset(),
        reads=frozenset(given.reads if given else ()),
    )


@functools.cache
def read_shipped() -> Shipped:
    """What is known of the whole book.

    Raises:
        GraderFault: the data can't be read.
    """
    return _read(BOOK, Shipped)


@functools.cache
def find_book(name: str) -> Book:
    """The book as the puzzle of that name has it.

    Raises:
        GraderFault: the data can't be read.
    """
    from grader import puzzles

    return book_of(puzzles.find(name))


def book_of(puzzle: Puzzle) -> Book:
    """The book as a puzzle has it, which may be a course's own.

    Raises:
        GraderFault: the data can't be read.
    """
    path = (puzzle.kernels or data_directory("reference_kernels") / puzzle.name) / GIVEN
    given = _read(path, GivenCode) if path.exists() else None
    return read_book(puzzle, read_shipped(), given)


_Data = TypeVar("_Data")


def _read(path: Path, kind: type[_Data]) -> _Data:
    try:
        return json_as(path.read_bytes(), kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise GraderFault(
            f"what the book ships can't be read: {path}: {error}",
            remedy="The installation is incomplete; install again with: pip install mojo-grade",
        ) from error
