"""A submission as words, comments and names, each with its place in the text.

This reading is not the one that decides whether two programs are equal
(`grader.intake.lexer.tokens`). That one gives up where a text leaves what it is sure
of; here a text must not escape comparison by an odd character in it, so every
text is read somehow, in linear time.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from grader.intake.lexer import COMMENT, NAME, STRING, plain_lines, scan

MAX_TEXT: Final = 200_000
"""Characters that are read; a solution has some thousands."""
_KEYWORDS: Final = frozenset(
    [
        "alias",
        "and",
        "as",
        "assert",
        "break",
        "class",
        "comptime",
        "continue",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "finally",
        "fn",
        "for",
        "from",
        "global",
        "if",
        "import",
        "in",
        "inout",
        "is",
        "let",
        "mut",
        "not",
        "or",
        "out",
        "owned",
        "pass",
        "raise",
        "raises",
        "read",
        "ref",
        "return",
        "self",
        "Self",
        "struct",
        "trait",
        "True",
        "False",
        "None",
        "try",
        "var",
        "where",
        "while",
        "with",
        "yield",
    ]
)
_SPACES: Final = re.compile(r"\s+")
_EDGES: Final = re.compile(r"\A[\W_]+|[\W_]+\Z")


class TextSpan(msgspec.Struct, frozen=True):
    """A half-open range of characters."""

    start: int
    stop: int


class SourceWord(msgspec.Struct, frozen=True):
    """One word or sign."""

    norm: str
    """What is compared: the word itself, or one sign for every name that the author chose."""
    text: str
    start: int

    @property
    def stop(self) -> int:
        """Past its last character."""
        return self.start + len(self.text)


class Comment(msgspec.Struct, frozen=True):
    """One comment, or a string of the author's own."""

    text: str
    """What is compared: lower case, single spaces, without the signs around it."""
    span: TextSpan


class SourceText(msgspec.Struct, frozen=True, kw_only=True):
    """One text, read."""

    text: str
    """With ``\\n`` as its only line end."""
    words: tuple[SourceWord, ...]
    comments: tuple[Comment, ...]
    names: frozenset[str]
    """Every name in it."""


def read(text: str, given: frozenset[str] = frozenset()) -> SourceText:
    """Read a text. Never raises.

    Args:
        text: The source.
        given: Names that are not the author's choice: those of the skeleton.
            They and what follows a dot (members of a library) are compared as
            they are; all other names count as equal, which defeats renaming.
    """
    text = plain_lines(text[:MAX_TEXT])
    words: list[SourceWord] = []
    comments: list[Comment] = []
    names: set[str] = set()
    for token in scan(text):
        shown, start = token.text, token.start
        if token.kind in (COMMENT, STRING):
            comments.append(Comment(_plain(shown), TextSpan(start, token.stop)))
        if token.kind == STRING:
            words.append(SourceWord('""', shown, start))
        elif token.kind == NAME:
            names.add(shown)
            words.append(SourceWord(_norm(shown, words, given), shown, start))
        elif token.kind != COMMENT:
            words.append(SourceWord(shown, shown, start))
    told = tuple(comment for comment in comments if comment.text)
    return SourceText(text=text, words=tuple(words), comments=told, names=frozenset(names))


def _norm(name: str, before: list[SourceWord], given: frozenset[str]) -> str:
    member = bool(before) and before[-1].text == "."
    return name if member or name in given or name in _KEYWORDS else "_"


def _plain(shown: str) -> str:
    return _EDGES.sub("", _SPACES.sub(" ", shown.lower()))


def is_chosen(name: str, given: frozenset[str]) -> bool:
    """Whether a name can tell of its author: long enough, and not given."""
    return len(name) >= 3 and name not in given and name not in _KEYWORDS
