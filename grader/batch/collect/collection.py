"""Makes students with attempts of the files that were handed over."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from grader.batch.collect import people
from grader.batch.collect.answer_files import (
    ChosenFiles,
    HandedInFile,
    choose_attempts,
    unpack_archives,
)
from grader.batch.collect.archive import archive_entries
from grader.batch.collect.entry import FileEntry, FileReader, Listing, is_mojo, refusing, stem
from grader.batch.collect.folder import folder_entries
from grader.batch.collect.people import Claim, Keys, student_of, student_without_work
from grader.batch.collect.roster import RosterStudent
from grader.batch.collect.roster_match import NamedWork, match_roster
from grader.batch.model import Attempt, Refusal, Student
from grader.book import Book, find_book
from grader.errors import SubmissionRefused, UsageError
from grader.intake import Submission
from grader.intake.display import one_line, safe_name
from grader.quiz import is_quiz

MAX_ATTEMPTS: Final = 50
"""The most attempts of one student, the latest ones. Each is read and kept."""
_NAMES_SHOWN: Final = 5


@dataclass(frozen=True, kw_only=True)
class Collected:
    """One attempt, not read yet. ``attempt.sha256`` is empty."""

    attempt: Attempt
    load: Callable[[], Submission]
    """Raises `SubmissionRefused`."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Everything that was handed over, in the order of names."""

    students: Sequence[Student]
    attempts: Sequence[Collected]
    """The attempts of all students, sorted by student; the last of each counts."""
    form: str
    """What it was taken for, in a few words."""
    notes: Sequence[str]
    """What an instructor should know: files passed over, choices that were not clear."""
    refusals: Sequence[Refusal] = ()
    """What was refused and can't be said to be anybody's."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """The programs of the files that were read to choose among them, by their digests."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who handed something in: one student, or the members of a team."""

    students: Sequence[Student]
    files: Sequence[HandedInFile]


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """What lies in a folder or an archive, with whose it is."""

    people: Sequence[Person]
    """In the order of names."""
    absent: Sequence[Student]
    """On the class list, and nothing is theirs."""
    form: str
    notes: Sequence[str]
    refusals: Sequence[Refusal]


@contextmanager
def collect(
    source: Path,
    *,
    puzzle: str,
    roster: Sequence[RosterStudent] = (),
    programs: Mapping[str, str] | None = None,
    book: Book | None = None,
) -> Iterator[Collection]:
    """Look through what was handed over. Attempts can be read until the context ends.

    Args:
        source: A folder or an archive.
        puzzle: Its name.
        roster: The class list.
        programs: Of files that are known, by their digests.
        book: What the book ships; by default what is known of it.

    Raises:
        UsageError: there is nothing there, or nothing that can be read.
    """
    with opened(source, [puzzle]) as listing:
        reading = FileReader.knowing(programs or {})
        handed_over = people_in(listing.entries, roster)
        collection = collection_of(handed_over, book or find_book(puzzle), reading)
        if not collection.attempts:
            raise nothing_in(source)
        yield replace(collection, notes=[*listing.notes, *collection.notes])


@contextmanager
def opened(source: Path, puzzles: Container[str]) -> Iterator[Listing]:
    """What lies in a folder or an archive; it can be read until the context ends.

    Args:
        source: The folder or archive.
        puzzles: Names that a student's file may have.

    Raises:
        UsageError: it is neither, or can't be read.
    """
    if source.is_dir():
        yield folder_entries(source)
    elif source.is_file() and is_mojo(source.name):
        raise UsageError(
            f"{source} is one submission, not a class",
            remedy=f"Grade it with: grade submit {source}",
        )
    elif source.is_file():
        with archive_entries(source) as listing:
            yield replace(listing, entries=_without_wrapper(listing.entries, puzzles))
    else:
        raise UsageError(
            f"there is no file or folder {source}",
            remedy="Give the folder of submissions, or the ZIP archive from Canvas or Moodle.",
        )


def nothing_in(source: Path) -> UsageError:
    """The error for a source in which nobody has anything."""
    return UsageError(
        f"nothing in {source} was handed in by anybody",
        remedy="Expected are .mojo files, folders with one in each, or a download of "
        "Canvas or Moodle.",
    )


