"""What a submission may share with another: fingerprints, comments, names.

A text is read as words, comments and names, each with its place. This reading is not the one that
decides whether two programs are equal (`grader.intake.lexer.tokens`). That one gives up where a
text leaves what it is sure of; here a text must not escape comparison by an odd character in it, so
every text is read somehow, in linear time.

Fingerprints are of a sequence of words, by winnowing. Schleimer, Wilkerson, Aiken: "Winnowing:
Local Algorithms for Document Fingerprinting", SIGMOD 2003. Every run of `K` words is hashed; in
each window of `W` such hashes the smallest is kept, the last of equal ones. Two texts that share a
run of at least `SURE` words share a fingerprint; what is shorter than `K` words is never found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from enum import IntEnum
from hashlib import blake2b
from typing import Final

import msgspec

from grader.decoding import msgpack_as
from grader.grading.conditions import all_code
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


K: Final = 8
"""Words in one hash: a shorter run is not told from chance."""
W: Final = 5
"""Hashes in one window."""
SURE: Final = W + K - 1
"""A shared run of so many words is always found."""

Fingerprint = tuple[int, int]
"""A hash and the index of its first word."""


def hashes(words: Sequence[str]) -> list[int]:
    """The hash of every run of `K` words, in order; 64 bits each."""
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    return [
        int.from_bytes(blake2b(b"\0".join(encoded[at : at + K]), digest_size=8).digest())
        for at in range(len(encoded) - K + 1)
    ]


def winnow(values: Sequence[int], without: AbstractSet[int] = frozenset()) -> list[Fingerprint]:
    """The fingerprints among ``values``.

    Args:
        values: What `hashes` gives.
        without: Hashes that are never chosen: those of the skeleton. They keep
            their place in the windows, so a shared run that has anything else
            in each of its windows is still found.
    """
    chosen: list[Fingerprint] = []
    last = -1
    for start in range(max(1, len(values) - W + 1)):
        window = range(start, min(start + W, len(values)))
        best = min(
            (at for at in window if values[at] not in without),
            key=lambda at: (values[at], -at),
            default=-1,
        )
        if best > last:
            chosen.append((values[best], best))
            last = best
    return chosen


LONG_COMMENT: Final = 3
"""Words from which on a comment is a sentence of its author's."""
_LONGEST_COMMENT: Final = 120
"""Characters of a comment that are compared."""


class Kind(IntEnum):
    """What a feature is."""

    CODE = 0
    COMMENT = 1
    NAME = 2


class Feature(msgspec.Struct, frozen=True, order=True):
    """One thing that two submissions may share."""

    kind: Kind
    value: str
    """A fingerprint in hexadecimal digits, a comment, or a name."""

    @property
    def weight(self) -> int:
        """How much more it says than a stretch of code that is as rare.

        A sentence of a comment is free to be anything, so that two people
        hardly write the same.
        """
        long = self.kind is Kind.COMMENT and len(self.value.split()) >= LONG_COMMENT
        return 2 if long else 1


class Skeleton(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody was given, of all editions together."""

    names: frozenset[str] = frozenset()
    comments: frozenset[str] = frozenset()
    code: frozenset[int] = frozenset()
    """The hashes of all its runs of words, not only its fingerprints."""


def skeleton(texts: Iterable[str]) -> Skeleton:
    """What is given in ``texts``."""
    all_texts = list(texts)
    names = frozenset(name for text in all_texts for name in read(text).names)
    programs = [read(text, names) for text in all_texts]
    return Skeleton(
        names=names,
        comments=frozenset(c.text[:_LONGEST_COMMENT] for p in programs for c in p.comments),
        code=frozenset(h for p in programs for h in hashes([w.norm for w in p.words])),
    )


def features(program: SourceText, given: Skeleton) -> frozenset[Feature]:
    """Everything in a program that is not given and that another may share."""
    code = winnow(hashes([word.norm for word in program.words]), given.code)
    found = {Feature(Kind.CODE, f"{value:016x}") for value, _ in code}
    found |= {
        Feature(Kind.COMMENT, comment.text[:_LONGEST_COMMENT])
        for comment in program.comments
        if comment.text[:_LONGEST_COMMENT] not in given.comments and len(comment.text) >= 3
    }
    found |= {Feature(Kind.NAME, name) for name in program.names if is_chosen(name, given.names)}
    return frozenset(found)


class _Kept(msgspec.Struct, frozen=True):
    of: str
    """What the features depend on besides the text."""
    features: dict[str, tuple[Feature, ...]]


class Features:
    """The features of texts, each worked out once.

    Args:
        given: What everybody was given.
        kept: What `kept` gave at an earlier time; anything else is ignored.
    """

    def __init__(self, given: Skeleton, kept: bytes = b"") -> None:
        self._given = given
        self._of = signature(given)
        self._known: dict[str, tuple[Feature, ...]] = {}
        self._used: dict[str, tuple[Feature, ...]] = {}
        self._each: dict[Feature, Feature] = {}
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            earlier = msgpack_as(kept, _Kept)
            if earlier.of == self._of:
                self._known = earlier.features

    def of(self, text: str) -> frozenset[Feature]:
        """The features of a text."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        found = self._used.get(digest) or self._known.get(digest)
        if found is None:
            found = tuple(sorted(features(read(text, self._given.names), self._given)))
        # Most of a class have most features in common: each is kept once.
        self._used[digest] = tuple(self._each.setdefault(feature, feature) for feature in found)
        return frozenset(self._used[digest])

    def kept(self) -> bytes:
        """What was asked for, to be given at a later time."""
        return msgspec.msgpack.encode(_Kept(self._of, dict(sorted(self._used.items()))))


def signature(given: Skeleton) -> str:
    """What the features of a text depend on besides the text."""
    parts = [all_code(), str(K), str(W), *sorted(given.names), *sorted(given.comments)]
    parts += [str(value) for value in sorted(given.code)]
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
