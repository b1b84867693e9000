"""The files of a ZIP archive, read in memory and never unpacked.

Nothing of an archive is believed. Names are only shown and compared, never used
as paths; each member is read up to the largest submission and no further, so
that a bomb costs what one submission costs. What is odd about one member
refuses that member, by name; the others are read.
"""

from __future__ import annotations

import io
import lzma
import struct
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from grader.batch.collect.entry import (
    FileEntry,
    Listing,
    empty_folder,
    is_skipped,
    refusing,
    same_name,
)
from grader.batch.collect.zip_member import (
    MAX_PACKED,
    is_folder,
    is_zip,
    name_of,
    odd_member,
    odd_name,
    parts_of,
    written,
    zone_at,
)
from grader.errors import SubmissionRefused, UsageError
from grader.intake import MAX_BYTES, Submission, submission_from_bytes
from grader.intake.display import one_line

MAX_MEMBERS: Final = 250_000
MAX_PACKED_MEMBERS: Final = 20_000
_AGAIN: Final = "Ask for the file alone, or make the archive again from the files."
_READ_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # encrypted, or (NotImplementedError) packed in a way that is not supported
)


@contextmanager
def archive_entries(path: Path) -> Iterator[Listing]:
    """The files in a ZIP archive, which stays open until the context ends.

    Raises:
        UsageError: it can't be read as a ZIP archive, or has too many members.
    """
    try:
        with warnings.catch_warnings():
            # What is odd about a name is said in our words.
            warnings.simplefilter("ignore")
            archive = zipfile.ZipFile(path)
    except (*_READ_ERRORS, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"{path} can't be read as a ZIP archive: {one_line(str(reason))}",
            remedy="Download it again, or unpack it and give the folder.",
        ) from error
    with archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise UsageError(
                f"{path} has {len(members)} members; at most {MAX_MEMBERS} are read",
                remedy="Unpack what is needed and give the folder.",
            )
        yield _listing(archive, members, one_line(path.name))


def packed_entries(data: bytes, shown: str) -> list[FileEntry]:
    """The files in an archive that a student handed in. They hold on to ``data``.

    Raises:
        SubmissionRefused: it can't be read as a ZIP archive, or is too large.
    """
    if len(data) > MAX_PACKED:
        raise SubmissionRefused(
            f"{shown} is larger than {MAX_PACKED // 1024 // 1024} MB.",
            remedy="Hand in the one .mojo file that you edited.",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
        if len(members) > MAX_PACKED_MEMBERS:
            raise SubmissionRefused(
                f"{shown} has {len(members)} members; at most {MAX_PACKED_MEMBERS} are read.",
                remedy="Hand in the one .mojo file that you edited.",
            )
        entries = _listing(archive, members, shown).entries
        return [each for each in entries if not each.empty]
    except (*_READ_ERRORS, UnicodeError) as error:
        raise SubmissionRefused(
            f"{shown} can't be read as a ZIP archive: {one_line(str(error))}.", remedy=_AGAIN
        ) from error


def _listing(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], shown_as: str) -> Listing:
    named = [(member, name_of(member)) for member in members]
    # A folder has a member of its own, without content.
    files = [(member, name) for member, name in named if not is_folder(member, name)]
    seen = Counter(same_name(parts_of(name)) for _, name in files)
    entries, assumed = [], []
    for member, name in files:
        parts = parts_of(name)
        if any(is_skipped(part) for part in parts if part != ".."):
            continue
        # Another reader may see the name that stands in the header.
        misnamed = odd_name(name) or odd_name(member.orig_filename)
        odd = misnamed or odd_member(member)
        if not odd and seen[same_name(parts)] > 1:
            odd = "is in the archive more than once: which one is meant can't be known"
        shown = one_line(name)
        time = written(member)
        assumed += [time.seconds] if time.assumed else []
        entries.append(
            FileEntry(
                parts=parts or (shown or "a member without a name",),
                modified=time.seconds,
                load=refusing(f"{shown} {odd}.", _AGAIN) if odd else _loader(archive, member, name),
                refused=bool(odd),
                misnamed=bool(misnamed),
                unpack=None if odd or not is_zip(name) else _unpacker(archive, member, shown),
            )
        )
    filled = {entry.parts[:depth] for entry in entries for depth in range(1, len(entry.parts))}
    entries += [empty_folder(each) for each in _folders(named) if each not in filled]
    notes = []
    if assumed:
        notes.append(
            f"the times of {len(assumed)} files in {shown_as} have no zone: they were read as "
            f"this machine's, {zone_at(max(assumed))}. Set TZ if it was another"
        )
    return Listing(entries=entries, notes=notes)


def _folders(named: Sequence[tuple[zipfile.ZipInfo, str]]) -> Iterator[tuple[str, ...]]:
    """Folders at the top, and one below: there a folder may be all that there is of a student."""
    seen = set()
    for member, name in named:
        parts = parts_of(name)
        if not is_folder(member, name):
            parts = parts[:-1]  # there may be nothing to look at in it
        for depth in (1, 2):
            folder = parts[:depth]
            odd = odd_name(name) or any(map(is_skipped, folder))
            if len(folder) == depth and not odd and folder not in seen:
                seen.add(folder)
                yield folder


def _loader(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str
) -> Callable[[], Submission]:
    def load() -> Submission:
        shown = one_line(name)
        try:
            with archive.open(member) as file:
                data = file.read(MAX_BYTES + 1)
                # The checksum is compared when the end is read.
                if len(data) <= MAX_BYTES and file.read(1):
                    data += b"\0" * (MAX_BYTES + 1)
        except _READ_ERRORS as error:
            raise SubmissionRefused(
                f"{shown} can't be unpacked: {one_line(str(error)) or type(error).__name__}.",
                remedy=_AGAIN,
            ) from error
        return submission_from_bytes("/".join(parts_of(name)), data)

    return load


def _unpacker(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, shown: str
) -> Callable[[], Sequence[FileEntry]]:
    def unpack() -> Sequence[FileEntry]:
        try:
            with archive.open(member) as file:
                data = file.read(MAX_PACKED + 1)
        except _READ_ERRORS as error:
            raise SubmissionRefused(
                f"{shown} can't be unpacked: {one_line(str(error)) or type(error).__name__}.",
                remedy=_AGAIN,
            ) from error
        return packed_entries(data, shown)

    return unpack
