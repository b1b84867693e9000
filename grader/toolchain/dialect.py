"""Words of a Mojo source, and patterns of words: what tells one edition's dialect from another.

A pattern is a piece of Mojo, compared word by word. ``...`` stands for one
expression (with whatever its brackets hold, but without a comma outside of
them, and not as ``name=...``), and ``^`` for the beginning of a statement::

    ^from gpu                         from gpu.host import DeviceContext
    enqueue_function[..., ...](       ctx.enqueue_function[k[1, 2], k[1, 2]](
    ^def ... raises                   def execute[n: Int](x: Int) raises:

A comma before a closing bracket does not count. Imports are compared name by
name: ``from m import (a, b as c)`` counts as ``from m import a`` and ``from m import b``.

Any text has words, also one that is no Mojo: nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from msgspec.structs import replace

from grader.intake.lexer import CLOSING, COMMENT, OPENING, SIGN, STRING, Token, scan

_PATTERN: Final = re.compile(r"\.\.\.|\^|[^\W\d]\w*|\d[\w.]*|->|[^\s\w]")
_MAX_GAP: Final = 400
"""The most words that ``...`` stands for: nothing longer is a signature, and looking costs time."""
_MAX_HEAD: Final = 40
"""Words before the names of an import, which are repeated for each name."""
_MAX_PLACES: Final = 2_000
"""At how many places of a source a pattern is tried."""
_MAX_LINES: Final = 20


class DialectWord(NamedTuple):
    """One word or sign of the code; comments are left out, a string is one word."""

    text: str
    line: int
    """Counts from 1."""
    first: bool
    """Whether a statement begins here."""


class Hit(NamedTuple):
    """A pattern that a source matches."""

    pattern: str
    lines: tuple[int, ...]
    """Where, at most the first 20."""


def words(text: str) -> list[DialectWord]:
    """The words of a source, with imports written out one name at a time. Linear in its length."""
    return list(_imports_written_out(_words(text)))


def hits(source: Sequence[DialectWord], patterns: Sequence[str]) -> list[Hit]:
    """Which of the patterns match, in the order of ``patterns``."""
    places: dict[str, list[int]] = {}
    for index, word in enumerate(source):
        places.setdefault(word.text, []).append(index)
    found = []
    for pattern in patterns:
        parts, start = _compiled(pattern)
        lines: dict[int, None] = {}
        for index in places.get(start, ())[:_MAX_PLACES]:
            if source[index].line not in lines and _matches(source, index, parts):
                lines[source[index].line] = None
                if len(lines) == _MAX_LINES:
                    break
        if lines:
            found.append(Hit(pattern, tuple(lines)))
    return found


# ---- words ----


def _words(text: str) -> Iterator[DialectWord]:
    line, depth, first = 1, 0, True
    comma: DialectWord | None = None
    for token in _simple(scan(text)):
        word = token.text
        if depth == 0 and token.line > line:
            first = True
        line = token.line
        if word == ";":
            first = first or depth == 0
            continue
        if comma is not None and word not in CLOSING:
            yield comma
        # A comma that only closes a list says nothing.
        comma = DialectWord(word, line, first) if word == "," else None
        if comma is None:
            yield DialectWord(word, line, first)
        first = False
        depth = max(0, depth + (word in OPENING) - (word in CLOSING))


def _simple(scanned: Iterable[Token]) -> Iterator[Token]:
    """Without comments, strings without what they hold, signs of one character; but for ``->``."""
    for token in scanned:
        if token.kind == STRING:
            yield replace(token, text="Ø")
        elif token.kind == SIGN and token.text != "->":
            yield from (replace(token, text=sign) for sign in token.text)
        elif token.kind != COMMENT:
            yield token


def _imports_written_out(source: Iterator[DialectWord]) -> Iterator[DialectWord]:
    statement: list[DialectWord] = []
    for word in source:
        if word.first:
            yield from _names_apart(statement)
            statement = []
        statement.append(word)
    yield from _names_apart(statement)


def _names_apart(statement: list[DialectWord]) -> Iterator[DialectWord]:
    """``from m import a, b as c`` as ``from m import a`` and ``from m import b``."""
    texts = [word.text for word in statement]
    if not texts or texts[0] != "from" or "import" not in texts:
        yield from statement
        return
    head = statement[: texts.index("import") + 1]
    if len(head) > _MAX_HEAD:
        yield from statement
        return
    names = [word for word in statement[len(head) :] if word.text not in "()"]
    alone = True
    for word in names:
        if word.text == ",":
            alone = True
        elif alone:
            yield from head
            yield word
            alone = False
    if not names:
        yield from head


# ---- patterns ----


class _Part(NamedTuple):
    text: str
    """Empty for ``...``."""
    first: bool


@cache
def _compiled(pattern: str) -> tuple[tuple[_Part, ...], str]:
    """The parts of a pattern, and the word that it begins with."""
    parts: list[_Part] = []
    first = False
    for word in _PATTERN.findall(pattern):
        if word == "^":
            first = True
            continue
        parts.append(_Part("" if word == "..." else word, first))
        first = False
    if not parts or not parts[0].text or not parts[-1].text:
        raise ValueError(f"a pattern begins and ends with a word: {pattern!r}")
    return tuple(parts), parts[0].text


def _matches(source: Sequence[DialectWord], index: int, parts: Sequence[_Part]) -> bool:
    for number, part in enumerate(parts):
        if not part.text:
            stop = _gap(source, index, parts[number + 1])
            if stop is None:
                return False
            index = stop
            continue
        if index >= len(source) or source[index].text != part.text:
            return False
        if part.first and not source[index].first:
            return False
        index += 1
    return True


def _gap(source: Sequence[DialectWord], index: int, following: _Part) -> int | None:
    """Past the expression at ``index``: where ``following`` stands, outside of its brackets."""
    begin, depth = index, 0
    while index < min(len(source), begin + _MAX_GAP):
        word = source[index].text
        if source[index].first:
            return None
        if depth == 0 and index > begin and word == following.text:
            return index
        if depth == 0 and (word == "," or word in CLOSING):
            return None
        # `a = ` is a keyword's, `a == ` a comparison.
        if (
            index == begin + 1
            and word == "="
            and [w.text for w in source[index + 1 : index + 2]] != ["="]
        ):
            return None
        depth += (word in OPENING) - (word in CLOSING)
        index += 1
    return None
