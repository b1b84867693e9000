"""The one way in: a path or standard input becomes a `Submission`, or is refused.

The file is opened once, without following a link, checked through that
descriptor and read from it, counted: what was checked is what is graded.

Hard links: a second name is refused where the file belongs to somebody else
than its directory does, for that is how a student would hand in a stranger's
file. A link within one owner's files is that owner's business.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from grader.errors import SubmissionRefused
from grader.intake.display import one_line, safe_name

MAX_BYTES: Final = 256 * 1024
"""The largest file taken. The longest puzzle solution seen has 30 KB."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One submitted file. Its bytes are still hostile; only their form has been checked."""

    name: str
    """Safe to show anywhere after the escaping of that place. Never used as a path."""
    text: str
    """``data`` as text: UTF-8, no NUL; a byte order mark at the start is left out."""
    data: bytes
    """Exactly what was handed in."""
    sha256: str
    """Of ``data``, in hexadecimal."""


_STDIN: Final = "-"
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_HAND_IN: Final = "Hand in the one .mojo file that you edited."
_BYTE_ORDER_MARK: Final = "\ufeff"
_KINDS: Final = (
    (stat.S_ISLNK, "a symbolic link", "Hand in the file itself, not a link to it."),
    (stat.S_ISDIR, "a directory", "Hand in the file in it, such as solution.mojo."),
    (stat.S_ISFIFO, "a named pipe", "Write it to a file first, or pipe it to `grade submit -`."),
    (stat.S_ISSOCK, "a socket", _HAND_IN),
    (stat.S_ISCHR, "a device", _HAND_IN),
    (stat.S_ISBLK, "a device", _HAND_IN),
)
# What people hand in by mistake, by its first bytes.
_FOREIGN: Final = (
    (b"PK\x03\x04", "a ZIP archive", "Unpack it and hand in the .mojo file."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it and hand in the .mojo file."),
    (b"%PDF", "a PDF document", _HAND_IN),
    (b"\x7fELF", "a compiled program", "Hand in the source, not what was built from it."),
    (b"\xff\xfe", "UTF-16 text", "Save the file as UTF-8."),
    (b"\xfe\xff", "UTF-16 text", "Save the file as UTF-8."),
)


def read_submission(source: Path | str, *, stdin: BinaryIO | None = None) -> Submission:
    """Read what was handed in.

    Args:
        source: A path, or ``-`` for standard input.
        stdin: Read instead of the process's own standard input.

    Raises:
        SubmissionRefused: with what is wrong with it, and what to hand in instead.
    """
    if str(source) == _STDIN:
        stream = sys.stdin.buffer if stdin is None else stdin
        return _checked("stdin", "standard input", _read_stream(stream))
    path = Path(source)
    shown = one_line(str(path))
    return _checked(safe_name(path.name), shown, _read_file(path, shown))


def submission_from_bytes(name: str, data: bytes) -> Submission:
    """The same checks for what came from elsewhere: an archive's member, a clone's file.

    Raises:
        SubmissionRefused: as `read_submission`.
    """
    return _checked(safe_name(name), one_line(name), data)


def _read_stream(stream: BinaryIO) -> bytes:
    try:
        return _read_counted(stream.read)
    except (OSError, ValueError) as error:
        raise SubmissionRefused(
            f"Standard input can't be read: {one_line(str(error))}.",
            remedy="Pipe the file in, as in `grade submit - < solution.mojo`, or name it.",
        ) from error


def _read_file(path: Path, shown: str) -> bytes:
    try:
        _check_kind(os.lstat(path), shown)
        descriptor = os.open(path, _OPEN_FLAGS)
    except (OSError, ValueError) as error:
        raise _unreadable(shown, error) from error
    try:
        status = os.fstat(descriptor)
        _check_kind(status, shown)
        _check_links(status, path, shown)
        return _read_counted(lambda size: os.read(descriptor, size))
    except OSError as error:
        raise _unreadable(shown, error) from error
    finally:
        os.close(descriptor)


def _unreadable(shown: str, error: OSError | ValueError) -> SubmissionRefused:
    if isinstance(error, FileNotFoundError):
        return SubmissionRefused(
            f"There is no file {shown}.", remedy="Check the name and the folder you are in."
        )
    if isinstance(error, PermissionError):
        return SubmissionRefused(
            f"You are not allowed to read {shown}.", remedy="Give yourself the right to read it."
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return SubmissionRefused(f"{shown} can't be read: {one_line(reason)}.", remedy=_HAND_IN)


def _check_kind(status: os.stat_result, shown: str) -> None:
    for is_kind, kind, remedy in _KINDS:
        if is_kind(status.st_mode):
            raise SubmissionRefused(f"{shown} is {kind}.", remedy=remedy)
    if not stat.S_ISREG(status.st_mode):
        raise SubmissionRefused(f"{shown} is not a regular file.", remedy=_HAND_IN)


def _check_links(status: os.stat_result, path: Path, shown: str) -> None:
    if status.st_nlink > 1 and status.st_uid != os.stat(path.parent).st_uid:
        raise SubmissionRefused(
            f"{shown} is a hard link to a file of somebody else.",
            remedy="Hand in a copy of the file.",
        )


def _read_counted(read: Callable[[int], bytes]) -> bytes:
    """Everything up to one byte more than is allowed."""
    chunks: list[bytes] = []
    left = MAX_BYTES + 1
    while left > 0:
        chunk = read(min(left, 1 << 16))
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _checked(name: str, shown: str, data: bytes) -> Submission:
    if len(data) > MAX_BYTES:
        raise SubmissionRefused(
            f"{shown} is larger than {MAX_BYTES // 1024} KB.",
            remedy="Hand in only the .mojo file of this puzzle, without data in it.",
        )
    if not data.strip():
        raise SubmissionRefused(
            f"{shown} is empty." if not data else f"{shown} holds nothing but white space.",
            remedy="Save your solution in your editor, then hand it in again.",
        )
    for magic, kind, remedy in _FOREIGN:
        if data.startswith(magic):
            raise SubmissionRefused(f"{shown} is {kind}, not Mojo source.", remedy=remedy)
    text = _decoded(shown, data)
    return Submission(
        name=name,
        text=text.removeprefix(_BYTE_ORDER_MARK),
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _decoded(shown: str, data: bytes) -> str:
    null = data.find(b"\0")
    if null >= 0:
        raise SubmissionRefused(
            f"{shown} holds a NUL byte in line {_line(data, null)} (byte {null}).",
            remedy="Source code holds none: save the file as UTF-8 text, or remove it there.",
        )
    try:
        return data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise SubmissionRefused(
            f"{shown} is not UTF-8: line {_line(data, error.start)} (byte {error.start})"
            f" has the byte 0x{data[error.start]:02x}.",
            remedy="Save the file as UTF-8 in your editor, then hand it in again.",
        ) from None


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
