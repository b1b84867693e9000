"""The files below a folder. No link is followed; what is hidden (``.git``) is not looked into."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from grader.batch.collect.archive import MAX_PACKED, is_zip, packed_entries
from grader.batch.collect.entry import (
    FileEntry,
    Listing,
    empty_folder,
    is_mojo,
    is_skipped,
    refusing,
)
from grader.batch.database import DATABASE, holds_a_run
from grader.errors import SubmissionRefused, UsageError
from grader.intake import Submission, read_submission
from grader.intake.display import one_line

MAX_FILES: Final = 2_000_000
MAX_OF_ONE: Final = 50_000
"""Files and folders below one folder at the top, which is mostly a student's."""
MAX_DEPTH: Final = 40


class _TooMany(Exception):
    """More files and folders than are looked at."""


def folder_entries(root: Path) -> Listing:
    """The files below ``root``.

    Who has too many of them is refused, and costs the others nothing.

    Raises:
        UsageError: it can't be read, or there are too many files of all together.
    """
    too_many = UsageError(
        f"there are more than {MAX_FILES} files below {root}",
        remedy="Give the folder that holds the submissions only.",
    )
    try:
        tops = _scan(root, MAX_FILES)
    except OSError as error:
        raise UsageError(
            f"{root} can't be read: {error.strerror}", remedy="Give a folder that you may read."
        ) from error
    except _TooMany:
        raise too_many from None
    entries: list[FileEntry] = []
    notes: list[str] = []
    for top in tops:
        below = _Below(left=MAX_OF_ONE)
        try:
            found = list(below.visit(top, ()))
            notes += below.notes
            if not found and not below.notes and top.is_dir(follow_symlinks=False):
                found = [empty_folder((top.name,))]
            entries += found
        except _TooMany:
            entries.append(_crowded(top.name))
        if len(entries) > MAX_FILES:
            raise too_many
    return Listing(entries=entries, notes=notes)


def _scan(folder: Path, most: int) -> list[os.DirEntry[str]]:
    """The content of a folder, sorted by name, without what is never looked into."""
    with os.scandir(folder) as listing:
        looked_into = (each for each in listing if not is_skipped(each.name))
        found = list(itertools.islice(looked_into, most + 1))
    if len(found) > most:
        raise _TooMany
    return sorted(found, key=lambda each: each.name)


@dataclass
class _Below:
    """Walks through one folder at the top."""

    left: int
    """How many more files and folders are looked at."""
    notes: list[str] = field(default_factory=list)

    def visit(self, each: os.DirEntry[str], above: tuple[str, ...]) -> Iterator[FileEntry]:
        """A file, or all that lies below a folder. May raise `_TooMany`."""
        parts = (*above, each.name)
        if each.is_symlink():
            # A link inside a student's folder may be anything; where a file or a
            # student is expected, it is said that it was not followed.
            if not above or is_mojo(each.name):
                yield _refused(parts, "is a symbolic link")
        elif each.is_dir(follow_symlinks=False):
            if len(parts) < MAX_DEPTH:
                yield from self._folder(Path(each.path), parts)
        else:
            path = Path(each.path)
            yield FileEntry(
                parts=parts,
                modified=_modified(each),
                load=_loader(path, parts),
                unpack=_unpacker(path, parts) if is_zip(each.name) else None,
            )

    def _folder(self, folder: Path, parts: tuple[str, ...]) -> Iterator[FileEntry]:
        try:
            found = _scan(folder, self.left)
        except OSError as error:
            yield _refused((*parts, "."), f"can't be read: {error.strerror}")
            return
        self.left -= len(found)
        if any(each.name == DATABASE for each in found) and holds_a_run(folder):
            self.notes.append(
                f"{one_line('/'.join(parts))} holds the results of a run: it was not looked into"
            )
            return
        for each in found:
            yield from self.visit(each, parts)


def _crowded(name: str) -> FileEntry:
    what = f"{one_line(name)} holds more than {MAX_OF_ONE} files and folders."
    remedy = "Take out what is not the answer, such as environments and build folders."
    return FileEntry(parts=(name, "."), load=refusing(what, remedy), refused=True)


def _modified(each: os.DirEntry[str]) -> float:
    try:
        status = each.stat(follow_symlinks=False)
    except OSError:
        return 0.0
    return status.st_mtime if stat.S_ISREG(status.st_mode) else 0.0


def _loader(path: Path, parts: tuple[str, ...]) -> Callable[[], Submission]:
    def load() -> Submission:
        try:
            return read_submission(path)
        except SubmissionRefused as refused:
            # Students read it: where the instructor keeps the files is not theirs to know.
            what = refused.what.replace(one_line(str(path)), one_line("/".join(parts)))
            raise SubmissionRefused(what, remedy=refused.remedy) from refused

    return load


def _unpacker(path: Path, parts: tuple[str, ...]) -> Callable[[], Sequence[FileEntry]]:
    shown = one_line("/".join(parts))

    def unpack() -> Sequence[FileEntry]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
                data = file.read(MAX_PACKED + 1) if regular else b""
        except OSError as error:
            raise SubmissionRefused(
                f"{shown} can't be read: {error.strerror}.", remedy="Put a copy of it there."
            ) from error
        return packed_entries(data, shown)

    return unpack


def _refused(parts: tuple[str, ...], why: str) -> FileEntry:
    shown = one_line("/".join(parts).removesuffix("/."))
    load = refusing(f"{shown} {why}.", "Put a copy of the file itself there.")
    return FileEntry(parts=parts, load=load, refused=True)
