"""What files hold, as far as choosing among them needs it: each content is looked at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from grader.batch.collect.entry import FileEntry
from grader.book.digests import program_of
from grader.errors import SubmissionRefused
from grader.intake import Submission

_LARGEST: Final = 64 * 1024
"""Bytes. The book has no larger file, and a token stream of 64 KB takes a tenth of a second."""


@dataclass
class Reading:
    """Reads files through the intake, and remembers their programs."""

    programs: dict[str, str] = field(default_factory=dict)
    """By the digest of the file; what is known from earlier sessions, and what was found out."""

    @classmethod
    def knowing(cls, programs: Mapping[str, str]) -> Reading:
        """With what an earlier session found out."""
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
