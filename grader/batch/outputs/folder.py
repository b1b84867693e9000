"""The folder of a run: files that are replaced in one step, and only where they changed.

A list of what was written (``outputs.json``) says for each file what it was
made from and how long it is. A file that was made from the same, and still has
that length, is left alone without being made again; one that nothing asks for
any more is removed. Without the list, everything is written again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

from grader.errors import GraderFault

LIST = "outputs.json"
_SCHEMA = 1


class _Entry(msgspec.Struct, frozen=True):
    source: str
    size: int


class _Listing(msgspec.Struct, kw_only=True):
    schema: int
    files: dict[str, _Entry]


class Folder:
    """Files below one folder, by their relative paths with forward slashes.

    Args:
        root: The folder; made where it is missing.
        afresh: Write everything, whatever the list says.
    """

    def __init__(self, root: Path, *, afresh: bool = False) -> None:
        self._root = root
        self._before = {} if afresh else _read(root / LIST)
        self._now: dict[str, _Entry] = {}
        self.written = 0
        self.unchanged = 0

    def put(self, path: str, source: bytes, make: Callable[[], bytes]) -> None:
        """Have the file ``path`` hold what ``make`` gives.

        Args:
            path: Relative, with forward slashes.
            source: Everything that the content depends on.
            make: Called only where the source is another one than last time.

        Raises:
            GraderFault: it can't be written.
        """
        digest = blake2b(source, digest_size=16).hexdigest()
        before = self._before.get(path)
        if before is not None and before.source == digest and self._size(path) == before.size:
            self._now[path] = before
            self.unchanged += 1
            return
        data = make()
        replace(self._root / path, data)
        self._now[path] = _Entry(digest, len(data))
        self.written += 1

    def keep(self, below: str, path: str, source: bytes) -> bool:
        """Keep everything below a folder that was made together, where nothing has changed.

        Args:
            below: Begins the paths, with its slash.
            path: One of them, whose source is that of all.
            source: Everything that they depend on.

        Returns:
            Whether all is there and was made from this; if not, nothing is kept.
        """
        one = self._before.get(path)
        if one is None or one.source != blake2b(source, digest_size=16).hexdigest():
            return False
        together = {name: e for name, e in self._before.items() if name.startswith(below)}
        if any(self._size(name) != entry.size for name, entry in together.items()):
            return False
        self._now.update(together)
        self.unchanged += len(together)
        return True

    def finish(self) -> None:
        """Remove what was written earlier and is not wanted now, and keep the list."""
        for path in self._before.keys() - self._now.keys():
            target = self._root / path
            if not target.resolve().is_relative_to(self._root.resolve()):
                continue
            with suppress(OSError):
                target.unlink()
                target.parent.rmdir()  # only where it is empty now
        listing = _Listing(schema=_SCHEMA, files=dict(sorted(self._now.items())))
        replace(self._root / LIST, msgspec.json.encode(listing))

    def _size(self, path: str) -> int:
        try:
            return (self._root / path).stat().st_size
        except OSError:
            return -1


def replace(path: Path, data: bytes) -> None:
    """Write a file in one step, so that nobody ever reads half of it.

    Raises:
        GraderFault: it can't be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise GraderFault(
            f"{path} could not be written: {error.strerror or error}",
            remedy="Make room on the disk, or write to another folder with --out DIR; "
            "the results themselves are kept.",
        ) from error


def _read(path: Path) -> dict[str, _Entry]:
    """The list of an earlier time; nothing where there is none that can be read."""
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
        listing = msgspec.json.decode(path.read_bytes(), type=_Listing)
        if listing.schema == _SCHEMA:
            return listing.files
    return {}
