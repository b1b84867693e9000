"""Where in two texts the shared parts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import msgspec

from grader.batch.similarity.features import K, Skeleton, hashes
from grader.batch.similarity.words import SourceText, TextSpan


class SharedRegion(msgspec.Struct, frozen=True, kw_only=True):
    """One shared part of one text."""

    span: TextSpan
    number: int
    """The same for parts that match; from 1."""


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What is marked in one text. Regions are in order and do not overlap; nor do the others."""

    code: tuple[SharedRegion, ...]
    comments: tuple[SharedRegion, ...]
    """Comments and strings that both have."""
    given: tuple[TextSpan, ...]
    """Code of the skeleton."""


def marks(one: SourceText, other: SourceText, given: Skeleton) -> tuple[Marks, Marks]:
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
        Marks(
            code=_regions(one, first_runs, range(1, len(first_runs) + 1)),
            comments=_comments(one, same),
            given=_given(one, first_hashes, given.code),
        ),
        Marks(
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
