"""The right answers of both kernels, and how far a computed one may lie from them.

Both are sums of a few elements of the own tile, with positive weights: windows are averaged, and
averages are added and scaled. So an element reaches an output along paths of additions,
multiplications and divisions, and each of them changes what comes along by a factor of ``1 + d``
with ``|d| <= u``, ``u = 2**-24``. After k of them the output is off by
``gamma_k * sum weight|x|`` at most, with ``gamma_k = k*u / (1 - k*u)`` (Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., lemma 3.1). k is counted along the longest path:

* A factor that is no number of float32 (1.1, 0.6) is rounded itself: 2 for each multiplication.
* The mean of n numbers takes n - 1 additions in whatever order, and a division: ``div.full.f32``
  has "a maximum ulp error of 2" (PTX ISA, ``div``), which is 4u. To multiply by the rounded
  reciprocal is less.
* A multiplication and an addition that are one operation (``fma``) round less.

In the pipeline these are 2 for 1.1, 4 + 4 for the window of five, and 1 + 2 for each neighbour that
is added: 16. In the stencil 2 + 4 in each of three iterations: 18. Whoever adds the weighted
elements at once rounds less often: a weight takes some u, its product 1, and six additions follow.

Below the normal numbers, "subnormal inputs and results" may be flushed "to sign-preserving zero"
(PTX ISA, "Floating Point Instructions"). So a subnormal element may be lost whole, with its weight.
An operation may lose less than ``t = 2**-126``. The weights of one stage add up to 1.32 at most: in
the pipeline that is 1.32 t for the products, (4/3 + 1) * 1.32 t for the means, since at least three
numbers are divided, and 4 t for smoothing. In the stencil it is 2 t for each iteration. Seven
products and six additions at once lose 13 t. 16 t are allowed.

An output is undecided where a sum that is divided afterwards may overflow. It is also undecided
where the last tile is not full and it depends on what lies behind the last element: the book fills
up with zeros; whether they count as neighbours, and whether an iteration changes them, it does not
say. A NaN is right in a case that holds one, or an infinity: a neighbour may be left out by a
factor of 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from grader.puzzle_kit import (
    LARGEST,
    SMALLEST_NORMAL,
    UNIT_ROUNDOFF,
    Arrays,
    ExpectedOutput,
    Sizes,
    another_algorithm,
)
from grader.puzzles.programs import Answer, numbers
from grader.puzzles.warps import WARP

BRIGHTER: Final = 1.1
SMOOTHED: Final = 0.6
RADIUS: Final = 2
"""Of the blur."""
ITERATIONS: Final = 3

REACH: Final = 3
"""How far away the elements lie that an output depends on, in both kernels."""
_LOST: Final = 16
"""Of the smallest normal number."""

Way = Callable[[Answer], Answer]
"""From tiles, one in each row, to what comes of them."""


def tile_of(sizes: Sizes) -> int:
    """Elements of a tile, which are the threads of a block."""
    return WARP * sizes["warps"]


def by_tiles(way: Way, values: Answer, tile: int) -> Answer:
    """What comes of elements, tile by tile; zeros fill the last one up."""
    rows = np.zeros((-(-len(values) // tile), tile))
    rows.ravel()[: len(values)] = values
    return np.asarray(way(rows).ravel()[: len(values)])


def neighbours(rows: Answer, first: int, last: int) -> Answer:
    """Those of each element, from so far to so far away; 0 in the place of one that is missing."""
    width = rows.shape[1]
    at = np.arange(width)[:, None] + np.arange(first, last + 1)
    return np.where((at >= 0) & (at < width), rows[:, np.clip(at, 0, width - 1)], 0.0)


def how_many(width: int, first: int, last: int) -> Answer:
    """How many of these neighbours each element of a tile has."""
    at = np.arange(width)[:, None] + np.arange(first, last + 1)
    return np.asarray(((at >= 0) & (at < width)).sum(axis=-1), np.float64)


def mean(rows: Answer, first: int, last: int) -> Answer:
    """The mean of the neighbours that are there."""
    found = neighbours(rows, first, last).sum(axis=-1) / how_many(rows.shape[1], first, last)
    return np.asarray(found)


def smoothed(rows: Answer) -> Answer:
    """Each element with its left neighbour, then with its right one."""
    found = rows.copy()
    found[:, 1:] = (found[:, 1:] + rows[:, :-1]) * SMOOTHED
    found[:, :-1] = (found[:, :-1] + rows[:, 1:]) * SMOOTHED
    return found


def pipeline(rows: Answer) -> Answer:
    """What the three stages make of tiles."""
    return smoothed(mean(rows * BRIGHTER, -RADIUS, RADIUS))


def stencil(rows: Answer, iterations: int = ITERATIONS) -> Answer:
    """What so many iterations make of tiles."""
    for _ in range(iterations):
        rows = mean(rows, -1, 1)
    return rows


def blurred(inputs: Arrays, sizes: Sizes) -> dict[str, ExpectedOutput]:
    """The right output of the pipeline."""
    return _expected(inputs, sizes, pipeline, roundings=16, weight=BRIGHTER * (2 * RADIUS + 1))


def averaged(inputs: Arrays, sizes: Sizes) -> dict[str, ExpectedOutput]:
    """The right output of the stencil."""
    return _expected(inputs, sizes, stencil, roundings=18, weight=3)


def _expected(
    inputs: Arrays, sizes: Sizes, way: Way, *, roundings: int, weight: float
) -> dict[str, ExpectedOutput]:
    """The output with its bound.

    Args:
        inputs: Of the case.
        sizes: Of the case.
        way: Which sum with positive weights it is.
        roundings: How many there are along the longest path.
        weight: How many times the largest element a sum on the way may be.
    """
    values, tile = numbers(inputs, "input"), tile_of(sizes)
    finite = np.isfinite(values)
    size = np.where(finite, np.abs(values), 0.0)
    gamma = roundings * UNIT_ROUNDOFF / (1 - roundings * UNIT_ROUNDOFF)
    with np.errstate(invalid="ignore"):  # of inf - inf, which is NaN
        value = by_tiles(way, values, tile)
    lost = by_tiles(way, np.where(size < SMALLEST_NORMAL, size, 0.0), tile)
    allowed = gamma * by_tiles(way, size, tile) + lost + _LOST * SMALLEST_NORMAL
    other = another_algorithm([values], 2 * REACH + 1)
    largest = by_tiles(lambda rows: neighbours(rows, -REACH, REACH).max(axis=-1), size, tile)
    place = np.arange(len(values))
    whole = (place + REACH < len(values)) | (place < len(values) // tile * tile)
    return {
        "output": replace(
            ExpectedOutput.within(
                value, allowed, decided=whole & (weight * (1 + gamma) * largest < LARGEST)
            ),
            rearranged=allowed + other.off,
            may_overflow=np.full(value.shape, other.may_overflow),
            may_be_nan=np.full(value.shape, not finite.all()),
        )
    }
