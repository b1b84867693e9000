"""What of a submission can be shared with another: fingerprints, comments, names."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

import msgspec

from grader.batch.similarity.winnow import hashes, winnow
from grader.batch.similarity.words import SourceText, is_chosen, read

LONG_COMMENT: Final = 3
"""Words from which on a comment is a sentence of its author's."""
_LONGEST: Final = 120
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
        comments=frozenset(c.text[:_LONGEST] for p in programs for c in p.comments),
        code=frozenset(h for p in programs for h in hashes([w.norm for w in p.words])),
    )


def features(program: SourceText, given: Skeleton) -> frozenset[Feature]:
    """Everything in a program that is not given and that another may share."""
    code = winnow(hashes([word.norm for word in program.words]), given.code)
    found = {Feature(Kind.CODE, f"{value:016x}") for value, _ in code}
    found |= {
        Feature(Kind.COMMENT, comment.text[:_LONGEST])
        for comment in program.comments
        if comment.text[:_LONGEST] not in given.comments and len(comment.text) >= 3
    }
    found |= {Feature(Kind.NAME, name) for name in program.names if is_chosen(name, given.names)}
    return frozenset(found)