def people_in(
    entries: Sequence[FileEntry],
    roster: Sequence[RosterStudent],
    named_after: Callable[[FileEntry], Claim | None] | None = None,
) -> HandedOver:
    """Whose files these are.

    Args:
        entries: All files.
        roster: The class list.
        named_after: Whose a file is that no system has named.
    """
    misnamed = [entry for entry in entries if entry.misnamed]
    form, files, notes = _claims(
        [entry for entry in entries if not entry.misnamed], named_after or plain_claim
    )
    by_person: dict[tuple[str, str], list[HandedInFile]] = {}
    for file in files:
        by_person.setdefault((file.claim.id, file.claim.name), []).append(file)
    works = {
        person: NamedWork(claim=theirs[0].claim, source=theirs[0].entry.source)
        for person, theirs in by_person.items()
    }
    matching = match_roster(roster, works)
    keys, persons = Keys(), []
    for person in sorted(by_person, key=lambda each: (each[1].casefold(), each)):
        theirs = by_person[person]
        claim = _summary(theirs)
        students = [
            student_of(claim, listed, keys) for listed in matching.lines.get(person, [None])
        ]
        persons.append(Person(students=students, files=theirs))
    taken = {listed.line for lines in matching.lines.values() for listed in lines}
    return HandedOver(
        people=persons,
        absent=[
            student_without_work(each, keys) for each in matching.roster if each.line not in taken
        ],
        form=form,
        notes=[*notes, *matching.notes],
        refusals=[_refusal(entry) for entry in misnamed],
    )


def collection_of(handed_over: HandedOver, book: Book, reading: FileReader) -> Collection:
    """The attempts at one puzzle, where all files are of it."""
    students, collected = [], []
    notes = list(handed_over.notes)
    elsewhere: Counter[str] = Counter()
    for person in handed_over.people:
        looked_into = unpack_archives(
            [each for each in person.files if not each.entry.empty], book, reading
        )
        choice = choose_attempts(looked_into.files, book, reading)
        elsewhere.update(set(choice.not_theirs))
        for student in person.students:
            students.append(student)
            collected += attempts_of(student, choice, looked_into.files)
        said = [*looked_into.notes, *said_of(choice)]
        if not looked_into.files:
            said.append("nothing was handed in: the folder is empty")
        notes += [f"{student.name}: {each}" for student in person.students[-1:] for each in said]
    notes += _passed_over(elsewhere, book)
    return Collection(
        students=[*students, *handed_over.absent],
        attempts=collected,
        form=handed_over.form,
        notes=notes,
        refusals=handed_over.refusals,
        programs=reading.programs,
    )


def _passed_over(elsewhere: Counter[str], book: Book) -> Iterator[str]:
    """A note on files that lie at other places of the book's clones and are nobody's answer."""
    if elsewhere:
        shown = [f"{one_line(path, limit=80)} ({n} times)" for path, n in elsewhere.most_common(5)]
        yield (
            f"the puzzle's own place in the book is {book.layout.own}; what stands where the book "
            f"has files for another use is nobody's answer: {_first_of(shown)}"
        )


def said_of(choice: ChosenFiles) -> Iterator[str]:
    """What an instructor should know of how a student's file was chosen, a clause each."""
    count = len(choice.files)
    if choice.doubt:
        of = f"of {count} files " if count > 1 else ""
        yield f"{of}{choice.files[-1].entry.source} {choice.doubt}"
    if count > MAX_ATTEMPTS:
        yield (
            f"of {count} files the latest {MAX_ATTEMPTS} are kept, "
            f"{count - MAX_ATTEMPTS} are left out"
        )


def _refusal(entry: FileEntry) -> Refusal:
    try:
        entry.load()
    except SubmissionRefused as refused:
        return Refusal(source=entry.source, what=refused.what, remedy=refused.remedy)
    raise AssertionError("a refused entry was read")


def attempts_of(
    student: Student, choice: ChosenFiles, all_files: Sequence[HandedInFile]
) -> list[Collected]:
    """The attempts of a student, the last of which counts."""
    found = choice.files[-MAX_ATTEMPTS:]
    if not found:
        return [_nothing_to_grade(student, all_files, choice)] if all_files else []
    return [
        Collected(
            attempt=Attempt(
                student=student.key,
                number=number,
                source=file.entry.source,
                name=safe_name(file.claim.file.rpartition("/")[2]),
                handed_in=_time(file.entry.modified),
                counts=number == len(found),
            ),
            load=file.entry.load,
        )
        for number, file in enumerate(found, 1)
    ]


