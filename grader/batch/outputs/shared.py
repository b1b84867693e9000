"""What two programs share, as an instructor reads it: stretches of code, comments, names."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

import msgspec

from grader.batch.similarity.compare import Shared, SimilarPair
from grader.batch.similarity.features import Kind
from grader.batch.similarity.winnow import K, hashes
from grader.batch.similarity.words import SourceText
from grader.intake.display import one_line

LONGEST = 160
"""Characters of one of them."""

TELLING = 0.5
"""Bits below which a thing is not worth a line."""


class SharedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One shared thing."""

    kind: str
    text: str
    have: int
    """How many programs of the class have it; of a stretch, its rarest part."""
    bits: float


def items_of(pair: SimilarPair, program: SourceText) -> tuple[SharedItem, ...]:
    """What a pair shares, the least likely first, without what nearly everybody has.

    Args:
        pair: With at least one shared feature.
        program: One of the two: its code and names are quoted.
    """
    made = _stretches(pair.shared, program)
    for shared in pair.shared:
        if shared.feature.kind is not Kind.CODE:
            kind = "name" if shared.feature.kind is Kind.NAME else "comment or text"
            made.append(_item(kind, shared.feature.value, [shared]))
    made.sort(key=lambda item: (-item.bits, item.kind, item.text))
    return tuple(item for item in made if item.bits >= TELLING) or tuple(made[:1])


def _stretches(shared: Sequence[Shared], program: SourceText) -> list[SharedItem]:
    """Fingerprints that lie side by side, put together."""
    place: dict[str, int] = {}
    for at, value in enumerate(hashes([word.norm for word in program.words])):
        place.setdefault(f"{value:016x}", at)
    code = [(place[s.feature.value], s) for s in shared if s.feature.kind is Kind.CODE]
    runs: list[tuple[int, list[Shared]]] = []
    last = -1
    for at, each in sorted(code, key=lambda pair: pair[0]):
        if runs and at <= last:
            runs[-1][1].append(each)
        else:
            runs.append((at, [each]))
        last = at + K
    return [_stretch(program, start, parts, place) for start, parts in runs]


def _stretch(
    program: SourceText, start: int, parts: list[Shared], place: dict[str, int]
) -> SharedItem:
    stop = max(place[part.feature.value] for part in parts) + K
    words = program.words
    text = program.text[words[start].start : words[stop - 1].stop]
    return _item("code", " ".join(text.split()), parts)


def _item(kind: str, text: str, parts: Sequence[Shared]) -> SharedItem:
    return SharedItem(
        kind=kind,
        text=one_line(text, limit=LONGEST),
        have=min(part.have for part in parts),
        bits=fsum(part.bits for part in parts),
    )
