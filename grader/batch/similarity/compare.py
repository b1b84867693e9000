"""Ranks pairs of submissions by what they share, and finds the parts that two texts share.

A feature that everybody has says nothing; one that two of 300 have is worth
log2(300 / 2) bits. A pair is ranked by the sum over what it shares. The sum
orders pairs; it is not a probability, since features that lie side by side in
a text depend on each other.

Only features that few have make a pair worth a look (an inverted index), so
the time grows with the length of the class, not with its square. Submissions
with the very same features are one entry, however many they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations
from math import fsum, log2
from typing import Final

import msgspec

from grader.batch.similarity.features import Feature, K, Skeleton, SourceText, TextSpan, hashes

COMMON: Final = 100
"""A feature that more entries have makes no pair by itself; in a pair it still counts."""
PAIRS: Final = 100
"""The most that are reported."""
LEAST_BITS: Final = 12.0
"""What a pair must have in common: three features that two of 32 have, say."""
_ROUNDING: Final = 1e-6
CLUSTER_SHARE: Final = 0.6
"""From this part of the smaller one on, a pair joins a cluster."""


class SharedFeature(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a pair shares."""

    feature: Feature
    bits: float
    have: int
    """How many of the class have it."""


class SimilarPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two submissions, by the keys of their students."""

    one: str
    other: str
    bits: float
    share: float
    """The shared part, in bits, of what the one with less of its own has; from 0 to 1."""
    shared: tuple[SharedFeature, ...]
    """The rarest first."""
    same: int
    """How many submissions are like these two in every feature; 2 or more, or 0."""


class ClassComparison(msgspec.Struct, frozen=True, kw_only=True):
    """A class, compared."""

    programs: int
    alike: int
    """Programs that have a twin: the same features, names and comments too."""
    pairs: tuple[SimilarPair, ...]
    """The least likely first."""
    more: int
    """Pairs that were left off."""
    clusters: tuple[tuple[str, ...], ...]
    """Three or more students that pairs connect, the largest group first."""


class _Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A pair before it is told what it shares."""

    bits: float
    share: float
    one: frozenset[Feature]
    other: frozenset[Feature]
    """The same as ``one`` for submissions that are alike in every feature."""
    keys: tuple[str, str]
    """In order."""


Entries = dict[frozenset[Feature], list[str]]
"""The students of each set of features, in order."""


def compare(found: Mapping[str, frozenset[Feature]]) -> ClassComparison:
    """Compare a class.

    Args:
        found: For the key of each student the features of the program.
    """
    entries = _entries(found)
    have = Counter(feature for features in found.values() for feature in features)
    bits = {f: f.weight * log2(len(found) / count) for f, count in have.items()}
    pairs = _twins(entries, bits) + _others(entries, bits)
    pairs.sort(key=lambda pair: (-pair.bits, pair.keys))
    return ClassComparison(
        programs=len(found),
        alike=sum(len(keys) for keys in entries.values() if len(keys) > 1),
        pairs=tuple(_told(pair, entries, bits, have) for pair in pairs[:PAIRS]),
        more=max(0, len(pairs) - PAIRS),
        clusters=_clusters(pairs, entries),
    )


def _entries(found: Mapping[str, frozenset[Feature]]) -> Entries:
    entries: Entries = defaultdict(list)
    for key in sorted(found):
        if found[key]:
            entries[found[key]].append(key)
    return entries


def _worth(features: Iterable[Feature], bits: Mapping[Feature, float]) -> float:
    # Exactly rounded: the order in which a set gives its members changes nothing.
    return fsum(bits[feature] for feature in features)


def _twins(entries: Entries, bits: Mapping[Feature, float]) -> list[_Candidate]:
    made = (
        _Candidate(
            bits=_worth(features, bits),
            share=1.0,
            one=features,
            other=features,
            keys=(keys[0], keys[1]),
        )
        for features, keys in entries.items()
        if len(keys) > 1
    )
    return [pair for pair in made if pair.bits >= LEAST_BITS]


def _others(entries: Entries, bits: Mapping[Feature, float]) -> list[_Candidate]:
    """Pairs of different entries that share enough, found by what few have."""
    sets = list(entries)
    worth = [_worth(features, bits) for features in sets]
    index: dict[Feature, list[int]] = defaultdict(list)
    for number, features in enumerate(sets):
        for feature in features:
            index[feature].append(number)
    rare: dict[tuple[int, int], float] = defaultdict(float)
    for feature, numbers in index.items():
        if 1 < len(numbers) <= COMMON:
            for two in combinations(numbers, 2):
                rare[two] += bits[feature]
    made = []
    # What is common adds little: a pair without half of the bits by rare features has not enough.
    for (a, b), least in rare.items():
        if least >= LEAST_BITS / 2 - _ROUNDING:
            total = _worth(sets[a] & sets[b], bits)
            if total >= LEAST_BITS:
                first, second = sorted(
                    ((entries[sets[n]][0], sets[n]) for n in (a, b)), key=lambda entry: entry[0]
                )
                made.append(
                    _Candidate(
                        bits=total,
                        share=min(1.0, total / min(worth[a], worth[b])),
                        one=first[1],
                        other=second[1],
                        keys=(first[0], second[0]),
                    )
                )
    return made