def _nothing_to_grade(
    student: Student, files: Sequence[HandedInFile], choice: ChosenFiles
) -> Collected:
    """A refused attempt, which names the files, for a student whose files hold no answer."""
    load = files[0].entry.load
    source = files[0].entry.source
    if choice.nothing:
        load = refusing(choice.nothing, "Hand in the one .mojo file that you edited.")
    elif refused := next((each.entry for each in files if each.entry.refused), None):
        load, source = refused.load, refused.source
    elif quiz := next((each.entry for each in files if is_quiz(each.entry.name)), None):
        source = quiz.source
        load = refusing(
            f"There is no .mojo file, and {source} looks like answers to a quiz, which grade batch "
            "does not take.",
            "Grade it by itself with: grade submit FILE.",
        )
    elif not (len(files) == 1 and files[0].entry.is_archive):
        shown = _first_of([one_line(each.claim.file, limit=60) for each in files])
        load = refusing(
            f"There is no .mojo file among what was handed in: {shown}.",
            "Hand in the one .mojo file that you edited.",
        )
    elif not files[0].entry.source.lower().endswith((".zip", ".gz", ".tgz")):
        load = refusing(f"{source} is an archive.", "Unpack it and hand in the .mojo file.")
    return Collected(
        attempt=Attempt(
            student=student.key,
            number=1,
            source=source,
            name=safe_name(files[0].claim.file.rpartition("/")[2]),
            handed_in=_time(files[0].entry.modified),
            is_answer=False,
        ),
        load=load,
    )


def _claims(
    entries: Sequence[FileEntry], named_after: Callable[[FileEntry], Claim | None]
) -> tuple[str, list[HandedInFile], list[str]]:
    """What the names were recognised as, each file with whose it is, and notes."""
    sources = [each.parts for each in entries if each.is_mojo]
    sources = sources or [each.parts for each in entries if not each.empty]
    recognised = people.recognise(sources or [each.parts for each in entries])
    files, passed_over, strays = [], [], []
    for entry in entries:
        if recognised.system is None:
            claim = named_after(entry)
        elif (claim := recognised.claim(entry.parts)) is None and entry.is_mojo:
            claim = named_after(entry)
            strays.append(entry.source)
        if claim is None:
            passed_over.append(entry.source)
        else:
            files.append(HandedInFile(entry=entry, claim=claim))
    notes = []
    if passed_over:
        notes.append(f"passed over: {_first_of(passed_over)}")
    if recognised.system:
        if strays:
            notes.append(
                f"not named by {recognised.system}: {_first_of(strays)}. Each was taken as handed "
                "in by whom its own name says; take away what is nobody's work"
            )
        return f"a download of {recognised.system}", files, notes
    if recognised.like:
        notes.append(
            f"some names look like those of {recognised.like}, but too few to take the whole for "
            f"a download of {recognised.like}. If it is one, take away what was added to it"
        )
    folders = any(len(each.entry.parts) > 1 for each in files)
    flat = any(len(each.entry.parts) == 1 for each in files)
    form = "files and folders" if folders and flat else "folders" if folders else "files"
    return f"{form}, named after the students", files, notes


def plain_claim(entry: FileEntry) -> Claim | None:
    """Whose a file is by its folder's name, or else by its own; None where neither says."""
    if len(entry.parts) > 1:
        return Claim(name=entry.parts[0], file="/".join(entry.parts[1:]))
    if entry.is_mojo or entry.is_archive or entry.refused:
        return Claim(name=stem(entry.name), file=entry.name, alone=True)
    return None


def _first_of(shown: Sequence[str]) -> str:
    more = f" and {len(shown) - _NAMES_SHOWN} more" if len(shown) > _NAMES_SHOWN else ""
    return ", ".join(shown[:_NAMES_SHOWN]) + more


def _summary(files: Sequence[HandedInFile]) -> Claim:
    """One claim for all files of a person: late if any of them is."""
    claims = [file.claim for file in files]
    return next((claim for claim in claims if claim.lateness == "late"), claims[0])


def _without_wrapper(entries: Sequence[FileEntry], puzzles: Container[str]) -> Sequence[FileEntry]:
    """The entries without the one folder that some programs put around everything in an archive."""
    well_named = [entry for entry in entries if not entry.misnamed]
    tops = {entry.parts[0] for entry in well_named}
    if len(tops) != 1 or any(len(entry.parts) < 2 for entry in well_named):
        return entries
    if people.recognise([each.parts for each in well_named if each.is_mojo]).system:
        return entries
    inner = [
        entry if entry.misnamed else replace(entry, parts=entry.parts[1:]) for entry in entries
    ]
    sources = [each for each in inner if each.is_mojo and not each.misnamed]
    folders = {each.parts[0] for each in sources if len(each.parts) > 1}
    files = [each for each in sources if len(each.parts) == 1]
    named = any(stem(file.name) in puzzles for file in files)
    many = len(folders) > 1 or (len(files) > 1 and not named)
    lms = people.recognise([each.parts for each in sources]).system is not None
    return inner if many or lms else entries


def _time(modified: float) -> str:
    with contextlib.suppress(ValueError, OverflowError, OSError):
        if modified > 0:
            return datetime.fromtimestamp(modified, UTC).isoformat(timespec="seconds")
    return ""
