"""What was handed in, after every check: the only form in which the grader passes it on."""

from __future__ import annotations

from typing import Final

import msgspec

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
