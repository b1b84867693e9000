"""Excerpts of the student's source: a few lines, coloured, with one marked.

The compiler counts columns in UTF-8 bytes from one (Mojo 25.3 to 26.7 print a
column of 43 where 4 characters of 12 bytes stand before the 35th character).
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

CONTEXT = 2
"""Lines shown before and after the marked one."""
LINE_LIMIT = 160
"""Characters of one line that are shown, around the column."""
LEX_LIMIT = 16 * 1024
"""A longer source is not coloured: the report must not wait for it."""


class Fragment(msgspec.Struct, frozen=True):
    """A piece of one line in one colour."""

    text: str
    style: str = ""
    """``k`` keyword, ``s`` string, ``c`` comment, ``n`` number, ``f`` defined or called name,
    ``b`` built-in, or empty."""
    caret: bool = False
    """The column of the message is the first character of this piece."""


class SourceLine(msgspec.Struct, frozen=True):
    """One line of an excerpt."""

    number: int
    fragments: tuple[Fragment, ...]
    marked: bool = False


class Excerpt(msgspec.Struct, frozen=True):
    """Consecutive lines of the submission."""

    lines: tuple[SourceLine, ...]
    line: int
    column: int | None = None
    """In characters from one, where it is known."""


def excerpt(
    source: str, line: int | None, column: int | None = None, *, context: int = CONTEXT
) -> Excerpt | None:
    """The lines around ``line`` (from one), or None where the source has no such line.

    Args:
        source: The whole submission.
        line: The line to mark.
        column: Byte in the line, from one, as the compiler counts.
        context: Lines before and after.
    """
    if line is None or line < 1 or not source:
        return None
    lines = _lines(source)
    if line > len(lines):
        return None
    at = None if column is None or column < 1 else _characters(lines[line - 1], column)
    first, last = max(1, line - context), min(len(lines), line + context)
    indent = _common_indent(lines[first - 1 : last])
    shown = []
    for number in range(first, last + 1):
        marked = number == line
        fragments = coloured(source)[number - 1] if len(source) <= LEX_LIMIT else None
        pieces = fragments or (Fragment(lines[number - 1]),)
        shown.append(
            SourceLine(
                number=number,
                fragments=_window(pieces, at if marked else None, indent),
                marked=marked,
            )
        )
    return Excerpt(tuple(shown), line, None if at is None else at + 1)


def _lines(source: str) -> list[str]:
    """Lines as the compiler counts them: only a line feed ends one."""
    lines = source.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _characters(line: str, column: int) -> int:
    """Characters before the ``column``-th byte; at most the length of the line."""
    before = line.encode("utf-8", "surrogatepass")[: column - 1]
    return len(before.decode("utf-8", "ignore"))


def _common_indent(lines: list[str]) -> int:
    """Characters of indentation that all lines share: dropped, so that a phone shows the code."""
    filled = [line for line in lines if line.strip()]
    if not filled:
        return 0
    # What the first and the last in order share, all of them share.
    low, high = min(filled), max(filled)
    width = len(low) - len(low.lstrip(" \t"))
    return next((i for i in range(width) if low[i] != high[i : i + 1]), width)


def _window(pieces: tuple[Fragment, ...], at: int | None, indent: int) -> tuple[Fragment, ...]:
    """Drop the indentation, split at the caret, and keep `LINE_LIMIT` characters around it."""
    total = sum(len(piece.text) for piece in pieces)
    start = min(indent, total) if at is None else min(indent, at)
    low_end = start
    if total - start > LINE_LIMIT and at is not None:
        start = max(start, min(at - LINE_LIMIT // 2, total - LINE_LIMIT))
    stop = min(total, start + LINE_LIMIT)
    kept: list[Fragment] = [Fragment("…", "c")] if start > low_end else []
    position = 0
    for piece in pieces:
        low, high = max(position, start), min(position + len(piece.text), stop)
        text = piece.text[low - position : high - position]
        cut = -1 if at is None else at - low
        if low < high and 0 <= cut < len(text):
            if cut:
                kept.append(Fragment(text[:cut], piece.style))
            kept.append(Fragment(text[cut:], piece.style, caret=True))
        elif low < high:
            kept.append(Fragment(text, piece.style))
        position += len(piece.text)
    if at is not None and at >= total:
        kept.append(Fragment(" ", "", caret=True))
    if stop < total:
        kept.append(Fragment("…", "c"))
    return tuple(kept)


_STYLES = (
    ("Token.Comment", "c"),
    ("Token.Literal.String", "s"),
    ("Token.Literal.Number", "n"),
    ("Token.Keyword", "k"),
    ("Token.Operator.Word", "k"),
    ("Token.Name.Decorator", "f"),
    ("Token.Name.Function", "f"),
    ("Token.Name.Class", "f"),
    ("Token.Name.Builtin", "b"),
)
_MOJO_WORDS = re.compile(r"\b(?:comptime|alias|ref|owned|out|mut|read|where)\b")


@lru_cache(maxsize=4)
def coloured(source: str) -> tuple[tuple[Fragment, ...], ...]:
    """Every line of ``source`` in coloured pieces, by Pygments' Mojo lexer."""
    from pygments.lexers.mojo import (  # type: ignore[import-untyped, unused-ignore]
        MojoLexer,
    )

    lines: list[list[Fragment]] = [[]]
    # Unprocessed: the usual entry strips blank lines at the ends, and line
    # numbers would no longer be the compiler's.
    for _, kind, text in MojoLexer().get_tokens_unprocessed(source):
        style = _style(str(kind), text)
        for index, part in enumerate(text.split("\n")):
            if index:
                lines.append([])
            if part and lines[-1] and lines[-1][-1].style == style:
                lines[-1][-1] = Fragment(lines[-1][-1].text + part, style)
            elif part:
                lines[-1].append(Fragment(part, style))
    for line in lines:
        # Only the end of a line: a carriage return inside of one has to be seen.
        if line and line[-1].text.endswith("\r"):
            line[-1] = Fragment(line[-1].text[:-1], line[-1].style)
    return tuple(tuple(line) for line in lines)


def _style(kind: str, text: str) -> str:
    if kind.startswith("Token.Name") and _MOJO_WORDS.fullmatch(text):
        return "k"
    return next((style for prefix, style in _STYLES if kind.startswith(prefix)), "")
