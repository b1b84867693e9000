"""Features that were worked out in an earlier call, by the digest of the text."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b

import msgspec

from grader.batch.code import all_code
from grader.batch.similarity.features import Feature, Skeleton, features
from grader.batch.similarity.winnow import K, W
from grader.batch.similarity.words import read


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
            earlier = msgspec.msgpack.decode(kept, type=_Kept)
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
