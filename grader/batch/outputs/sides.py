"""Two texts side by side: lines cut into pieces, the shared ones marked."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

import msgspec

from grader.batch.similarity.regions import Marks
from grader.batch.similarity.words import SourceText, TextSpan
from grader.intake.display import for_terminal

CONTEXT = 3
"""Lines around a shared part that are always shown."""
FOLD = 3
"""Fewer lines than this are not worth hiding."""
LINE = 400
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
    stretches = _stretches(text, marks)
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
                        text=for_terminal(part, limit=LINE).replace("\n", " "),
                        number=inked,
                        tone=tone,
                        anchor=f"{side}{inked}" if first else "",
                        to=f"{other}{inked}" if inked in matched else "",
                    )
                )
    if pieces:
        lines.append(Line(number=len(lines) + 1, pieces=tuple(pieces)))
    return lines


def _stretches(text: str, marks: Marks) -> list[tuple[int, int, int, str]]:
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
