"""A class that handed in files of several puzzles: each file is of one, or it is said why of none.

What a file declares says of which puzzle it is; where that is silent, its place in the book or
its name does. All attempts at one puzzle are then a collection, as if nothing else were there.
Everybody is in each collection: who has no file for a puzzle handed in nothing for it.

What the book ships is nobody's attempt in a clone of it: sixteen files that were not begun are
no sixteen zeros. A file that is handed in alone, as it was given out, is.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from grader.batch.collect.answer_files import (
    ChosenFiles,
    HandedInFile,
    choose_attempts,
    files_in_archives,
    kept,
)
from grader.batch.collect.collection import (
    Collection,
    HandedOver,
    Person,
    attempts_of,
    nothing_in,
    opened,
    people_in,
    plain_claim,
    said_of,
)
from grader.batch.collect.entry import FileEntry, FileReader, stem
from grader.batch.collect.people import Claim
from grader.batch.collect.roster import RosterStudent
from grader.batch.model import Student
from grader.book import Book, FilePlace
from grader.book.identify import choose
from grader.book.shipped import Topics, read_shipped
from grader.errors import OtherPuzzle, SubmissionRefused, UsageError
from grader.intake.display import one_line
from grader.model.puzzle import Puzzle
from grader.toolchain import edition as editions

if TYPE_CHECKING:
    from grader.grading.given_code import HandedOut

MAX_READ: Final = 300
"""Files of one student that nobody else has, and that are read to see of which puzzle they are."""
_CLONE: Final = "problems"
"""The folder of the book in which the puzzles are."""
_NUMBER: Final = re.compile(r"p0*(\d+)")
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


@dataclass(frozen=True, kw_only=True)
class SortedFile:
    """One file, with the puzzle that it goes as."""

    students: Sequence[Student]
    """Whose it is."""
    source: str
    puzzle: str
    """Empty where it is of none."""
    why: str
    remedy: str = ""
    """Where it is of none: what to do about it."""


@dataclass
class SortedClass:
    """What was handed over, by puzzle. Attempts can be read until the context ends."""

    handed_over: HandedOver
    puzzles: Sequence[str]
    """At which somebody has an attempt, in the order of the book."""
    files: Sequence[SortedFile]
    """All attempts, and what is of no puzzle and none of the book's own files."""
    notes: Sequence[str]
    known: KnownFiles
    """For the next time."""
    _choices: Mapping[str, Sequence[tuple[Person, ChosenFiles, Sequence[HandedInFile]]]]

    @property
    def left_out(self) -> Sequence[SortedFile]:
        """What is of no puzzle."""
        return [each for each in self.files if not each.puzzle]

    def collection(self, puzzle: str) -> Collection:
        """The attempts at one puzzle, and everybody."""
        students, collected, notes = [], [], []
        chosen = {id(person): (choice, files) for person, choice, files in self._of(puzzle)}
        for person in self.handed_over.people:
            choice, files = chosen.get(id(person), (ChosenFiles(files=()), ()))
            for student in _late_with(choice, person):
                students.append(student)
                collected += attempts_of(student, choice, files)
            notes += [f"{_name(person)}: {each}" for each in said_of(choice)]
        return Collection(
            students=[*students, *self.handed_over.absent],
            attempts=collected,
            form=self.handed_over.form,
            notes=notes,
            programs=self.known.programs,
        )

    def _of(self, puzzle: str) -> Sequence[tuple[Person, ChosenFiles, Sequence[HandedInFile]]]:
        return self._choices.get(puzzle, ())


@contextmanager
def collect_by_puzzle(
    source: Path,
    books: Mapping[str, Book],
    *,
    roster: Sequence[RosterStudent] = (),
    known: KnownFiles | None = None,
    topics: Topics | None = None,
) -> Iterator[SortedClass]:
    """Look through what was handed over, and sort it by puzzle.

    Args:
        source: A folder or an archive.
        books: What the book ships, as each puzzle that the grader has sees it.
        roster: The class list.
        known: What was found out before.
        topics: The puzzles of the book; by default those that are known.

    Raises:
        UsageError: there is nothing there, or nothing that can be read.
    """
    topics = read_shipped().topics if topics is None else topics
    words = _Words(books, topics)
    with opened(source, words.all) as listing:
        known = known or KnownFiles()
        reading = FileReader.knowing(known.programs)
        sorter = _Sorter(books, topics, words, reading, dict(known.told), dict(known.unfilled))
        owner = _Owner(source, listing.entries, sorter)
        handed_over = people_in(listing.entries, roster, owner.claim)
        if not handed_over.people:
            raise nothing_in(source)
        found = sorter.sort(handed_over)
        found.notes = [*listing.notes, *handed_over.notes, *owner.notes(), *found.notes]
        yield found


