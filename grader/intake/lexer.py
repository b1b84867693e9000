"""The lexer for Mojo sources. Every reader of a source reads its tokens, or a view of them.

There are two ways to cut a text, and both give the same type of token:

* `scan` takes any text apart somehow, comments included: no odd character makes a text escape;
* `tokens` is what programs are compared by. Pygments' lexer cuts the code into words, the scan says
  where comments and strings are, and where the two disagree, or anything else is in doubt, the
  stream is the text itself, line by line. So two programs that differ are never found equal; two
  that mean the same may be found unequal.

What is in doubt, each tried on the compiler of MAX 26.5: it ends a line at a lone carriage return
and a comment at a form feed; backticks quote names that may hold ``#`` or quotes; an interpolated
string (``t"..."``) may hold strings of its own.

What counts in `tokens`: every word and sign, the content of strings, which words touch,
where statements end, and how deep each is indented. What does not: comments,
blank lines, spaces within a line, line breaks and indentation inside brackets,
the spelling of line ends, and a trailing comma after which nothing follows.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

LINE: Final = "Line"
INDENT: Final = "Indent"
DEDENT: Final = "Dedent"
NEWLINE: Final = "Newline"
STRING: Final = "String"
COMMENT: Final = "Comment"
NAME: Final = "Name"
NUMBER: Final = "Number"
SIGN: Final = "Sign"

OPENING: Final = {"(": ")", "[": "]", "{": "}"}
CLOSING: Final = frozenset(OPENING.values())
"""Brackets, each with the one that closes it, and those that close."""

_SCAN: Final = re.compile(
    r"""(?P<Comment>\#[^\n]*)
      | (?P<String>[A-Za-z]{0,2}(?:\"{3}[\s\S]*?(?:\"{3}|\Z)|'{3}[\s\S]*?(?:'{3}|\Z)
            |"(?:[^"\\\n]|\\[^\n])*(?:"|(?=\\?(?:\n|\Z)))|'(?:[^'\\\n]|\\[^\n])*(?:'|(?=\\?(?:\n|\Z)))))
      | (?P<Name>[^\W\d]\w*|`[^`\n]*`)
      | (?P<Number>\d[\w.]*)
      | (?P<Sign>[][(){},;:]|\*\*=?|//=?|<<=?|>>=?|->|[=!<>+\-*/%&|^@:]=|[^\w\s])
    """,
    re.VERBOSE,
)
# Characters that some reader takes for a line end or white space, or that hide.
_DOUBTFUL_ANYWHERE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_DOUBTFUL_IN_CODE: Final = re.compile(r"[^\x00-\x7f]|`")
_STRING: Final = re.compile(
    r"""(?P<prefix>[A-Za-z]*)(?:(?P<triple>\"{3}|'{3})(?P<long>[\s\S]*)(?P=triple)
        |(?P<quote>["'])(?P<short>(?:(?!(?P=quote))[^\\\n]|\\[^\n])*)(?P=quote))""",
    re.VERBOSE,
)
_MAX_LINE: Final = 4_000
"""Longer lines are compared verbatim: it bounds the lexer's worst case."""
_MAX_SPACES: Final = 500
_LONG_RUNS: Final = re.compile(rf"\s{{{_MAX_SPACES}}}|[A-Za-z0-9_]{{{_MAX_SPACES}}}")
_WORDISH: Final = re.compile(r"[A-Za-z0-9_.]")
# Signs of two characters and more: written apart they mean something else.
_TWO_SIGNS: Final = "**//<<>><=>===!=->+=-=*=/=%=&=|=^=@=:=..<>++--&&||??=>"
_SIGNS: Final = frozenset(_TWO_SIGNS[i : i + 2] for i in range(0, len(_TWO_SIGNS), 2))
_SIGN_RUN: Final = re.compile(r"[]\[(){},;:]|[^]\[(){},;:]+")


class Token(msgspec.Struct, frozen=True):
    """One word or sign, or a mark of the layout (`NEWLINE`, `INDENT`, `DEDENT`)."""

    kind: str
    """In `tokens` Pygments' type, such as ``Name.Function``; ``String`` is a whole string; or a
    layout mark. In `scan` one of `COMMENT`, `STRING`, `NAME`, `NUMBER`, `SIGN`."""
    text: str
    line: int
    column: int
    """Both count from 1."""
    touches: bool = False
    """Whether the word before, which it could merge with, is next to it without a space. Not known
    in a scan."""
    start: int = -1
    """Offset in the text; not known of layout marks."""

    @property
    def stop(self) -> int:
        """Past its last character."""
        return self.start + len(self.text)


@functools.lru_cache(maxsize=16)
def tokens(text: str) -> tuple[Token, ...]:
    """All tokens of a program. Never raises; linear in the length of ``text``.

    About 10 ms for a puzzle's solution; the last few texts are remembered.
    """
    text = text.replace("\r\n", "\n")
    scanned = _scanned(text)
    if _doubtful(text, scanned):
        return _verbatim(text)
    aside = [token for token in scanned if token.kind in (COMMENT, STRING)]
    code = _masked(text, aside)
    words = None if _too_odd(code) else _words(text, code, aside)
    if words is None or not _balanced(words):
        return _verbatim(text)
    return tuple(_without_trailing_commas(list(_layout(text, words))))


def scan(text: str) -> tuple[Token, ...]:
    """The words, signs, strings and comments of any text. Never raises; linear in its length.

    Args:
        text: Its line ends are read as `plain_lines` writes them, which offsets are of.
    """
    return _scanned(plain_lines(text))


def is_certain(stream: Sequence[Token]) -> bool:
    """Whether `tokens` took a text apart; else it is the text itself, line by line."""
    return not stream or stream[0].kind != LINE


def plain_lines(text: str) -> str:
    """A text with line feeds as its only line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@functools.lru_cache(maxsize=16)
def _scanned(text: str) -> tuple[Token, ...]:
    positions = _Positions(text)
    return tuple(
        Token(match.lastgroup or SIGN, match[0], *positions.of(match.start()), start=match.start())
        for match in _SCAN.finditer(text)
    )


# ---- doubt ----


def _verbatim(text: str) -> tuple[Token, ...]:
    return tuple(Token(LINE, line, at, 1) for at, line in enumerate(text.split("\n"), 1))


def _doubtful(text: str, scanned: Sequence[Token]) -> bool:
    """Whether comments or strings may be elsewhere than the scan says."""
    if _DOUBTFUL_ANYWHERE.search(text):
        return True
    position = 0
    for token in scanned:
        if token.kind not in (COMMENT, STRING):
            continue
        if _DOUBTFUL_IN_CODE.search(text, position, token.start):
            return True
        if token.kind == STRING and not _is_sure(text, token):
            return True
        position = token.stop
    return bool(_DOUBTFUL_IN_CODE.search(text, position))


def _is_sure(text: str, token: Token) -> bool:
    """Whether a string surely begins and ends where it seems to."""
    found = _STRING.fullmatch(token.text)
    # A quote right after the end belongs to a construct that we have not understood.
    if found is None or text.startswith(token.text[-1], token.stop):
        return False
    if token.start and re.match(r"[A-Za-z0-9_]", text[token.start - 1]):
        return False
    prefix, body = found["prefix"], found["long"] if found["triple"] else found["short"]
    if found["triple"] and "\\" in body:
        return False
    if prefix in {"r", "R"}:
        return "\\" not in body
    if prefix in {"t", "T"}:
        # Nothing in it that could open a string or a comment inside the braces.
        return not re.search(r"[\\\"'#\n]", body) and body.count("{") == body.count("}")
    return prefix == ""


def _too_odd(code: str) -> bool:
    """Shapes that no program has and that could cost the lexer more than linear time."""
    # A joined line is left to the compiler: what may follow the backslash is its business.
    if "\\" in code or _LONG_RUNS.search(code):
        return True
    return any(len(line) > _MAX_LINE for line in code.split("\n"))


def _masked(text: str, aside: Sequence[Token]) -> str:
    """``text`` with dots in its strings and comments: nothing there can mislead the lexer."""
    pieces: list[str] = []
    position = 0
    for token in aside:
        pieces.append(text[position : token.start])
        body = token.text
        if token.kind == COMMENT:
            pieces.append("#" + "." * (len(body) - 1))
        else:
            fence = '"""' if "\n" in body else '"'
            inner = body[len(fence) : -len(fence)]
            pieces.append(fence + "".join(c if c == "\n" else "." for c in inner) + fence)
        position = token.stop
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


def _words(text: str, code: str, aside: Sequence[Token]) -> list[_Word] | None:
    """Words, signs and whole strings in order; None where the lexer sees the text otherwise."""
    # Imported here: who only scans a text, or writes of it, need not wait for Pygments.
    from pygments.lexers.mojo import MojoLexer  # type: ignore[import-untyped, unused-ignore]
    from pygments.token import Comment, Error, String  # type: ignore[import-untyped, unused-ignore]

    words: list[_Word] = []
    comment_starts: list[int] = []
    end = Token(STRING, "", 0, 0, start=len(text) + 1)
    strings = iter([*(token for token in aside if token.kind == STRING), end])
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
                words.append(_Word(STRING, string.text, start))
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
    comments = [token.start for token in aside if token.kind == COMMENT]
    if comment_starts != comments or string.start <= len(text):
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
        yield Token(word.kind, word.text, line, column, _touching(previous, word), word.start)
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
