"""What a student handed in as an archive: the one file in it that could be the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from grader.batch.collect.choose import HandedIn, attempts
from grader.batch.collect.entry import FileEntry, refusing
from grader.batch.collect.names import times_uploaded
from grader.batch.collect.reading import Reading
from grader.book import Book
from grader.errors import SubmissionRefused

_SHOWN: Final = 4
_REMEDY: Final = "Hand in the one .mojo file that you edited."


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """Archives of one student with the answers that were found in them in their place."""

    files: Sequence[HandedIn]
    notes: Sequence[str] = ()
    """What was taken out of what."""


def unpacked(files: Sequence[HandedIn], book: Book, reading: Reading) -> Unpacked:
    """Look into the ZIP archives of a student who handed in no Mojo file beside them."""
    archives = [each for each in files if each.entry.unpack is not None]
    if not archives or any(each.entry.is_mojo for each in files):
        return Unpacked(files=files)
    found, notes = [], []
    for archive in sorted(archives, key=_order):
        answer = _answer(archive, book, reading)
        found.append(answer)
        if answer.entry.is_mojo:
            notes.append(
                f"{answer.entry.source} is taken: nothing else in the archive can be the answer"
            )
    if not found[-1].entry.is_mojo:  # what the last one is refused for
        found = found[-1:]
    return Unpacked(files=[each for each in found if each.entry.is_mojo] or found, notes=notes)


def _order(file: HandedIn) -> tuple[int, int, float, str]:
    _, times = times_uploaded(file.claim.file)
    return file.claim.number, times, file.entry.modified, file.entry.source


def _answer(archive: HandedIn, book: Book, reading: Reading) -> HandedIn:
    """The file in an archive, or the archive with why it is refused."""
    assert archive.entry.unpack is not None
    shown = archive.entry.source
    try:
        inner = [_inside(archive, each) for each in archive.entry.unpack() if not each.misnamed]
    except SubmissionRefused as refused:
        return _refused(archive, refused.what, refused.remedy)
    choice = attempts(inner, book, reading)
    if len(choice.files) == 1:
        return _kept(choice.files[0])
    if choice.nothing:
        return _refused(archive, f"In {shown}: {choice.nothing}", _REMEDY)
    if not choice.files:
        return _refused(archive, f"There is no .mojo file in {shown}.", _REMEDY)
    named = ", ".join(each.claim.file for each in choice.files[-_SHOWN:])
    more = f" and {len(choice.files) - _SHOWN} more" if len(choice.files) > _SHOWN else ""
    what = f"{len(choice.files)} files in {shown} could be the answer: {named}{more}."
    return _refused(archive, what, _REMEDY)


def _inside(archive: HandedIn, entry: FileEntry) -> HandedIn:
    claim = replace(archive.claim, file="/".join(entry.parts), alone=False)
    modified = entry.modified or archive.entry.modified
    return HandedIn(
        entry=replace(entry, parts=(*archive.entry.parts, *entry.parts), modified=modified),
        claim=claim,
    )


def _kept(file: HandedIn) -> HandedIn:
    """The file without its archive, which would stay in memory as long as the file is known."""
    try:
        read = file.entry.load()
    except SubmissionRefused as refused:
        entry = replace(file.entry, load=refusing(refused.what, refused.remedy), refused=True)
    else:
        entry = replace(file.entry, load=lambda: read)
    return replace(file, entry=entry)


def _refused(archive: HandedIn, what: str, remedy: str) -> HandedIn:
    entry = replace(archive.entry, load=refusing(what, remedy), refused=True)
    return replace(archive, entry=entry)
