"""Where comments and strings are in a Mojo source, and whether that is beyond doubt.

Everything that ignores comments or white space rests on knowing what is one.
This scanner knows a small, certain part of the language and says so when a
text leaves it; callers then compare verbatim. The doubts, each tried on the
compiler of MAX 26.5: it ends a line at a lone carriage return and a comment at
a form feed; backticks quote names that may hold ``#`` or quotes; an
interpolated string (``t"..."``) may hold strings of its own.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

# Characters that some reader takes for a line end or white space, or that hide.
_DOUBTFUL_ANYWHERE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_NEXT: Final = re.compile(r"[#\"'`]")
_WORD_BEFORE: Final = re.compile(r"[A-Za-z0-9_]+\Z")
_LINE_END: Final = re.compile(r"\n|\Z")
# The body of a string and the quote that closes it, possessive in effect: the
# two branches exclude each other, so that there is nothing to backtrack into.
_BODY: Final = {quote: re.compile(rf"(?:[^\\\n{quote}]|\\[^\n])*{quote}") for quote in ('"', "'")}


class Span(msgspec.Struct, frozen=True):
    """A half-open range of characters."""

    start: int
    stop: int


class Literals(msgspec.Struct, frozen=True, kw_only=True):
    """The comments and strings of a text, in order; strings with their prefix."""

    comments: list[Span]
    strings: list[Span]


def literals(text: str) -> Literals | None:
    """Find them, in linear time; None where there is any doubt.

    Args:
        text: With line feeds as its only line ends.
    """
    if _DOUBTFUL_ANYWHERE.search(text):
        return None
    comments: list[Span] = []
    strings: list[Span] = []
    position = 0
    code: list[str] = []
    while True:
        match = _NEXT.search(text, position)
        code.append(text[position : match.start() if match else len(text)])
        if match is None:
            break
        start = match.start()
        if match[0] == "`":
            return None
        if match[0] == "#":
            end = _LINE_END.search(text, start)
            position = end.start() if end else len(text)
            comments.append(Span(start, position))
            continue
        prefix = _WORD_BEFORE.search(text[max(0, start - 8) : start])
        stop = _string_end(text, start, prefix[0] if prefix else "")
        if stop is None:
            return None
        strings.append(Span(start - len(prefix[0] if prefix else ""), stop))
        position = stop
    if any(map(_NOT_ASCII.search, code)):
        return None
    return Literals(comments=comments, strings=strings)


def _string_end(text: str, start: int, prefix: str) -> int | None:
    """Where the string that opens at ``start`` ends; None where that is not certain."""
    quote = text[start]
    if text.startswith(quote * 3, start):
        return _triple_end(text, start, prefix)
    match = _BODY[quote].match(text, start + 1)
    if match is None:
        return None
    body = text[start + 1 : match.end() - 1]
    if not _certain(body, prefix):
        return None
    # A quote right after the end belongs to a construct that we have not understood.
    return None if text.startswith(quote, match.end()) else match.end()


def _triple_end(text: str, start: int, prefix: str) -> int | None:
    fence = text[start] * 3
    close = text.find(fence, start + 3)
    if close < 0:
        return None
    stop = close + 3
    body = text[start + 3 : close]
    certain = _certain(body, prefix) and "\\" not in body
    return stop if certain and not text.startswith(text[start], stop) else None


def _certain(body: str, prefix: str) -> bool:
    """Whether a string with this prefix surely ends where its body does."""
    if prefix == "":
        return True
    if prefix in {"r", "R"}:
        return "\\" not in body
    if prefix in {"t", "T"}:
        # Nothing in it that could open a string or a comment inside the braces.
        return not re.search(r"[\\\"'#\n]", body) and body.count("{") == body.count("}")
    return False
