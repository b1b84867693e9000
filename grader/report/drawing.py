"""The geometry of the drawing of expected against got.

The plot is fluid: x runs over slots (one per element), y over 0 to 100 of the
plot's height, and the SVG stretches both, so that text keeps its size on a
phone and on paper. Points are path segments of no length with round or square
caps, which keep their shape when the plot is stretched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import msgspec

from grader.report import style
from grader.report.style import Number

ELEMENTS = 256
"""Elements drawn at most."""
RAIL = 9.0
"""Height kept at an edge for values that have no place on the scale, in plot units."""
MARGIN = 4.0
"""Free room between the extreme values and the edge or rail, in plot units."""


class Tick(msgspec.Struct, frozen=True):
    """A labelled place on an axis, in percent of the plot."""

    at: float
    label: str


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the template needs to draw."""

    slots: int
    expected: str
    """Path: one short level line per element."""
    right: str
    """Path: one point per element that is right."""
    wrong: str
    """Path: one point per element that differs."""
    gaps: str
    """Path: from expected to got where they differ."""
    dense: bool
    """So many elements that points have to be small."""
    rows: tuple[Tick, ...]
    """Values on the y axis."""
    rails: tuple[Tick, ...]
    """Names of the rails at the edges."""
    columns: tuple[Tick, ...]
    """Indices on the x axis."""
    description: str
    """What the drawing shows, for people who can't see it."""
    caption: str
    """What part is drawn; empty when it is everything."""


class _Scale:
    """Maps values to heights; 0 is the top."""

    def __init__(self, expected: Sequence[Number], got: Sequence[Number]) -> None:
        wanted = [float(v) for v in map(_float, expected) if math.isfinite(v)]
        seen = [float(v) for v in map(_float, got) if math.isfinite(v)]
        base = wanted or seen or [0.0]
        # Half a range: the difference of the two ends may overflow.
        low, high = min(base), max(base)
        half = (high / 2 - low / 2) or abs(high) / 2 or 0.5
        near = [v for v in seen if low / 2 - half * 1.5 <= v / 2 <= high / 2 + half * 1.5]
        self.low, self.high = min([*base, *near]), max([*base, *near])
        if 0 < self.low <= half * 2:
            self.low = 0.0
        if -half * 2 <= self.high < 0:
            self.high = 0.0
        if self.low == self.high:
            self.low, self.high = self.low - half, self.high + half
        everything = [*map(_float, expected), *map(_float, got)]
        self.above = any(v > self.high for v in everything)
        self.below = any(v < self.low for v in everything)
        self.nan = any(math.isnan(v) for v in everything)
        self.top = (RAIL if self.above else 0.0) + MARGIN
        self.bottom = 100.0 - (RAIL if self.below else 0.0) - (RAIL if self.nan else 0.0) - MARGIN

    def height(self, value: Number) -> float:
        v = _float(value)
        if math.isnan(v):
            return 100.0 - RAIL / 2
        if v > self.high:
            return RAIL / 2
        if v < self.low:
            return 100.0 - RAIL / 2 - (RAIL if self.nan else 0.0)
        unit = max(abs(self.low), abs(self.high), 5e-324)
        low, high = self.low / unit, self.high / unit
        share = (v / unit - low) / (high - low) if high > low else 0.5
        return self.bottom + (self.top - self.bottom) * share

    def rails(self) -> tuple[Tick, ...]:
        named = []
        if self.above:
            named.append(Tick(RAIL / 2, "above the scale, or inf"))
        if self.below:
            at = 100.0 - RAIL / 2 - (RAIL if self.nan else 0.0)
            named.append(Tick(at, "below the scale, or -inf"))
        if self.nan:
            named.append(Tick(100.0 - RAIL / 2, "NaN"))
        return tuple(named)


def draw(
    expected: Sequence[Number],
    got: Sequence[Number],
    wrong: AbstractSet[int],
    *,
    total: int | None = None,
) -> Drawing | None:
    """The drawing of two arrays of the same length, or None where there is nothing to draw.

    Args:
        expected: What the reference gives.
        got: What the submission gave.
        wrong: Indices of the elements that differ by more than is allowed.
        total: How many elements there are in all, where these are only the first.
    """
    known = min(len(expected), len(got))
    if not known:
        return None
    total = known if total is None else total
    start = 0
    if known > ELEMENTS and wrong:
        start = max(0, min(min(wrong) - ELEMENTS // 8, known - ELEMENTS))
    stop = min(known, start + ELEMENTS)
    scale = _Scale(expected[start:stop], got[start:stop])
    levels, right, differ, gaps = [], [], [], []
    for index in range(start, stop):
        x, want, have = index - start, scale.height(expected[index]), scale.height(got[index])
        levels.append(f"M{x}.14 {want:.1f}h.72")
        if index in wrong:
            differ.append(f"M{x}.5 {have:.1f}h.001")
            gaps.append(f"M{x}.5 {want:.1f}V{have:.1f}")
        else:
            right.append(f"M{x}.5 {have:.1f}h.001")
    shown = [index for index in sorted(wrong) if start <= index < stop]
    return Drawing(
        slots=stop - start,
        expected="".join(levels),
        right="".join(right),
        wrong="".join(differ),
        gaps="".join(gaps),
        dense=stop - start > 64,
        rows=_rows(scale),
        rails=scale.rails(),
        columns=_columns(start, stop),
        description=_describe(expected, got, shown, stop - start),
        caption=f"Elements {start} to {stop - 1} of {total}." if stop - start < total else "",
    )


def _float(value: Number) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _rows(scale: _Scale) -> tuple[Tick, ...]:
    """Three to six round values of the scale."""
    half = scale.high / 2 - scale.low / 2
    if not math.isfinite(half) or half <= 0:
        return ()
    step = 10.0 ** math.floor(math.log10(half)) if half >= 5e-308 else half
    step = next((step * f for f in (0.5, 1, 2, 5, 10) if half / (step * f) <= 2.5), step)
    first = math.ceil(scale.low / step)
    # Where the values are large and close together, whole steps can't tell them apart.
    if step <= 0 or abs(first) > 1e15:
        return (Tick(scale.height(scale.low), style.shortest(scale.low)),)
    ticks = []
    for count in range(first, first + 7):
        value = count * step
        if not scale.low <= value <= scale.high:
            break
        ticks.append(Tick(round(scale.height(value), 2), style.shortest(float(f"{value:.12g}"))))
    return tuple(ticks)


def _columns(start: int, stop: int) -> tuple[Tick, ...]:
    """At most ten round indices, in percent of the width."""
    count = stop - start
    step = next((s for s in (1, 2, 5, 10, 20, 25, 50, 100) if count / s <= 10), 100)
    first = -(-start // step) * step
    return tuple(
        Tick(round((index - start + 0.5) * 100 / count, 2), str(index))
        for index in range(first, stop, step)
    )


def _describe(
    expected: Sequence[Number], got: Sequence[Number], wrong: Sequence[int], count: int
) -> str:
    told = [
        f"at index {i} expected {style.shortest(expected[i])}, got {style.shortest(got[i])}"
        for i in wrong[:6]
    ]
    more = f"; and {len(wrong) - 6} more" if len(wrong) > 6 else ""
    verb = "differs" if len(wrong) == 1 else "differ"
    tail = f": {'; '.join(told)}{more}." if told else "."
    return f"{len(wrong)} of {count} elements {verb}{tail}"