class _Words:
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


_NUMBERED: Final = re.compile(r"p(?:uzzle_?)?\d+")
_BETWEEN: Final = " _-.,+()[]"


def _numbered(number: int) -> Iterator[str]:
    for digits in {f"{number}", f"{number:02}"}:
        yield from (f"p{digits}", f"puzzle{digits}", f"puzzle_{digits}")


def _is_number(word: str) -> bool:
    return word[-1].isdigit() and word.startswith("p") and word.strip("puzle_").isdigit()


def _folded(name: str) -> str:
    """In small letters, with one kind of blank; of the same length."""
    small = "".join(char.lower() if len(char.lower()) == 1 else char for char in name)
    return re.sub(r"[\s-]", "_", small)


class _Owner:
    """Whose a file is where no system has named it.

    A file is named after a student and a puzzle, or lies in a student's folder, or in that of a
    puzzle. What is named after puzzles alone is the work of one student, and so is a source that is
    a clone of the book.
    """

    def __init__(self, source: Path, entries: Iterable[FileEntry], sorter: _Sorter) -> None:
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


@dataclass
class _Sorter:
    """Finds out the puzzle of each file. What many students have is looked at once."""

    books: Mapping[str, Book]
    topics: Topics
    words: _Words
    reading: FileReader
    _told: dict[str, ToldPuzzle]
    _unfilled: dict[str, bool]

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

    def sort(self, handed_over: HandedOver) -> SortedClass:
        """All files of everybody."""
        choices: dict[str, list[tuple[Person, ChosenFiles, Sequence[HandedInFile]]]]
        choices = defaultdict(list)
        files, notes = [], []
        not_begun: Counter[str] = Counter()
        people = []
        for person in handed_over.people:
            mine = _Files(self, person)
            people.append(person)
            for name, choice, theirs in mine.choices():
                if choice.files:
                    choices[name].append((person, choice, theirs))
            files += mine.sorted
            notes += mine.notes
            not_begun.update(mine.not_begun)
        order = sorted(not_begun, key=self._order)
        if order:
            shown = ", ".join(f"{name} ({not_begun[name]})" for name in order)
            notes.append(
                "as the book ships it, so nobody's attempt, with the number of students: " + shown
            )
        return SortedClass(
            handed_over=replace(handed_over, people=people),
            puzzles=sorted(choices, key=self._order),
            files=files,
            notes=notes,
            _choices=choices,
            known=KnownFiles(
                programs=self.reading.programs, told=self._told, unfilled=self._unfilled
            ),
        )

    def _order(self, name: str) -> tuple[int, str]:
        topic = self.topics.get(name)
        return (topic.number if topic else 1_000, name)


