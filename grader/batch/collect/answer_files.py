"""Which of a student's files are attempts at the puzzle, in an order whose last one counts.

Students work in a clone of the book, which ships files of the puzzle's name in other places, too.
So a puzzle's own place comes first, what stands where the book has another puzzle's file is no
attempt at all, and a file that is word for word what the book ships is nobody's work, unless it
stands where the answer belongs: there a right answer may well be that of the book.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from grader.batch.collect.entry import FileEntry, FileReader, refusing, stem
from grader.batch.collect.people import Claim, times_uploaded
from grader.book import Book, FilePlace
from grader.errors import SubmissionRefused

_NOT_THE_STUDENTS: Final = frozenset(
    {"solution", "solutions", "reference", "references", "test", "tests", "examples", "build"}
)
_BY_TIME: Final = "is taken as the latest, by its time or name alone"
_RANK: Final = {
    FilePlace.ASSIGNED: 3,
    FilePlace.BEFORE: 3,
    FilePlace.NEAR: 2,
    FilePlace.ANYWHERE: 1,
    FilePlace.ASTRAY: 0,
    FilePlace.ANSWER: -1,
    FilePlace.OTHER: -1,
}
MAX_EXAMINED: Final = 200
"""So many files of one student are compared with the book's, the likeliest first."""


@dataclass(frozen=True, kw_only=True)
class HandedInFile:
    """One file with what its name says about it."""

    entry: FileEntry
    claim: Claim


@dataclass(frozen=True, kw_only=True)
class ChosenFiles:
    """A student's attempts."""

    files: Sequence[HandedInFile]
    """In the order of handing in: the last one counts."""
    doubt: str = ""
    """How the last one was chosen, where another could be meant; shown behind its name."""
    not_theirs: Sequence[str] = ()
    """Paths of files with the puzzle's name that stand where the book has them for another use."""
    nothing: str = ""
    """Why none of the Mojo files is an attempt, as a sentence; empty where one is, or none is
    there."""


def choose_attempts(files: Sequence[HandedInFile], book: Book, reading: FileReader) -> ChosenFiles:
    """The files that are attempts at a puzzle.

    Files named after the puzzle are attempts; where there is none, every Mojo
    source is. What lies in a folder such as ``solutions`` is the course's, where
    there is anything else. Of several, the one with the very name of the puzzle is
    meant; then the place in the book, the least deep, the system's own numbers and the
    times decide.

    A file beside the student's folder that is named after the student is an attempt,
    too. Of it and those in the folder the latest counts.
    """
    beside = sorted(
        (each for each in files if each.claim.alone and each.entry.is_mojo), key=_by_time
    )
    theirs = _Folder([each for each in files if not each.claim.alone], book, reading)
    inside = theirs.choice()
    if not beside:
        return inside
    if not inside.files:
        return ChosenFiles(files=beside, doubt=_BY_TIME if len(beside) > 1 else "")
    last_is_work = theirs.is_work(beside[-1])
    if last_is_work != theirs.is_work(inside.files[-1]):
        both = [*inside.files, *beside] if last_is_work else [*beside, *inside.files]
        return ChosenFiles(files=both, doubt="is taken: the other file is as the book ships it")
    if beside[-1].entry.modified >= inside.files[-1].entry.modified:
        return ChosenFiles(files=[*inside.files, *beside], doubt=_BY_TIME)
    return ChosenFiles(files=[*beside, *inside.files], doubt=_BY_TIME)


