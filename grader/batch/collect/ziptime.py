"""When a file was written, by what a ZIP archive says of it.

The time that every member has is that of a clock on a wall, in a zone that is not said
(APPNOTE.TXT, 4.4.6). Most packers add the same in UTC, in an extra field: Info-ZIP's extended
timestamp or its older one, PKWARE's for Unix, or that of NTFS (4.5.5, 4.5.7, and
``proginfo/extrafld.txt`` of Info-ZIP).
"""

from __future__ import annotations

import contextlib
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_EXTENDED: Final = 0x5455
_UNIX: Final = (0x5855, 0x000D)
_NTFS: Final = 0x000A
_NTFS_TIMES: Final = 1
_1601: Final = 11_644_473_600
"""Seconds from the beginning of NTFS's count to that of Unix's."""
_NEVER: Final = (1980, 1, 1, 0, 0, 0)
"""The first time that there is, and what packers write who do not say one."""


@dataclass(frozen=True)
class MemberTime:
    """When a member was last modified."""

    seconds: float = 0.0
    """Since the epoch; 0 where it is not known."""
    assumed: bool = False
    """Whether it was taken for the time of this machine's zone, as nothing says of which it is."""


def written(member: zipfile.ZipInfo) -> MemberTime:
    """A member's time."""
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
    """The time of modification in a field of some kind, or 0."""
    if kind == _EXTENDED and field[0] & 1:
        return float(struct.unpack_from("<i", field, 1)[0])
    if kind in _UNIX:
        return float(struct.unpack_from("<i", field, 4)[0])
    if kind == _NTFS:
        for tag, times in extra_fields(field[4:]):
            if tag == _NTFS_TIMES:
                return float(struct.unpack_from("<Q", times)[0] / 10_000_000 - _1601)
    return 0.0
