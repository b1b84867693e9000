"""What two programs share, as an instructor reads it: a list of it, and both texts side by side."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from math import fsum

import msgspec

from grader.batch.similarity.compare import Shared, SimilarPair
from grader.batch.similarity.features import K, Kind, hashes
from grader.batch.similarity.regions import Marks
from grader.batch.similarity.words import SourceText, TextSpan
from grader.intake.display import for_terminal, one_line

LONGEST_ITEM = 160
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
    made = _joined_fingerprints(pair.shared, program)
    for shared in pair.shared:
        if shared.feature.kind is not Kind.CODE:
            kind = "name" if shared.feature.kind is Kind.NAME else "comment or text"
            made.append(_item(kind, shared.feature.value, [shared]))
    made.sort(key=lambda item: (-item.bits, item.kind, item.text))
    return tuple(item for item in made if item.bits >= TELLING) or tuple(made[:1])


def _joined_fingerprints(shared: Sequence[Shared], program: SourceText) -> list[SharedItem]:
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
        text=one_line(text, limit=LONGEST_ITEM),
        have=min(part.have for part in parts),
        bits=fsum(part.bits for part in parts),
    )


CONTEXT = 3
"""Lines around a shared part that are always shown."""
FOLD = 3
"""Fewer lines than this are not worth hiding."""
LONGEST_LINE = 400
"""Characters of a line."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a line."""

    text: str
    number: int
    """Of the shared part; 0 outside."""
    tone: str
    """``code``, ``comment``, ``given`` or empty."""
    anchor: str = ""
    """Set where the part begins: the other side links to it."""
    to: str = ""
    """The anchor of the same part on the other side."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a text."""

    number: int
    pieces: tuple[Piece, ...]


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that are shown, or that are folded away since nothing in them is shared."""

    lines: tuple[Line, ...]
    folded: bool


def both_sides(
    one: tuple[SourceText, Marks], other: tuple[SourceText, Marks]
) -> tuple[tuple[Passage, ...], tuple[Passage, ...]]:
    """Two texts as blocks; a part that both have leads from each side to the other."""
    matched = _numbers(one[1]) & _numbers(other[1])
    return _blocks(*one, "a", matched), _blocks(*other, "b", matched)


def _numbers(marks: Marks) -> set[int]:
    return {region.number for region in (*marks.code, *marks.comments)}


def _blocks(
    program: SourceText, marks: Marks, side: str, matched: AbstractSet[int]
) -> tuple[Passage, ...]:
    lines = _lines(program, marks, side, matched)
    wanted = {
        near
        for at, line in enumerate(lines)
        if any(piece.number for piece in line.pieces)
        for near in range(at - CONTEXT, at + CONTEXT + 1)
    }
    made: list[Passage] = []
    for folded, run in _grouped(len(lines), wanted):
        made.append(Passage(lines=tuple(lines[at] for at in run), folded=folded))
    return tuple(made)


def _grouped(count: int, wanted: set[int]) -> list[tuple[bool, range]]:
    runs: list[tuple[bool, range]] = []
    start = 0
    for at in range(1, count + 1):
        if at == count or (at in wanted) != (start in wanted):
            folded = start not in wanted and at - start >= FOLD
            if runs and not folded and not runs[-1][0]:
                runs[-1] = (False, range(runs[-1][1].start, at))
            else:
                runs.append((folded, range(start, at)))
            start = at
    return runs


def _lines(program: SourceText, marks: Marks, side: str, matched: AbstractSet[int]) -> list[Line]:
    text = program.text
    stretches = _toned_stretches(text, marks)
    other = "b" if side == "a" else "a"
    seen: set[int] = set()
    lines: list[Line] = []
    pieces: list[Piece] = []
    for start, stop, number, tone in stretches:
        for n, part in enumerate(text[start:stop].split("\n")):
            if n:
                lines.append(Line(number=len(lines) + 1, pieces=tuple(pieces)))
                pieces = []
            if part:
                inked = number if part.strip() else 0
                first = bool(inked) and inked not in seen
                seen.add(inked)
                pieces.append(
                    Piece(
                        text=for_terminal(part, limit=LONGEST_LINE).replace("\n", " "),
                        number=inked,
                        tone=tone,
                        anchor=f"{side}{inked}" if first else "",
                        to=f"{other}{inked}" if inked in matched else "",
                    )
                )
    if pieces:
        lines.append(Line(number=len(lines) + 1, pieces=tuple(pieces)))
    return lines


def _toned_stretches(text: str, marks: Marks) -> list[tuple[int, int, int, str]]:
    """The text cut where a mark begins or ends: start, stop, number, tone."""
    layers: list[tuple[Sequence[tuple[TextSpan, int]], str]] = [
        ([(r.span, r.number) for r in marks.comments], "comment"),
        ([(r.span, r.number) for r in marks.code], "code"),
        ([(span, 0) for span in marks.given], "given"),
    ]
    cuts = {0, len(text)}
    for spans, _ in layers:
        cuts.update(edge for span, _ in spans for edge in (span.start, span.stop))
    ordered = sorted(cuts)
    made = []
    cursors = [0] * len(layers)
    for start, stop in pairwise(ordered):
        number, tone = 0, ""
        for layer, (spans, name) in enumerate(layers):
            while cursors[layer] < len(spans) and spans[cursors[layer]][0].stop <= start:
                cursors[layer] += 1
            at = cursors[layer]
            if not tone and at < len(spans) and spans[at][0].start <= start:
                number, tone = spans[at][1], name
        made.append((start, stop, number, tone))
    return made
