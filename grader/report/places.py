"""Where in the block the wrong outputs lie, over all cases: a row of bars and a sentence."""

from __future__ import annotations

import msgspec

from grader.record import PlaceCounts
from grader.report.panels import WIDTH
from grader.report.steps import counted, ranges

HEIGHT = 60.0
"""Of a bar where all is wrong."""
BAR = 42.0
"""Width of a bar at most, with the room beside it."""
LABELLED = 22.0
"""Width of a bar from which on each has a label; of narrower ones every eighth."""
MOST = 64
"""Bars at most."""


class PlaceBar(msgspec.Struct, frozen=True, kw_only=True):
    """One place in the block."""

    x: float
    width: float
    height: float
    """Of the part that is wrong."""
    label: str
    told: str


class PlacesDrawing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the template needs to draw."""

    sentence: str
    bars: tuple[PlaceBar, ...]
    width: float
    height: float
    description: str


def draw_places(counts: PlaceCounts) -> PlacesDrawing | None:
    """The drawing; None where it shows nothing: no place is wrong, or all are."""
    pairs = list(zip(counts.wrong, counts.tried, strict=False))[:MOST]
    wrong = [place for place, (bad, tried) in enumerate(pairs) if tried > 0 and bad > 0]
    right = [place for place, (bad, tried) in enumerate(pairs) if tried > 0 and bad <= 0]
    if not wrong or not right:
        return None
    each = min(BAR, WIDTH / len(pairs))
    bars = tuple(
        PlaceBar(
            x=each * place + 1,
            width=each - 2 if each > 4 else each - 0.5,
            height=HEIGHT * min(1.0, max(0.0, bad / tried)) if tried > 0 else 0.0,
            label=str(place) if each >= LABELLED or not place % 8 else "",
            told=f"{bad:,} of {tried:,}",
        )
        for place, (bad, tried) in enumerate(pairs)
    )
    told = "; ".join(
        f"place {place}: {bar.told} wrong" for place, bar in enumerate(bars) if pairs[place][1] > 0
    )
    return PlacesDrawing(
        sentence=f"Over all cases, outputs are wrong at {counted('place', ranges(wrong))} in the "
        f"block, and right at {counted('place', ranges(right))}: element i has place "
        f"i % {len(counts.tried)}.",
        bars=bars,
        width=each * len(pairs) + 2,
        height=HEIGHT + 16,
        description=f"{told}.",
    )
