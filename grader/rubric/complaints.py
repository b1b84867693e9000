"""Everything that is wrong with a rubric file, each with its line and key.

``tomllib`` decides what is valid and gives values without positions, and libraries that keep the
layout (tomlkit) keep no line numbers either. So a valid document is walked a second time here, only
for the lines of its keys. That walk is short and has no errors of its own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from grader.errors import UsageError
from grader.intake.display import one_line

SHOWN = 12
"""Complaints that one message names; the others are counted."""
REMEDY = "Correct the file; grade puzzles --rubric PUZZLE prints one to start from."


class Complaints:
    """Collects what is wrong, so that one look at the file is enough to repair it."""

    def __init__(self, file: str, lines: Mapping[KeyPath, int]) -> None:
        self._file = one_line(file, limit=200)
        self._lines = lines
        self._found: list[tuple[int, str]] = []

    def add(self, path: KeyPath, problem: str) -> None:
        """Note a problem of the key at ``path``."""
        line = self._line(path)
        key = f"{dotted(path)}: " if path else ""
        where = f", line {line}" if line else ""
        self._found.append((line, f"{self._file}{where}: {key}{problem}"))

    def raise_if_any(self) -> None:
        """Raise one `UsageError` that names all, in the order of the file."""
        if not self._found:
            return
        told = [text for _, text in sorted(self._found, key=lambda each: each[0])]
        if len(told) > SHOWN:
            told = [*told[:SHOWN], f"and {len(told) - SHOWN} more"]
        raise UsageError("\n".join(told), remedy=REMEDY)

    def _line(self, path: KeyPath) -> int:
        """The line of a key, or of the innermost thing around it that stands in the file."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 0)


def dotted(path: KeyPath) -> str:
    """A path for people: ``checks.robust.points``; of the second table ``sizes[2].conv_size``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = one_line(part, limit=60) or '""'
            text += f".{name}" if text else name
    return text


def unknown(word: str, known: Iterable[str], what: str, *, instead: str = "") -> str:
    """``there is no check "integer"; did you mean integers?``, or what there is instead.

    Args:
        word: The word that is not known.
        known: The words that are.
        what: What the word is a name of.
        instead: What there is instead, where there are too many to list.
    """
    names = list(known)
    close = get_close_matches(word.lower()[:60], names, n=1)
    others = instead or f"there are: {', '.join(names)}"
    meant = f"did you mean {close[0]}?" if close else others
    return f'there is no {what} "{one_line(word, limit=60)}"; {meant}'


def kind(value: object) -> str:
    """What a value is, in TOML's words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"the number {value}" if abs(value) < 10**12 else "a very large number"
    if isinstance(value, float):
        return f"the number {value:g}"
    if isinstance(value, str):
        return f'the text "{one_line(value, limit=40)}"'
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a table"
    return f"a {type(value).__name__}"


def read_document(text: str, name: str) -> tuple[Mapping[str, object], dict[KeyPath, int]]:
    """The values of a file, and the line of each key.

    Raises:
        UsageError: it is no TOML.
    """
    try:
        return tomllib.loads(text), key_lines(text)
    except RecursionError:
        raise UsageError(f"{one_line(name)}: it is nested too deeply", remedy=REMEDY) from None
    except ValueError as error:
        # Besides TOMLDecodeError, what int() says of a number with thousands of digits.
        raise UsageError(_syntax(name, text, str(error)), remedy=REMEDY) from None


def _syntax(name: str, text: str, said: str) -> str:
    """What ``tomllib`` said, with the line in front like every other message."""
    what, _, where = said.partition(" (at ")
    found = re.match(r"line (\d+)", where)
    # "At end of document": the last line on which something stands.
    line = int(found[1]) if found else text.rstrip().count("\n") + 1
    return f"{one_line(name)}, line {line}: {one_line(what)}: this is not valid TOML"


KeyPath = tuple[str | int, ...]
"""Keys from the top; a number is a place in an array: ``("sizes", 0, "conv_size")``."""

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_BARE = re.compile(r"[^,\]}#\n]*")
# A closing quote may have up to two quotes of the text before it.
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")' + r"|'''.*?'{3,5}(?!')" + r'|"(?:[^"\\]|\\.)*"' + r"|'[^']*'",
    re.DOTALL,
)


def key_lines(document: str) -> dict[KeyPath, int]:
    """The line, from one, of every key, table header and array element of a valid document.

    A key that several lines take part in (``[a.b]`` and ``[a.c]``) has the first of them.
    """
    walk = _Walk(document.replace("\r\n", "\n"))
    walk.document()
    return walk.lines


class _Walk:
    """One pass over the text. ``at`` is the offset of what comes next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._elements: dict[KeyPath, int] = {}
        """Tables so far of each array of tables."""
        self._counted = (0, 1)
        """An offset and its line."""

    def document(self) -> None:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self._header(2)
            elif self.text[self.at] == "[":
                table = self._header(1)
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self, brackets: int) -> KeyPath:
        line = self._line()
        self.at += brackets
        *outer, last = self._key()
        self._skip(_SPACE)
        self.at += brackets
        path: KeyPath = ()
        for name in outer:
            path = self._newest((*path, name))
            self.lines.setdefault(path, line)
        path = (*path, last)
        self.lines.setdefault(path, line)
        if brackets == 2:
            self._elements[path] = self._elements.get(path, 0) + 1
        path = self._newest(path)
        self.lines.setdefault(path, line)
        return path

    def _newest(self, path: KeyPath) -> KeyPath:
        """The path of the table that a name in a header means: of an array, the last one."""
        count = self._elements.get(path)
        return path if count is None else (*path, count - 1)

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for name in self._key():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self._skip(_SPACE)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        names = []
        while True:
            self._skip(_SPACE)
            found = _KEY.match(self.text, self.at)
            assert found is not None, "tomllib has accepted this key"
            self.at = found.end()
            names.append(_name(found[0]))
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return names
            self.at += 1

    def _value(self, path: KeyPath) -> None:
        first = self.text[self.at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        elif first in "\"'":
            self._skip(_STRING)
        else:
            self._skip(_BARE)

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        number = 0
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == "]":
                break
            if self.text[self.at] == ",":
                self.at += 1
                continue
            element = (*path, number)
            self.lines.setdefault(element, self._line())
            self._value(element)
            number += 1
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == "}":
                break
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._pair(path)
        self.at += 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        assert found is not None, "tomllib has accepted this value"
        self.at = found.end()

    def _line(self) -> int:
        offset, line = self._counted
        line += self.text.count("\n", offset, self.at)
        self._counted = (self.at, line)
        return line


def _name(written: str) -> str:
    """A key without its quotes and escapes."""
    if written[0] not in "\"'":
        return written
    (name,) = tomllib.loads(f"{written} = 0")
    return name
