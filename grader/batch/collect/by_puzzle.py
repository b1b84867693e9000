"""A class that handed in files of several puzzles: each file is of one, or it is said why of none.

`grader.batch.collect.puzzle_of_file` finds out of which. All attempts at one puzzle are then a
collection, as if nothing else were there. Everybody is in each collection: who has no file for a
puzzle handed in nothing for it.

What the book ships is nobody's attempt in a clone of it: sixteen files that were not begun are
no sixteen zeros. A file that is handed in alone, as it was given out, is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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
    said_of,
)
from grader.batch.collect.puzzle_of_file import FileSorter, KnownFiles, NamedOwner
from grader.batch.collect.roster import RosterStudent
from grader.batch.model import Student
from grader.book import Book, FilePlace
from grader.book.shipped import Topics, read_shipped
from grader.errors import SubmissionRefused

MAX_READ: Final = 300
"""Files of one student that nobody else has, and that are read to see of which puzzle they are."""


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
    sorter = FileSorter(books, topics, known or KnownFiles())
    with opened(source, sorter.words.all) as listing:
        owner = NamedOwner(source, listing.entries, sorter)
        handed_over = people_in(listing.entries, roster, owner.claim)
        if not handed_over.people:
            raise nothing_in(source)
        found = _sorted_class(sorter, handed_over)
        found.notes = [*listing.notes, *handed_over.notes, *owner.notes(), *found.notes]
        yield found


def _sorted_class(sorter: FileSorter, handed_over: HandedOver) -> SortedClass:
    """All files of everybody."""
    choices: dict[str, list[tuple[Person, ChosenFiles, Sequence[HandedInFile]]]]
    choices = defaultdict(list)
    files, notes = [], []
    not_begun: Counter[str] = Counter()
    for person in handed_over.people:
        mine = _Files(sorter, person)
        for name, choice, theirs in mine.choices():
            if choice.files:
                choices[name].append((person, choice, theirs))
        files += mine.sorted
        notes += mine.notes
        not_begun.update(mine.not_begun)
    if not_begun:
        shown = (f"{name} ({not_begun[name]})" for name in sorted(not_begun, key=sorter.order))
        notes.append(
            "as the book ships it, so nobody's attempt, with the number of students: "
            + ", ".join(shown)
        )
    return SortedClass(
        handed_over=handed_over,
        puzzles=sorted(choices, key=sorter.order),
        files=files,
        notes=notes,
        known=sorter.known,
        _choices=choices,
    )


class _Files:
    """The files of one person."""

    def __init__(self, sorter: FileSorter, person: Person) -> None:
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