class _Folder:
    """The files in a student's own folders, and which of them are attempts."""

    def __init__(self, files: Sequence[HandedInFile], book: Book, reading: FileReader) -> None:
        self._book, self._reading = book, reading
        self._names = book.layout.names
        self._sources = [each for each in files if each.entry.is_mojo]

    def choice(self) -> ChosenFiles:
        pool, named = self._pool, self._named
        candidates = sorted(named or pool, key=self._order)
        if not candidates:
            return ChosenFiles(files=(), not_theirs=self._not_theirs, nothing=self._nothing())
        unnamed = [each for each in pool if each not in named] if named else []
        if len(candidates) == 1 and not unnamed and self._rank(candidates[0]) > 0:
            return self._chosen(candidates)
        # What stands in another puzzle's folder is only looked at where nothing else is there.
        own = [each for each in candidates if self._rank(each) > 0] or candidates
        if works := self._up_to_the_last(own, self.is_work):
            return self._chosen(works, instead_of=own[len(works) :])
        # Whoever writes the op into a file of another name leaves the given one as it was.
        unnamed.sort(key=self._order)
        if works := self._up_to_the_last(unnamed, self._has_code):
            return self._chosen(works[-1:], instead_of=candidates)
        if untouched := self._up_to_the_last(candidates, self._is_untouched):
            return self._chosen(untouched)
        return ChosenFiles(files=(), not_theirs=self._not_theirs, nothing=self._nothing(candidates))

    def _up_to_the_last(
        self, files: Sequence[HandedInFile], fits: Callable[[HandedInFile], bool]
    ) -> Sequence[HandedInFile]:
        """The files up to the last one that fits, or none. Earlier ones are not read."""
        for place in range(len(files) - 1, max(-1, len(files) - 1 - MAX_EXAMINED), -1):
            if fits(files[place]):
                return files[: place + 1]
        return ()

    @cached_property
    def _pool(self) -> list[HandedInFile]:
        """The files that may be the student's own."""
        mine = [each for each in self._sources if self._rank(each) >= 0]
        if any(self._place(each) is FilePlace.BEFORE for each in mine):
            # Of such a clone, paths do not tell whether it is an old one, and texts do.
            saying = [each for each in mine if self._says(each)]
            mine = saying or [e for e in mine if self._place(e) is not FilePlace.BEFORE]
        pool = mine or [each for each in self._sources if self._place(each) is FilePlace.ANSWER]
        return [each for each in pool if _is_the_students(each.claim.file)] or pool

    @cached_property
    def _named(self) -> list[HandedInFile]:
        return [
            each
            for each in self._pool
            if self._place(each) is FilePlace.BEFORE or _is_named(each.claim.file, self._names)
        ]

    @property
    def _not_theirs(self) -> Sequence[str]:
        left = (each for each in self._sources if each not in self._pool)
        return [
            "/".join(each.claim.file.split("/")[-4:])
            for each in left
            if self._rank(each) < 0 and _is_named(each.claim.file, self._names)
        ]

    def _chosen(
        self, found: Sequence[HandedInFile], instead_of: Sequence[HandedInFile] = ()
    ) -> ChosenFiles:
        found = list(found)
        doubt = self._doubt(found) if len(found) > 1 else ""
        while doubt and self.is_work(found[-1]) and not self.is_work(found[-2]):
            # Of that which was taken and an untouched copy, no other can be meant.
            instead_of = [found.pop(-2), *instead_of]
            doubt = self._doubt(found) if len(found) > 1 else ""
        if instead_of:
            shown = instead_of[-1].entry.source
            doubt = f"is taken, for {shown} is as the book ships it: nothing was filled in there"
        return ChosenFiles(files=found, doubt=doubt, not_theirs=self._not_theirs)

    def _nothing(self, shipped: Sequence[HandedInFile] = ()) -> str:
        """What to say where all Mojo files are the book's; empty where there are no Mojo files."""
        shown = [each.claim.file for each in shipped or self._sources[:3]]
        if not shown:
            return ""
        return (
            f"What was handed in are files that the book ships for another use ({', '.join(shown)}"
            f"), and nothing at {self._book.layout.own}."
        )

    def is_work(self, file: HandedInFile) -> bool:
        """Whether the student worked on a file: the book does not ship it.

        The book's own answer is work where the student's belongs: many right answers are the
        same, word for word.
        """
        program = self._reading.program(file.entry)
        if self._book.is_untouched(program):
            return False
        if not program or not self._book.ships(program):
            return True
        if self._rank(file) <= 0:
            return False
        if self._place(file) in (FilePlace.ASSIGNED, FilePlace.BEFORE):
            return True
        return self._book.is_answer(program)

    def _is_untouched(self, file: HandedInFile) -> bool:
        return self._rank(file) > 0 and self._book.is_untouched(self._reading.program(file.entry))

    def _has_code(self, file: HandedInFile) -> bool:
        """Whether a file of any name is work at this puzzle: it has a name of the puzzle's code."""
        return self._says(file) and self.is_work(file)

    def _says(self, file: HandedInFile) -> bool:
        words = {word for part in self._book.layout.puzzle.parts for word in part.code.words}
        return any(self._reading.says(file.entry, word) for word in words)

    def _place(self, file: HandedInFile) -> FilePlace:
        return self._book.layout.place(file.claim.file)

    def _rank(self, file: HandedInFile) -> int:
        return _RANK[self._place(file)]

    def _order(self, file: HandedInFile) -> tuple[bool, int, int, int, int, float, str]:
        name, times = _name(file.claim)
        at = -_depth(file.claim), file.claim.number, times
        named = name in self._names or self._place(file) is FilePlace.BEFORE
        return (named, self._rank(file), *at, *_by_time(file))

    def _doubt(self, found: Sequence[HandedInFile]) -> str:
        """What decided which of several files counts; empty where only Canvas's numbers did."""
        *others, last = found
        if self._order(others[-1])[:5] == self._order(last)[:5]:
            return _BY_TIME
        name, _ = _name(last.claim)
        if any(_name(each.claim)[0] != name for each in others):
            named = name in self._names
            why = "it has the puzzle's own name" if named else "it is the least deep or latest"
            return f"is taken, for {why}; there are files with other names"
        if any(self._rank(each) < self._rank(last) for each in others):
            return "is taken, for it stands where the book has the puzzle's file"
        if any(_depth(each.claim) > _depth(last.claim) for each in others):
            return "is taken, for it is the least deep"
        return ""


def _depth(claim: Claim) -> int:
    return claim.file.count("/")


def _by_time(file: HandedInFile) -> tuple[float, str]:
    return file.entry.modified, file.entry.source


