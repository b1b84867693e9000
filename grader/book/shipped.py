"""What the book ships: its files and the code that it gives, by their digests."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from grader.book.digests import SHORT
from grader.book.layout import Layout
from grader.errors import GraderFault
from grader.puzzles.definition import Puzzle
from grader.resources import data_directory

FILE: Final = "book.json"
"""Beside the reference kernels of a puzzle."""


class Shipped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data file, as ``grade puzzles fingerprint`` writes it."""

    until: str
    """Day of the last commit of the first branch that was read."""
    read: Mapping[str, str]
    """The branches that were read, each with its last commit."""
    given: Mapping[str, Sequence[str]]
    """For each file with the puzzle's name: digests of the code that its versions give."""
    reads: Sequence[str]
    """Digests of what that code reads of the array with unwritten elements, see
    `grader.book.digests.array_reads`."""
    files: Mapping[str, Sequence[str]]
    """For each Mojo file that the book has or had: digests of all its versions, the oldest
    first."""


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

    def is_answer(self, program: str) -> bool:
        """Whether a program is an answer that the book publishes."""
        return program[:SHORT] in self.answers

    def ships(self, program: str) -> str:
        """Where the book ships just this program; empty where it does not."""
        return self.paths.get(program[:SHORT], "")

    def gives(self, code: str) -> bool:
        """Whether some version of the book gives this code."""
        return code[:SHORT] in self.given


def read_book(puzzle: Puzzle, shipped: Shipped) -> Book:
    """What a data file says, seen from a puzzle."""
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
        given=frozenset(digest for those in shipped.given.values() for digest in those),
        reads=frozenset(shipped.reads),
    )


@functools.cache
def find_book(name: str) -> Book:
    """The book as the puzzle of that name has it; without the data of any where it has none.

    Raises:
        GraderFault: the data can't be read.
    """
    from grader import puzzles

    puzzle = puzzles.find(name)
    path = data_directory("reference_kernels") / name / FILE
    try:
        data = path.read_bytes()
        return read_book(puzzle, msgspec.json.decode(data, type=Shipped))
    except FileNotFoundError:
        return read_book(puzzle, Shipped(until="", read={}, given={}, reads=(), files={}))
    except (OSError, msgspec.MsgspecError) as error:
        raise GraderFault(
            f"what the book ships can't be read: {path}: {error}",
            remedy="The installation is incomplete; install again with: pip install mojo-grade",
        ) from error
