"""One file of a folder or an archive, before it is known whose it is or what it holds."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from grader.book.digests import program_of
from grader.errors import SubmissionRefused
from grader.intake import Submission
from grader.intake.display import one_line

SUFFIXES: Final = (".mojo", ".🔥", ".mojo.txt")
"""Suffixes of Mojo sources; some systems add ``.txt`` to what they don't know."""
ARCHIVES: Final = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".jar")
_SKIPPED: Final = frozenset({"__macosx", "__pycache__", "node_modules", "grade-out"})


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file in a folder or an archive."""

    parts: tuple[str, ...]
    """Its path, relative to what was handed over."""
    modified: float = 0.0
    """Seconds since the epoch; 0 where it is not known."""
    load: Callable[[], Submission]
    """Reads it through the intake's checks; raises `SubmissionRefused`."""
    refused: bool = False
    """Whether it is known before reading that it is refused."""
    misnamed: bool = False
    """Whether its very name is refused, so that it can't say whose it is."""
    empty: bool = False
    """Whether it is no file: it stands for a folder with nothing in it."""
    unpack: Callable[[], Sequence[FileEntry]] | None = None
    """The files in it, where it is a ZIP archive; raises `SubmissionRefused`."""

    @property
    def source(self) -> str:
        """The path, for people."""
        return one_line("/".join(self.parts))

    @property
    def name(self) -> str:
        """The file's name."""
        return self.parts[-1]

    @property
    def is_mojo(self) -> bool:
        """Whether its name is that of a Mojo source."""
        return is_mojo(self.name)

    @property
    def is_archive(self) -> bool:
        """Whether its name is that of an archive."""
        return self.name.lower().endswith(ARCHIVES)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What lies in a folder or an archive."""

    entries: Sequence[FileEntry]
    """Files, and links that stand where files should."""
    notes: Sequence[str]
    """What was not looked into, or had to be assumed; a sentence each."""


def is_mojo(name: str) -> bool:
    """Whether a file of that name is a Mojo source, and not a package's empty marker."""
    return name.lower().endswith(SUFFIXES) and stem(name) != "__init__"


def stem(name: str) -> str:
    """The name without a suffix of Mojo or of archives."""
    lower = name.lower()
    for suffix in sorted((*SUFFIXES, *ARCHIVES), key=len, reverse=True):
        if lower.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def is_skipped(part: str) -> bool:
    """Whether a folder or file of that name is never looked into: ``.git`` and the like."""
    return part.startswith(".") or part.lower() in _SKIPPED


def refusing(what: str, remedy: str) -> Callable[[], Submission]:
    """A `FileEntry.load` that always refuses, with these words."""

    def load() -> Submission:
        raise SubmissionRefused(what, remedy=remedy)

    return load


def empty_folder(parts: tuple[str, ...]) -> FileEntry:
    """The entry of a folder in which there is nothing to look at."""
    shown = one_line("/".join(parts))
    load = refusing(f"{shown} is empty.", "Hand in the one .mojo file that you edited.")
    return FileEntry(parts=(*parts, "."), load=load, empty=True)


def same_name(parts: tuple[str, ...]) -> tuple[str, ...]:
    """A path in composed form, which is equal for two paths that look alike."""
    return tuple(unicodedata.normalize("NFC", part) for part in parts)


_LARGEST: Final = 64 * 1024
"""Bytes. The book has no larger file, and a token stream of 64 KB takes a tenth of a second."""


@dataclass
class FileReader:
    """Reads files through the intake, and remembers their programs."""

    programs: dict[str, str] = field(default_factory=dict)
    """Programs by the file's digest, known from earlier sessions or found out by now."""

    @classmethod
    def knowing(cls, programs: Mapping[str, str]) -> FileReader:
        """A reader that knows the programs which an earlier session found out."""
        return cls({sha256: program for sha256, program in programs.items() if program})

    def program(self, entry: FileEntry) -> str:
        """The program of a file; empty where it is refused or larger than any of the book."""
        read = self._read(entry)
        if read is None:
            return ""
        if read.sha256 not in self.programs:
            self.programs[read.sha256] = program_of(read.text)
        return self.programs[read.sha256]

    def says(self, entry: FileEntry, word: str) -> bool:
        """Whether a word stands in a file."""
        read = self._read(entry)
        return read is not None and word in read.text

    def _read(self, entry: FileEntry) -> Submission | None:
        try:
            read = entry.load()
        except SubmissionRefused:
            return None
        return read if len(read.data) <= _LARGEST else None
