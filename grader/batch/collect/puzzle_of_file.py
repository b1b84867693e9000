"""Of which puzzle a file is, and whose, where a class handed in files of several.

What a file declares says of which puzzle it is; where that is silent, its place in the book or
its name does.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from grader.batch.collect.collection import plain_claim
from grader.batch.collect.entry import FileEntry, FileReader, stem
from grader.batch.collect.people import Claim
from grader.book import Book
from grader.book.identify import choose
from grader.book.shipped import Topics
from grader.errors import OtherPuzzle, SubmissionRefused, UsageError
from grader.intake.display import one_line
from grader.model.puzzle import Puzzle
from grader.toolchain import edition as editions

if TYPE_CHECKING:
    from grader.grading.given_code import HandedOut

_CLONE: Final = "problems"
"""The folder of the book in which the puzzles are."""
_NUMBER: Final = re.compile(r"p0*(\d+)")
_NUMBERED: Final = re.compile(r"p(?:uzzle_?)?\d+")
_BETWEEN: Final = " _-.,+()[]"
_SHOWN: Final = 5


class ToldPuzzle(msgspec.Struct, frozen=True, kw_only=True):
    """The puzzle that a file goes as, and why."""

    name: str = ""
    """Empty where it is of none."""
    why: str
    remedy: str = ""


class KnownFiles(msgspec.Struct, kw_only=True):
    """What was found out about files, by their digests."""

    programs: dict[str, str] = {}
    """See `grader.batch.collect.entry.FileReader`."""
    told: dict[str, ToldPuzzle] = {}
    """By the digest, and what the file's place or name says."""
    unfilled: dict[str, bool] = {}
    """By the digest and the puzzle: whether all kernels are as they were given out."""


class PuzzleWords:
    """By which a name of a file or folder speaks of a puzzle.

    ``p03``, ``puzzle 3``, the puzzle's own name, or that of a kernel.
    """

    def __init__(self, books: Mapping[str, Book], topics: Topics) -> None:
        self._of: dict[str, set[str]] = defaultdict(set)
        numbers = {topic.number for topic in topics.values()}
        numbers |= {topic.before for topic in topics.values() if topic.before}
        for number in numbers:
            for word in _numbered(number):
                self._of[word] |= set()
        for name, topic in topics.items():
            for word in (name, *topic.names):
                self._of[_folded(word)] |= {name} & books.keys()
        for name, book in books.items():
            self._of[_folded(name)].add(name)
            for path in book.layout.assigned:
                *folders, file = path.split("/")
                self._of[_folded(stem(file))].add(name)
                for found in filter(None, map(_NUMBER.fullmatch, folders)):
                    for word in _numbered(int(found[1])):
                        self._of[word].add(name)
        # Of two that begin alike, the longer one.
        longest = sorted(self._of, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest))})(?![^\W_])")

    @property
    def all(self) -> frozenset[str]:
        """All of them."""
        return frozenset(self._of)

    def likely(self, path: str) -> set[str]:
        """The puzzles of which the file's name speaks, else a folder around it, the inner first."""
        for part in reversed(path.split("/")):
            found = [self._of[each[0]] for each in self._pattern.finditer(_folded(part))]
            if puzzles := set().union(*found):
                return puzzles
        return set()

    def is_one(self, part: str) -> bool:
        """Whether a name holds nothing else than such a word."""
        return self._pattern.fullmatch(_folded(stem(part))) is not None

    def without(self, name: str, puzzle: str) -> str:
        """A file's name without what says of which puzzle it is; whole where nothing does.

        A name of a puzzle may be a part of somebody's: it counts where the file is of that one.
        """
        for found in reversed(list(self._pattern.finditer(_folded(name)))):
            if _NUMBERED.fullmatch(found[0]) or puzzle in self._of[found[0]]:
                before, after = name[: found.start()], name[found.end() :]
                return before.rstrip(_BETWEEN) or after.lstrip(_BETWEEN)
        return name


def _numbered(number: int) -> Iterator[str]:
    for digits in {f"{number}", f"{number:02}"}:
        yield from (f"p{digits}", f"puzzle{digits}", f"puzzle_{digits}")


def _folded(name: str) -> str:
    """In small letters, with one kind of blank; of the same length."""
    small = "".join(char.lower() if len(char.lower()) == 1 else char for char in name)
    return re.sub(r"[\s-]", "_", small)