class _Files:
    """The files of one person."""

    def __init__(self, sorter: _Sorter, person: Person) -> None:
        self._sorter, self._person = sorter, person
        self.sorted: list[SortedFile] = []
        self.notes: list[str] = []
        self.not_begun: list[str] = []
        self._of: dict[str, list[HandedInFile]] = defaultdict(list)
        self._why: dict[str, str] = {}
        self._has_clone = False
        handed_in = [each for each in person.files if not each.entry.empty]
        if not handed_in:
            self.notes.append(f"{_name(person)}: nothing was handed in: the folder is empty")
            return
        files = files_in_archives(handed_in)
        mojo = [each for each in files if each.entry.is_mojo]
        if not mojo:
            self._nothing(files)
        elif files is not handed_in:
            for each in files:
                if not each.entry.is_mojo:
                    self._leave_refused(each)
        self._sort(mojo, from_archive=files is not handed_in)

    def _sort(self, mojo: Sequence[HandedInFile], *, from_archive: bool) -> None:
        left = MAX_READ
        unread = 0
        # First what stands where answers do.
        for each in sorted(mojo, key=lambda each: not self._sorter.assigned(each.claim.file)):
            if not self._sorter.is_known(each.entry):
                left -= 1
            if left < 0:
                unread += 1
                continue
            self._has_clone |= bool(self._sorter.assigned(each.claim.file))
            told = self._sorter.told(each.entry, each.claim.file)
            if told.name:
                self._of[told.name].append(kept(each) if from_archive else each)
                self._why[each.entry.source] = told.why
            elif not self._is_shipped(each):
                self._leave(each, told.why, told.remedy)
        if unread:
            self.notes.append(
                f"{_name(self._person)}: of {len(mojo)} Mojo files {unread} were not looked into"
            )

    def choices(self) -> Iterator[tuple[str, ChosenFiles, Sequence[HandedInFile]]]:
        """For each puzzle with a file, which of them is meant."""
        for name, files in self._of.items():
            book = self._known_book(self._sorter.books[name], files)
            choice = choose_attempts(files, book, self._sorter.reading)
            given = [each for each in files if self._is_untouched(each, book)]
            if choice.files and choice.files[-1] in given:
                self.not_begun.append(name)
                choice = ChosenFiles(files=())
            for each in choice.files:
                self._tell(each, name, self._why[each.entry.source])
            for each in files:
                if each not in (*choice.files, *given) and not self._is_shipped(each):
                    self._pass_over(each, name, book)
            yield name, choice, files

    def _known_book(self, book: Book, files: Sequence[HandedInFile]) -> Book:
        """The book, with the files of a clone in which no kernel was touched."""
        for each in files if self._has_clone else ():
            program = self._sorter.reading.program(each.entry)
            if program and self._sorter.is_unfilled(each.entry, book.layout.puzzle):
                book = book.handing_out(program)
        return book

    def _is_untouched(self, file: HandedInFile, book: Book) -> bool:
        program = self._sorter.reading.program(file.entry)
        return self._has_clone and book.is_untouched(program)

    def _is_shipped(self, file: HandedInFile) -> bool:
        program = self._sorter.reading.program(file.entry)
        return any(book.ships(program) for book in self._sorter.books.values())

    def _pass_over(self, file: HandedInFile, name: str, book: Book) -> None:
        place = book.layout.place(file.claim.file)
        if place in (FilePlace.ANSWER, FilePlace.OTHER):
            self._leave(
                file,
                f"It is of the puzzle {name}, and stands where the book has a file for another "
                "use. Its own place is " + book.layout.own + ".",
                "If it is an answer, grade it alone with: grade submit FILE.",
            )
        else:
            self._leave(file, f"It is of the puzzle {name}; another file of it is taken.", "")

    def _nothing(self, files: Sequence[HandedInFile]) -> None:
        """No Mojo file at all: why, as a class of one puzzle says it."""
        (found,) = attempts_of(self._person.students[0], ChosenFiles(files=()), files)
        try:
            found.load()
        except SubmissionRefused as refused:
            self._tell_of(found.attempt.source, "", refused.what, refused.remedy)

    def _leave_refused(self, file: HandedInFile) -> None:
        try:
            file.entry.load()
        except SubmissionRefused as refused:
            self._leave(file, refused.what, refused.remedy)

    def _leave(self, file: HandedInFile, why: str, remedy: str) -> None:
        self._tell_of(file.entry.source, "", why, remedy)

    def _tell(self, file: HandedInFile, puzzle: str, why: str) -> None:
        self._tell_of(file.entry.source, puzzle, why, "")

    def _tell_of(self, source: str, puzzle: str, why: str, remedy: str) -> None:
        self.sorted.append(
            SortedFile(
                students=self._person.students, source=source, puzzle=puzzle, why=why, remedy=remedy
            )
        )


@functools.cache
def _handed_out(puzzle: Puzzle) -> HandedOut:
    """What a puzzle gives to students, in all editions."""
    from grader.grading.given_code import all_handed_out

    return all_handed_out(puzzle, editions.names())


def _late_with(choice: ChosenFiles, person: Person) -> Iterator[Student]:
    """Those of a person: late for this puzzle only if a file of it is, where files say that."""
    late = {file.claim.lateness == "late" for file in choice.files}
    elsewhere = late == {False} and any(file.claim.lateness == "late" for file in person.files)
    for student in person.students:
        if elsewhere and not student.days_late:
            yield msgspec.structs.replace(student, lateness="on time")
        else:
            yield student


def _name(person: Person) -> str:
    return ", ".join(each.name for each in person.students)


def _first_of(shown: Sequence[str]) -> str:
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more