def _told(
    pair: _Candidate, entries: Entries, bits: Mapping[Feature, float], have: Mapping[Feature, int]
) -> SimilarPair:
    shared = sorted(
        (SharedFeature(feature=f, bits=bits[f], have=have[f]) for f in pair.one & pair.other),
        key=lambda each: (-each.bits, each.feature),
    )
    return SimilarPair(
        one=pair.keys[0],
        other=pair.keys[1],
        bits=pair.bits,
        share=pair.share,
        shared=tuple(shared),
        same=len(entries[pair.one]) if pair.one == pair.other else 0,
    )


def _clusters(pairs: Iterable[_Candidate], entries: Entries) -> tuple[tuple[str, ...], ...]:
    """Students that are connected by pairs which share most of what they have."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = key = parent[parent[key]]
        return key

    for pair in pairs:
        if pair.share >= CLUSTER_SHARE:
            for key in (*entries[pair.one], *entries[pair.other]):
                parent[root(key)] = root(pair.keys[0])
    groups: dict[str, list[str]] = defaultdict(list)
    for key in sorted(parent):
        groups[root(key)].append(key)
    kept = [tuple(keys) for keys in groups.values() if len(keys) > 2]
    return tuple(sorted(kept, key=lambda keys: (-len(keys), keys)))


class SharedRegion(msgspec.Struct, frozen=True, kw_only=True):
    """One shared part of one text."""

    span: TextSpan
    number: int
    """The same for parts that match; from 1."""


class SharedMarks(msgspec.Struct, frozen=True, kw_only=True):
    """What is marked in one text. Regions are in order and do not overlap; nor do the others."""

    code: tuple[SharedRegion, ...]
    comments: tuple[SharedRegion, ...]
    """Comments and strings that both have."""
    given: tuple[TextSpan, ...]
    """Code of the skeleton."""


def shared_marks(
    one: SourceText, other: SourceText, given: Skeleton
) -> tuple[SharedMarks, SharedMarks]:
    """The shared parts of two programs: every run of `K` equal words that is not given."""
    first, second = ([w.norm for w in p.words] for p in (one, other))
    first_hashes, second_hashes = hashes(first), hashes(second)
    both = (set(first_hashes) & set(second_hashes)) - given.code
    first_runs, second_runs = _runs(first_hashes, both), _runs(second_hashes, both)
    number_of: dict[int, int] = {}
    for number, (start, stop) in enumerate(first_runs, 1):
        for value in first_hashes[start : stop - K + 1]:
            if value in both:
                number_of.setdefault(value, number)
    # A part that matches several takes the number of the one that it shares most with.
    numbers = [
        Counter(
            number_of[value] for value in second_hashes[start : stop - K + 1] if value in both
        ).most_common(1)[0][0]
        for start, stop in second_runs
    ]
    same = _same_comments(one, other, given, len(first_runs))
    return (
        SharedMarks(
            code=_regions(one, first_runs, range(1, len(first_runs) + 1)),
            comments=_comments(one, same),
            given=_given(one, first_hashes, given.code),
        ),
        SharedMarks(
            code=_regions(other, second_runs, numbers),
            comments=_comments(other, same),
            given=_given(other, second_hashes, given.code),
        ),
    )


def _runs(values: Sequence[int], wanted: AbstractSet[int]) -> list[tuple[int, int]]:
    """Runs of words, half-open, that are covered by wanted hashes."""
    runs: list[tuple[int, int]] = []
    for at, value in enumerate(values):
        if value not in wanted:
            continue
        if runs and at <= runs[-1][1]:
            runs[-1] = (runs[-1][0], at + K)
        else:
            runs.append((at, at + K))
    return runs


def _regions(
    program: SourceText, runs: Sequence[tuple[int, int]], numbers: Sequence[int]
) -> tuple[SharedRegion, ...]:
    words = program.words
    return tuple(
        SharedRegion(span=TextSpan(words[start].start, words[stop - 1].stop), number=number)
        for (start, stop), number in zip(runs, numbers, strict=True)
    )


def _same_comments(
    one: SourceText, other: SourceText, given: Skeleton, used: int
) -> dict[str, int]:
    theirs = {comment.text for comment in other.comments}
    ours = [c.text for c in one.comments if c.text in theirs and len(c.text) >= 3]
    fresh = [text for text in dict.fromkeys(ours) if text not in given.comments]
    return {text: number for number, text in enumerate(fresh, used + 1)}


def _comments(program: SourceText, same: dict[str, int]) -> tuple[SharedRegion, ...]:
    return tuple(
        SharedRegion(span=comment.span, number=same[comment.text])
        for comment in program.comments
        if comment.text in same
    )


def _given(
    program: SourceText, values: Sequence[int], code: AbstractSet[int]
) -> tuple[TextSpan, ...]:
    words = program.words
    return tuple(
        TextSpan(words[start].start, words[stop - 1].stop) for start, stop in _runs(values, code)
    )