class NamedOwner:
    """Whose a file is where no system has named it.

    A file is named after a student and a puzzle, or lies in a student's folder, or in that of a
    puzzle. What is named after puzzles alone is the work of one student, and so is a source that is
    a clone of the book.
    """

    def __init__(self, source: Path, entries: Iterable[FileEntry], sorter: FileSorter) -> None:
        self._name = stem(source.resolve().name)
        self._sorter, self._words = sorter, sorter.words
        self._is_clone = any(each.parts[0].lower() == _CLONE for each in entries)
        self._nobodys: list[str] = []
        self._read: dict[str, str] = {}

    def claim(self, entry: FileEntry) -> Claim | None:
        """What the name of a file says."""
        file = "/".join(entry.parts)
        if self._is_clone:
            return Claim(name=self._name, file=file)
        inside = 0
        while inside < len(entry.parts) - 1 and self._words.is_one(entry.parts[inside]):
            inside += 1
        rest = entry.parts[inside:]
        if len(rest) > 1:
            return Claim(name=rest[0], file="/".join([*entry.parts[:inside], *rest[1:]]))
        plain = plain_claim(replace(entry, parts=rest))
        if plain is None:
            return None
        puzzle = self._sorter.told(entry, file).name if entry.is_mojo else ""
        name = self._words.without(plain.name, puzzle)
        if not name:
            self._nobodys.append(entry.source)
            return Claim(name=self._name, file=file)
        if name != plain.name:
            self._read[entry.source] = name
        return replace(plain, name=name, file=file)

    def notes(self) -> Iterator[str]:
        """What was assumed."""
        if self._nobodys:
            yield (
                f"named after puzzles and nobody: {_first_of(self._nobodys)}. Taken as the work of "
                f"one student, {one_line(self._name)}"
            )
        if self._read:
            shown = [f"{source} is {name}'s" for source, name in self._read.items()]
            yield f"names were read as those of a student and a puzzle: {_first_of(shown)}"


class FileSorter:
    """Finds out the puzzle of each file. What many students have is looked at once.

    Args:
        books: What the book ships, as each puzzle that the grader has sees it.
        topics: The puzzles of the book.
        known: What was found out before.
    """

    def __init__(self, books: Mapping[str, Book], topics: Topics, known: KnownFiles) -> None:
        self.books = books
        self.topics = topics
        self.words = PuzzleWords(books, topics)
        self.reading = FileReader.knowing(known.programs)
        self._told = dict(known.told)
        self._unfilled = dict(known.unfilled)

    @property
    def known(self) -> KnownFiles:
        """What was found out by now."""
        return KnownFiles(programs=self.reading.programs, told=self._told, unfilled=self._unfilled)

    @functools.cached_property
    def _places(self) -> Mapping[tuple[str, ...], set[str]]:
        places: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for name, book in self.books.items():
            for path in book.layout.assigned:
                parts = tuple(path.casefold().split("/"))
                # Of a clone in part, the number's folder is enough.
                for tail in (parts, parts[1:]):
                    places[tail].add(name)
        return places

    def assigned(self, path: str) -> set[str]:
        """The puzzles whose file the book has at a place."""
        parts = tuple(path.casefold().split("/"))
        for start in range(len(parts) - 1):
            if found := self._places.get(parts[start:]):
                return found
        return set()

    def order(self, puzzle: str) -> tuple[int, str]:
        """By which puzzles are sorted as in the book."""
        topic = self.topics.get(puzzle)
        return (topic.number if topic else 1_000, puzzle)

    def told(self, entry: FileEntry, path: str) -> ToldPuzzle:
        """The puzzle that a file goes as; without a name where it is of none, with why."""
        place = self.assigned(path)
        likely = place or self.words.likely(path)
        where = "its place in the book" if place else "its name"
        try:
            read = entry.load()
        except SubmissionRefused as refused:
            if len(likely) == 1:
                return ToldPuzzle(name=min(likely), why=where)
            return ToldPuzzle(why=refused.what, remedy=refused.remedy)
        key = " ".join((read.sha256, where if likely else "", *sorted(likely)))
        if key not in self._told:
            self._told[key] = self._choose(read.text, likely, where)
            self._seen.add(read.sha256)
        return self._told[key]

    def is_known(self, entry: FileEntry) -> bool:
        """Whether a file needs no reading of its tokens."""
        try:
            return entry.load().sha256 in self._seen
        except SubmissionRefused:
            return True

    @functools.cached_property
    def _seen(self) -> set[str]:
        return {key.partition(" ")[0] for key in self._told}

    def is_unfilled(self, entry: FileEntry, puzzle: Puzzle) -> bool:
        """Whether nothing was written into any kernel: of a version of the book that is not known.

        What is packed as an op is known by its digests only.
        """
        try:
            read = entry.load()
        except SubmissionRefused:
            return False
        key = f"{read.sha256} {puzzle.name}"
        if puzzle.is_program and key not in self._unfilled:
            handed_out = _handed_out(puzzle)
            self._unfilled[key] = all(
                handed_out.is_unfilled(read.text, part) for part in puzzle.parts
            )
        return self._unfilled.get(key, False)

    def _choose(self, text: str, likely: set[str], where: str) -> ToldPuzzle:
        try:
            found = choose(
                text, installed=tuple(self.books), likely=likely, because=where, topics=self.topics
            )
        except OtherPuzzle as other:
            return ToldPuzzle(why=other.what, remedy=other.remedy)
        except UsageError as unknown:
            return ToldPuzzle(
                why=f"{unknown.what[0].upper()}{unknown.what[1:]}.",
                remedy="If it is an answer, grade it alone with: grade submit FILE --puzzle NAME.",
            )
        return ToldPuzzle(name=found.name, why=found.reason)


@functools.cache
def _handed_out(puzzle: Puzzle) -> HandedOut:
    """What a puzzle gives to students, in all editions."""
    from grader.grading.given_code import all_handed_out

    return all_handed_out(puzzle, editions.names())


def _first_of(shown: Sequence[str]) -> str:
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more
