"""The distribution of scores as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

HEIGHT = 210
"""Of the plot, in the drawing's units; labels stand above and below."""
_TENTHS = 10


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """One bar: the students whose mark lies in a range."""

    label: str
    """Below the bar: where the range begins."""
    range: str
    """In words: ``10 to 19``."""
    count: int
    passed: int
    x: float
    """Left edge in percent of the width."""
    width: float
    pass_y: float
    pass_height: float
    fail_y: float
    fail_height: float
    top: float
    """Where the bar ends."""


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """All bars; drawn in a box of 100 % by `HEIGHT` units."""

    bins: tuple[Bin, ...]
    height: int
    summary: str
    """The same in words."""


def histogram(marks: Sequence[tuple[Decimal, bool]], max_score: int) -> Histogram | None:
    """The bars of marks with whether each passed; None where there is no mark.

    Tenths of the points, then those with all points, then those with more.
    """
    if not marks or max_score <= 0:
        return None
    counts = [[0, 0] for _ in range(_TENTHS + 2)]
    for points, passed in marks:
        counts[_bin(points, max_score)][passed] += 1
    if not sum(counts[-1]):
        counts.pop()
    most = max(sum(pair) for pair in counts)
    pitch = 100 / len(counts)
    bins = tuple(
        _bar(index, failed, passed, most, pitch, max_score)
        for index, (failed, passed) in enumerate(counts)
    )
    told = "; ".join(f"{b.range}: {b.count}" for b in bins if b.count)
    return Histogram(bins=bins, height=HEIGHT, summary=f"Points and how many have them. {told}.")


def _bin(points: Decimal, max_score: int) -> int:
    if points >= max_score:
        return _TENTHS + (points > max_score)
    return max(0, int(points * _TENTHS / max_score))


def _bar(index: int, failed: int, passed: int, most: int, pitch: float, max_score: int) -> Bin:
    fail_height = round(failed * HEIGHT / most, 2)
    pass_height = round(passed * HEIGHT / most, 2)
    low, high = _ceil(index, max_score), _ceil(index + 1, max_score) - 1
    label, words = str(low), f"{low} to {high}" if high > low else str(low)
    if index == _TENTHS:
        label = words = str(max_score)
    elif index > _TENTHS:
        label, words = f">{max_score}", f"more than {max_score}"
    return Bin(
        label=label,
        range=words,
        count=failed + passed,
        passed=passed,
        x=round(index * pitch + pitch * 0.09, 3),
        width=round(pitch * 0.82, 3),
        pass_y=round(HEIGHT - pass_height, 2),
        pass_height=pass_height,
        fail_y=round(HEIGHT - pass_height - fail_height, 2),
        fail_height=fail_height,
        top=round(HEIGHT - pass_height - fail_height, 2),
    )


def _ceil(index: int, max_score: int) -> int:
    """The first whole number of points in a tenth."""
    return -(-index * max_score // _TENTHS)
