"""Which code made a result, or a page: between two releases a version says too little."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Final

from grader import __version__

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_KINDS: Final = frozenset({".py", ".c", ".h", ".def", ".toml", ".json"})
# What shows results and decides none, by folder; anything new counts until it stands here.
_SHOWS: Final = frozenset({"audience", "batch", "cli", "course", "doctor", "report"})
_DECIDES_ALL_THE_SAME: Final = frozenset({"batch/grading.py"})
# These choose the cases, and compute what is right.
_LIBRARIES: Final = ("hypothesis", "numpy")


@lru_cache(maxsize=1)
def deciding_code() -> str:
    """A digest of the code that decides how a program is graded."""
    return _digest(decides=True)


@lru_cache(maxsize=1)
def all_code() -> str:
    """A digest of the whole grader."""
    return _digest(decides=False)


def files(*, decides: bool) -> Iterator[tuple[str, Path]]:
    """Source files of the grader, all or those that decide, by their path in the package."""
    for path in sorted(_PACKAGE.rglob("*")):
        parts = path.relative_to(_PACKAGE).parts
        name = "/".join(parts)
        if path.suffix not in _KINDS or "_data" in parts:
            continue
        if not decides or parts[0] not in _SHOWS or name in _DECIDES_ALL_THE_SAME:
            yield name, path


def _digest(*, decides: bool) -> str:
    digest = hashlib.sha256(__version__.encode())
    for library in _LIBRARIES:
        digest.update(f"\0{library} {metadata.version(library)}".encode())
    for name, path in files(decides=decides):
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(b"\0" + name.encode() + b"\0" + content)
    return digest.hexdigest()
