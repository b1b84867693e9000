"""Token streams of Mojo sources, to compare programs without their comments and spacing.

Pygments' lexer cuts the code into words; where comments and strings are is
decided by `grader.intake.literals`, and where the two disagree, or anything
else is in doubt, the stream is the text itself, line by line. So two programs
that differ are never found equal; two that mean the same may be found unequal.

What counts: every word and sign, the content of strings, which words touch,
where statements end, and how deep each is indented. What does not: comments,
blank lines, spaces within a line, line breaks and indentation inside brackets,
the spelling of line ends, and a trailing comma after which nothing follows.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from pygments.lexers.mojo import MojoLexer  # type: ignore[import-untyped, unused-ignore]
from pygments.token import Comment, Error, String  # type: ignore[import-untyped, unused-ignore]

from grader.intake.literals import Literals, Span, literals

LINE: Final = "Line"
INDENT: Final = "Indent"
DEDENT: Final = "Dedent"
NEWLINE: Final = "Newline"
STRING: Final = "String"

_MAX_LINE: Final = 4_000
"""Longer lines are compared verbatim: it bounds the lexer's worst case."""
_MAX_SPACES: Final = 500
_LONG_RUNS: Final = re.compile(rf"\s{{{_MAX_SPACES}}}|[A-Za-z0-9_]{{{_MAX_SPACES}}}")
OPENING: Final = {"(": ")", "[": "]", "{": "}"}
CLOSING: Final = frozenset(OPENING.values())
"""Brackets, each with the one that closes it, and those that close."""
_WORDISH: Final = re.compile(r"[A-Za-z0-9_.]")
# Signs of two characters and more: written apart they mean something else.
_TWO_SIGNS: Final = "**//<<>><=>===!=->+=-=*=/=%=&=|=^=@=:=..<>++--&&||??=>"
_SIGNS: Final = frozenset(_TWO_SIGNS[i : i + 2] for i in range(0, len(_TWO_SIGNS), 2))
_SIGN_RUN: Final = re.compile(r"[]\[(){},;:]|[^]\[(){},;:]+")


class Token(msgspec.Struct, frozen=True):
    """One word or sign, or a mark of the layout (`NEWLINE`, `INDENT`, `DEDENT`)."""

    kind: str
    """Pygments' type, such as ``Name.Function``; ``String`` is a whole string; or a layout mark."""
    text: str
    line: int
    column: int
    """Both count from 1."""
    touches: bool = False
    """Whether the word before, which it could merge with, is next to it without a space."""


@functools.lru_cache(maxsize=16)
def tokens(text: str) -> tuple[Token, ...]:
    """All tokens of a program. Never raises; linear in the length of ``text``.

    About 10 ms for a puzzle's solution; the last few texts are remembered.
    """
    text = text.replace("\r\n", "\n")
    found = literals(text)
    if found is None:
        return _verbatim(text)
    code = _masked(text, found)
    words = None if _too_odd(code) else _words(text, code, found)
    if words is None or not _balanced(words):
        return _verbatim(text)
    return tuple(_without_trailing_commas(list(_layout(text, words))))


def keys(stream: Iterable[Token]) -> list[tuple[str, str, bool]]:
    """What of a stream counts where programs are compared."""
    return [(token.kind, token.text, token.touches) for token in stream]


def equal_programs(one: str, other: str) -> bool:
    """Whether two sources are the same program but for comments and spacing."""
    return keys(tokens(one)) == keys(tokens(other))


