"""The files of a ZIP archive, read in memory and never unpacked.

Nothing of an archive is believed. Names are only shown and compared, never used as paths; each
member is read up to the largest submission and no further, so that a bomb costs what one submission
costs. What is odd about one member refuses that member, by name; the others are read.

An archive says of each name whether it is UTF-8. Where it says no, its bytes are of the packer's
own code page, or UTF-8 all the same: macOS's Finder writes it without saying so, and Info-ZIP has
it in an extra field (APPNOTE.TXT, 4.6.9).

The time that every member has is that of a clock on a wall, in a zone that is not said
(APPNOTE.TXT, 4.4.6). Most packers add the same in UTC, in an extra field: Info-ZIP's extended
timestamp or its older one, PKWARE's for Unix, or that of NTFS (4.5.5, 4.5.7, and
``proginfo/extrafld.txt`` of Info-ZIP).
"""

from __future__ import annotations

import contextlib
import io
import lzma
import re
import stat
import struct
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
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
from grader.errors import SubmissionRefused, UsageError
from grader.intake import MAX_BYTES, Submission, submission_from_bytes
from grader.intake.display import one_line

MAX_PACKED: Final = 16 * 1024 * 1024
"""Bytes of an archive that a student handed in: a clone of the book takes a third of it."""
MAX_RATIO: Final = 200
"""Source text shrinks to a third or a tenth; deflate's limit is 1032."""
_RATIO_FROM: Final = 32 * 1024
"""Bytes. A short file of blanks may shrink that much, and does no harm."""
_MAX_NAME: Final = 1_000
_MAX_DEPTH: Final = 40
_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_UTF8_FLAG: Final = 0x800
_UNICODE_PATH: Final = 0x7075
_EXTENDED: Final = 0x5455
_UNIX: Final = (0x5855, 0x000D)
_NTFS: Final = 0x000A
_NTFS_TIMES: Final = 1
_1601: Final = 11_644_473_600
"""Seconds from the beginning of NTFS's count to that of Unix's."""
_NEVER: Final = (1980, 1, 1, 0, 0, 0)
"""The first time that the format has; packers that do not store a time write it."""


def is_zip(name: str) -> bool:
    """Whether a file of that name is an archive that is looked into."""
    return name.lower().endswith(".zip")


def name_of(member: zipfile.ZipInfo) -> str:
    """A member's name as it was meant.

    It is whole: `ZipInfo.filename` ends at a NUL byte, and is another name from
    Python 3.12 on where there is a second one.
    """
    name = member.orig_filename
    if member.flag_bits & _UTF8_FLAG:
        return name
    raw = name.encode("cp437")  # as zipfile decodes what is not said to be UTF-8
    if unicode_path := _unicode_path(member.extra, raw):
        return unicode_path
    with contextlib.suppress(UnicodeDecodeError):
        return raw.decode("utf-8")
    return name


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """The name in Info-ZIP's extra field; empty where it was made for another first name."""
    for kind, field in extra_fields(extra):
        if kind != _UNICODE_PATH or len(field) <= 5:
            continue
        version, checksum = struct.unpack_from("<BL", field)
        if version == 1 and checksum == zlib.crc32(raw):
            with contextlib.suppress(UnicodeDecodeError):
                return field[5:].decode("utf-8")
    return ""


def is_folder(member: zipfile.ZipInfo, name: str) -> bool:
    """Whether a member stands for a folder and has no content."""
    return name.partition("\0")[0].endswith("/") and not member.file_size


def parts_of(name: str) -> tuple[str, ...]:
    """A member's name as the parts of a path."""
    return tuple(part for part in re.split(r"[/\\]", name) if part not in ("", "."))


def odd_name(name: str) -> str:
    """What is wrong with a member's name, as the end of a sentence; empty where nothing is."""
    if "\0" in name:
        return "has a name with a NUL byte in it"
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        return "has an absolute name"
    if ".." in re.split(r"[/\\]", name):
        return "has a name that leads out of the archive"
    if len(name) > _MAX_NAME or len(parts_of(name)) > _MAX_DEPTH:
        return "has a name that is too long"
    return ""


def odd_member(member: zipfile.ZipInfo) -> str:
    """What is wrong with a member's header, as the end of a sentence; empty where nothing is."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind not in (0, stat.S_IFREG):
        return "is not a regular file"
    if member.flag_bits & 0x1:
        return "is encrypted"
    most = MAX_PACKED if is_zip(member.orig_filename) else MAX_BYTES
    if member.file_size > most:
        return f"is larger than {most // 1024} KB"
    if member.file_size > max(_RATIO_FROM, MAX_RATIO * member.compress_size):
        return f"unpacks to more than {MAX_RATIO} times its size, as only a bomb does"
    return ""


@dataclass(frozen=True)
class MemberTime:
    """When a member was last modified."""

    seconds: float = 0.0
    """Since the epoch; 0 where it is not known."""
    assumed: bool = False
    """Whether it was taken for the time of this machine's zone, as nothing says of which it is."""


def modified_time(member: zipfile.ZipInfo) -> MemberTime:
    """When a member was last modified, by its header."""
    for kind, field in extra_fields(member.extra):
        with contextlib.suppress(struct.error, IndexError):
            if (seconds := _in_utc(kind, field)) > 0:
                return MemberTime(seconds)
    if member.date_time == _NEVER:
        return MemberTime()
    with contextlib.suppress(ValueError, OverflowError, OSError):
        return MemberTime(datetime(*member.date_time).timestamp(), assumed=True)  # noqa: DTZ001
    return MemberTime()


def zone_at(seconds: float) -> str:
    """This machine's zone at a time, for people: ``CEST, UTC+0200``."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Z, UTC%z")


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each whole extra field."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if len(field) == size:
            yield kind, field


def _in_utc(kind: int, field: bytes) -> float:
    """The time of modification that an extra field of this kind holds; 0 where it holds none."""
    if kind == _EXTENDED and field[0] & 1:
        return float(struct.unpack_from("<i", field, 1)[0])
    if kind in _UNIX:
        return float(struct.unpack_from("<i", field, 4)[0])
    if kind == _NTFS:
        for tag, times in extra_fields(field[4:]):
            if tag == _NTFS_TIMES:
                return float(struct.unpack_from("<Q", times)[0] / 10_000_000 - _1601)
    return 0.0


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
        time = modified_time(member)
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
    """The folders of the first two levels; an empty one may be all that a student handed in."""
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