def _name(claim: Claim) -> tuple[str, int]:
    """The student's name for the file, in small letters without suffix; how often Canvas had it."""
    name, times = claim.file.rpartition("/")[2], 0
    if claim.number:
        # Only Canvas adds to a name; elsewhere `answer-2.mojo` is what the student called it.
        name, times = times_uploaded(name)
    return stem(name).lower(), times


def _is_named(file: str, puzzle: Collection[str]) -> bool:
    name = stem(file.rpartition("/")[2]).lower()
    return any(each in name for each in puzzle) and not name.startswith("test")


def _is_the_students(file: str) -> bool:
    return not _NOT_THE_STUDENTS.intersection(file.lower().split("/")[:-1])


_FILES_SHOWN: Final = 4
_REMEDY: Final = "Hand in the one .mojo file that you edited."


@dataclass(frozen=True, kw_only=True)
class UnpackedArchives:
    """A student's files, with the answers in their archives in place of the archives."""

    files: Sequence[HandedInFile]
    notes: Sequence[str] = ()
    """What was taken out of what."""


def unpack_archives(
    files: Sequence[HandedInFile], book: Book, reading: FileReader
) -> UnpackedArchives:
    """Look into the ZIP archives of a student who handed in no Mojo file beside them."""
    archives = [each for each in files if each.entry.unpack is not None]
    if not archives or any(each.entry.is_mojo for each in files):
        return UnpackedArchives(files=files)
    found, notes = [], []
    for archive in sorted(archives, key=_order_of_archives):
        answer = _answer(archive, book, reading)
        found.append(answer)
        if answer.entry.is_mojo:
            notes.append(
                f"{answer.entry.source} is taken: nothing else in the archive can be the answer"
            )
    if not found[-1].entry.is_mojo:  # what the last one is refused for
        found = found[-1:]
    return UnpackedArchives(
        files=[each for each in found if each.entry.is_mojo] or found, notes=notes
    )


def files_in_archives(files: Sequence[HandedInFile]) -> Sequence[HandedInFile]:
    """All files of a student: those in ZIP archives, where no Mojo file lies beside them.

    They hold on to what is in the archive: see `kept`.
    """
    archives = [each for each in files if each.entry.unpack is not None]
    if not archives or any(each.entry.is_mojo for each in files):
        return files
    found: list[HandedInFile] = []
    for archive in sorted(archives, key=_order_of_archives):
        try:
            inner = _files_in(archive)
        except SubmissionRefused as refused:
            found.append(_refused(archive, refused.what, refused.remedy))
            continue
        mojo = [each for each in inner if each.entry.is_mojo]
        what = f"There is no .mojo file in {archive.entry.source}."
        found += mojo or [_refused(archive, what, _REMEDY)]
    return found


def _order_of_archives(file: HandedInFile) -> tuple[int, int, float, str]:
    _, times = times_uploaded(file.claim.file)
    return file.claim.number, times, file.entry.modified, file.entry.source


def _answer(archive: HandedInFile, book: Book, reading: FileReader) -> HandedInFile:
    """The answer in an archive; where there is none, the archive with why it is refused."""
    shown = archive.entry.source
    try:
        inner = _files_in(archive)
    except SubmissionRefused as refused:
        return _refused(archive, refused.what, refused.remedy)
    choice = choose_attempts(inner, book, reading)
    if len(choice.files) == 1:
        return kept(choice.files[0])
    if choice.nothing:
        return _refused(archive, f"In {shown}: {choice.nothing}", _REMEDY)
    if not choice.files:
        return _refused(archive, f"There is no .mojo file in {shown}.", _REMEDY)
    named = ", ".join(each.claim.file for each in choice.files[-_FILES_SHOWN:])
    more = (
        f" and {len(choice.files) - _FILES_SHOWN} more" if len(choice.files) > _FILES_SHOWN else ""
    )
    what = f"{len(choice.files)} files in {shown} could be the answer: {named}{more}."
    return _refused(archive, what, _REMEDY)


def _files_in(archive: HandedInFile) -> list[HandedInFile]:
    assert archive.entry.unpack is not None
    return [_inside(archive, each) for each in archive.entry.unpack() if not each.misnamed]


def _inside(archive: HandedInFile, entry: FileEntry) -> HandedInFile:
    claim = replace(archive.claim, file="/".join(entry.parts), alone=False)
    modified = entry.modified or archive.entry.modified
    return HandedInFile(
        entry=replace(entry, parts=(*archive.entry.parts, *entry.parts), modified=modified),
        claim=claim,
    )


def kept(file: HandedInFile) -> HandedInFile:
    """The file without a reference to its archive, which would stay in memory with it."""
    try:
        read = file.entry.load()
    except SubmissionRefused as refused:
        entry = replace(file.entry, load=refusing(refused.what, refused.remedy), refused=True)
    else:
        entry = replace(file.entry, load=lambda: read)
    return replace(file, entry=entry)


def _refused(archive: HandedInFile, what: str, remedy: str) -> HandedInFile:
    entry = replace(archive.entry, load=refusing(what, remedy), refused=True)
    return replace(archive, entry=entry)