def statements_of(stream: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The stream in pieces that end with a `NEWLINE`."""
    start = 0
    for index, token in enumerate(stream):
        if token.kind == NEWLINE:
            yield stream[start : index + 1]
            start = index + 1
    yield stream[start:]


def function_tokens(text: str, name: str) -> list[tuple[str, str, bool]]:
    """The function ``name`` with its decorators, for comparison; empty where there is not one.

    One that is defined twice counts as not there: which of them the program
    means is not decided here.
    """
    return keys(function_stream(text, name))


def function_stream(text: str, name: str) -> Sequence[Token]:
    """The tokens of `function_tokens`, with their places."""
    stream = tokens(text)
    heads = [
        index
        for index, token in enumerate(stream[:-1])
        if token.text in _FUNCTION and token.kind != STRING and stream[index + 1].text == name
    ]
    if len(heads) != 1 or stream[heads[0]].kind == LINE:
        return []
    start = _statement_start(stream, heads[0])
    while (above := _decorator_above(stream, start)) is not None:
        start = above
    return stream[start : _block_end(stream, heads[0])]


# ---- doubt ----


def _verbatim(text: str) -> tuple[Token, ...]:
    return tuple(Token(LINE, line, at, 1) for at, line in enumerate(text.split("\n"), 1))


def _too_odd(code: str) -> bool:
    """Shapes that no program has and that could cost the lexer more than linear time."""
    # A joined line is left to the compiler: what may follow the backslash is its business.
    if "\\" in code or _LONG_RUNS.search(code):
        return True
    return any(len(line) > _MAX_LINE for line in code.split("\n"))


def _masked(text: str, found: Literals) -> str:
    """``text`` with dots in its strings and comments: nothing there can mislead the lexer."""
    pieces: list[str] = []
    position = 0
    for span in sorted((*found.comments, *found.strings), key=lambda span: span.start):
        pieces.append(text[position : span.start])
        body = text[span.start : span.stop]
        if text[span.start] == "#":
            pieces.append("#" + "." * (len(body) - 1))
        else:
            fence = '"""' if "\n" in body else '"'
            inner = body[len(fence) : -len(fence)]
            pieces.append(fence + "".join(c if c == "\n" else "." for c in inner) + fence)
        position = span.stop
    return "".join((*pieces, text[position:]))


def _balanced(words: list[_Word]) -> bool:
    expected: list[str] = []
    for word in words:
        if word.text in OPENING:
            expected.append(OPENING[word.text])
        elif word.text in CLOSING and (not expected or expected.pop() != word.text):
            return False
    return not expected


# ---- words ----


class _Word(msgspec.Struct, frozen=True):
    kind: str
    text: str
    start: int


def _words(text: str, code: str, found: Literals) -> list[_Word] | None:
    """Words, signs and whole strings in order; None where the lexer sees the text otherwise."""
    words: list[_Word] = []
    comment_starts: list[int] = []
    strings = iter([*found.strings, Span(len(text) + 1, len(text) + 1)])
    string = next(strings)
    for start, kind, value in MojoLexer().get_tokens_unprocessed(code):
        if not value:
            continue
        if kind is Error:
            return None
        if start >= string.start:
            # Everything inside a string is part of one token.
            if start + len(value) > string.stop:
                return None
            if start == string.start:
                words.append(_Word(STRING, text[string.start : string.stop], start))
            if start + len(value) == string.stop:
                string = next(strings)
        elif start + len(value) > string.start:
            return None
        elif kind in Comment:
            comment_starts.append(start)
        elif kind in String:
            return None
        else:
            words += _signs(str(kind).removeprefix("Token."), value, start)
    if comment_starts != [span.start for span in found.comments] or string.start <= len(text):
        return None
    return words


def _signs(kind: str, value: str, start: int) -> Iterator[_Word]:
    """A lexer's token cut at white space and around brackets, commas, colons and semicolons."""
    for part in re.finditer(r"\S+", value):
        for sign in _SIGN_RUN.finditer(part[0]):
            yield _Word(kind, sign[0], start + part.start() + sign.start())


# ---- layout ----


class _Positions:
    """Line and column of an offset, for offsets that only grow."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line, self._start, self._next = 1, 0, text.find("\n")

    def of(self, offset: int) -> tuple[int, int]:
        while 0 <= self._next < offset:
            self._line += 1
            self._start = self._next + 1
            self._next = self._text.find("\n", self._start)
        return self._line, offset - self._start + 1

    @property
    def line_start(self) -> int:
        return self._start


def _layout(text: str, words: list[_Word]) -> Iterator[Token]:
    positions = _Positions(text)
    depth = 0
    levels = [""]
    previous: _Word | None = None
    last_line = 0
    line = column = 1
    for word in words:
        line, column = positions.of(word.start)
        if line != last_line and depth == 0:
            if previous is not None:
                yield Token(NEWLINE, "", last_line, 1)
            yield from _indentation(text[positions.line_start : word.start], levels, line)
        yield Token(word.kind, word.text, line, column, _touching(previous, word))
        depth += (word.text in OPENING) - (word.text in CLOSING)
        previous = word
        last_line = positions.of(word.start + len(word.text) - 1)[0]
    if previous is not None:
        yield Token(NEWLINE, "", line, 1)
    for _ in levels[1:]:
        yield Token(DEDENT, "", line, 1)


def _indentation(white: str, levels: list[str], line: int) -> Iterator[Token]:
    """Marks for the change of indentation; its own text where it fits no open level."""
    while levels[-1] != white and levels[-1].startswith(white):
        levels.pop()
        yield Token(DEDENT, "", line, 1)
    if levels[-1] == white:
        return
    fits = white.startswith(levels[-1])
    levels.append(white)
    # Spaces and tabs are told apart: which of them are equal is the compiler's business.
    yield Token(INDENT, "tab" if "\t" in white else "" if fits else "odd " + white, line, 1)


def _touching(previous: _Word | None, word: _Word) -> bool:
    if previous is None or previous.start + len(previous.text) != word.start:
        return False
    last, first = previous.text[-1], word.text[0]
    ends_a_word = previous.kind == STRING or bool(_WORDISH.match(last))
    starts_a_word = word.kind == STRING or bool(_WORDISH.match(first))
    return (ends_a_word and starts_a_word) or last + first in _SIGNS


def _without_trailing_commas(stream: list[Token]) -> Iterator[Token]:
    """``f(a, b,)`` is ``f(a, b)``; ``(a,)`` is not ``(a)``: only a second comma can go."""
    commas: list[int] = []
    for index, token in enumerate(stream):
        if token.kind != STRING:
            if token.text in OPENING:
                commas.append(0)
            elif token.text in CLOSING and commas:
                commas.pop()
            elif token.text == "," and commas:
                commas[-1] += 1
                follows = stream[index + 1] if index + 1 < len(stream) else None
                closes = follows is not None and follows.kind != STRING and follows.text in CLOSING
                if closes and commas[-1] > 1:
                    continue
        yield token


# ---- definitions ----

_FUNCTION: Final = frozenset({"def", "fn"})


def _statement_start(stream: Sequence[Token], index: int) -> int:
    while index > 0 and stream[index - 1].kind not in {NEWLINE, INDENT, DEDENT}:
        index -= 1
    return index


def _decorator_above(stream: Sequence[Token], start: int) -> int | None:
    if start == 0 or stream[start - 1].kind != NEWLINE:
        return None
    above = _statement_start(stream, start - 1)
    return above if stream[above].text.startswith("@") else None


def _block_end(stream: Sequence[Token], index: int) -> int:
    """Past the definition's head line and, where one follows, its indented block."""
    while index < len(stream) and stream[index].kind != NEWLINE:
        index += 1
    index += 1
    depth = 0
    while index < len(stream):
        depth += (stream[index].kind == INDENT) - (stream[index].kind == DEDENT)
        if depth <= 0:
            break
        index += 1
    return index + 1 if index < len(stream) and stream[index].kind == DEDENT else index
