"""What the book ships: its files and the code that it gives, by their digests."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from grader.book.digests import SHORT
from grader.book.layout import Layout
from grader.book.topics import Topics
from grader.errors import GraderFault
from grader.folders import data_directory

if TYPE_CHECKING:
    from grader.model.puzzle import Puzzle

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
    """For each file with the puzzle's name: digests of the code that its versions give."""
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
    own = [path for path in layout.assigned if path in shipped.files]
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
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise GraderFault(
            f"what the book ships can't be read: {path}: {error}",
            remedy="The installation is incomplete; install again with: pip install mojo-grade",
        ) from error
