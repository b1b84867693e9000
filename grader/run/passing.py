"""What the program prints, passed on as it comes: safe to show, and never mistaken for ours."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from grader.intake.display import for_terminal

MARK = "grade: "
"""Each line of ours begins with it, and no line of the program's does."""
_FOREIGN = "program: "
_LIKE_OURS = re.compile(r"\s*grade\s*:", re.IGNORECASE)
_BEGINS_LIKE_OURS = re.compile(r"\s*(?:g(?:r(?:a(?:de?)?)?)?)?\s*", re.IGNORECASE)
_LONGEST_HELD = 4096


class PassedOn:
    """One stream of the program.

    Args:
        write: Shows a piece of text.
        renamed: What to show in the place of a text: the sandbox's name of the file.
    """

    def __init__(self, write: Callable[[str], None], renamed: tuple[str, str]) -> None:
        self._write = write
        self._old, self._new = renamed
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._fresh = True

    def feed(self, chunk: bytes) -> None:
        """Show what can be: all but what may go on as something that is shown in another way."""
        text = self._held + self._decoder.decode(chunk)
        # Whether a carriage return ends a line with what follows is seen when that is there.
        half = "\r" if text.endswith("\r") else ""
        text = _plain_lines(text.removesuffix("\r")).replace(self._old, self._new)
        keep = self._open_end(text)
        self._held = text[len(text) - keep :] + half
        self._show(text[: len(text) - keep])

    def close(self) -> None:
        """Show the rest, and end its line."""
        self._show(_plain_lines(self._held + self._decoder.decode(b"", final=True)))
        self._held = ""
        if not self._fresh:
            self._write("\n")

    def _open_end(self, text: str) -> int:
        line = text.rpartition("\n")[2]
        at_start = self._fresh or "\n" in text
        if at_start and len(line) < _LONGEST_HELD and _BEGINS_LIKE_OURS.fullmatch(line):
            return len(line)
        for length in range(min(len(self._old), len(text)), 0, -1):
            if self._old.startswith(text[-length:]):
                return length
        return 0

    def _show(self, text: str) -> None:
        if not text:
            return
        lines = text.split("\n")
        marked = [
            _FOREIGN + line if (index or self._fresh) and _LIKE_OURS.match(line) else line
            for index, line in enumerate(lines)
        ]
        shown = "\n".join(marked)
        self._fresh = shown.endswith("\n")
        self._write(for_terminal(shown, limit=len(shown)))


def _plain_lines(text: str) -> str:
    """With line feeds alone: a bare carriage return would let a program write over a line."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
