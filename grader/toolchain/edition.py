"""Editions of the puzzle book as data: one file each in ``editions/``.

An edition is a dialect of Mojo and the MAX release that compiles it. The file's
name is the edition's name.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from grader.errors import UsageError

DEFAULT_EDITION = "26.5"
_FOLDER = Path(__file__).parent / "editions"


class Edition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs from one release to the next."""

    name: str
    max_version: str
    mojo_version: str
    package: tuple[str, ...]
    """Arguments of ``mojo`` that package a folder, with ``{source}`` and ``{artefact}``."""
    artefact: str
    """File name of the package. It must be kept: MAX crashes on a renamed one."""
    cache_variable: str
    """Environment variable that names the compile cache."""


@cache
def names() -> tuple[str, ...]:
    """The editions there are, oldest first."""
    found = (path.stem for path in _FOLDER.glob("*.toml"))
    return tuple(sorted(found, key=lambda name: [int(part) for part in name.split(".")]))


@cache
def find(name: str) -> Edition:
    """The edition of that name; ``auto`` is the default. Raises `UsageError`."""
    chosen = DEFAULT_EDITION if name == "auto" else name
    if chosen not in names():
        raise UsageError(
            f"there is no edition {name!r}", remedy=f"Choose one of: {', '.join(names())}."
        )
    data = tomllib.loads((_FOLDER / f"{chosen}.toml").read_text(encoding="utf-8"))
    return msgspec.convert({"name": chosen, **data}, type=Edition)
