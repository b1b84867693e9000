"""The right answers of five kernels in which the lanes of a warp talk, and their bounds.

A block is one warp. ``windows`` and ``firsts`` are what all of them are made of: the element of
each lane with those behind it, and what lane 0 of each block reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import (
    SMALLEST_NORMAL,
    UNIT_ROUNDOFF,
    Array,
    Arrays,
    ArraySpec,
    Between,
    ExpectedOutput,
    Sizes,
    Values,
    sum_of,
    sum_of_products,
)
from grader.puzzles.programs import Answer
from grader.puzzles.warps import WARP, elements

ORDINARY = Between(-999, 999)
"""Values of an input. A product of two sums of whole ones is a whole number that float32 holds:
at most 4 * 999 * 2 * 999."""


@dataclass(frozen=True)
class WithAMaximum(Between):
    """Numbers in which a maximum of the first eight goes wrong where it may.

    All may be negative, the eighth may be the largest, and another one may be half of that. Each is
    rare among numbers drawn at random.
    """

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        drawn = super().draw(spec, random)
        if random.integers(3) == 0:
            drawn = -np.abs(drawn)
        if random.integers(2):
            largest = int(drawn[:8].argmax())
            drawn[[largest, 7]] = drawn[[7, largest]]
        half = drawn[:8].max() / 2
        if len(drawn) > 8 and (spec.values is Values.REALS or half == np.rint(half)):
            drawn[random.integers(8, len(drawn))] = half
        return drawn


def windows(values: Answer, reach: int) -> tuple[Answer, NDArray[np.bool_]]:
    """The element of each lane and those up to ``reach`` behind it, and which of them are there."""
    place = np.arange(len(values))[:, None] + np.arange(reach + 1)
    same = place // WARP == place[:, :1] // WARP
    there = same & (place < len(values))
    return np.where(there, values[np.minimum(place, len(values) - 1)], 0.0), there


def firsts(values: Answer, count: int) -> Answer:
    """The first elements of each lane's block."""
    begin = np.arange(len(values)) // WARP * WARP
    return np.asarray(values[begin[:, None] + np.arange(count)])


def _decided(count: int) -> NDArray[np.bool_]:
    """All elements but the last ones of warps behind which another warp begins.

    The task is of one warp, and says of more of them only that each goes through its own: the next
    element could be read from memory there.
    """
    place = np.arange(count)
    return np.asarray((place % WARP != WARP - 1) | (place == count - 1))


def difference(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The next element minus the own one, which is rounded once; 0 where there is no next."""
    seen, there = windows(elements(inputs), 1)
    both = there.all(axis=1)
    right = sum_of(np.where(both, seen[:, 1], 0.0), np.where(both, -seen[:, 0], 0.0))
    return {"output": replace(right, decided=right.decided & _decided(len(seen)))}


def averages(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The mean of up to three elements.

    Of n numbers there are n - 1 additions, in any order, before or behind the division. That is
    rounded once, or is a product with a reciprocal that was rounded as well: two roundings u. The
    fastest division of a GPU has "a maximum ulp error of 2" (PTX ISA, ``div.full``), which is 4 u
    at most. So ``|computed - exact| <= gamma_(n+3) * sum |x| / n``. Below the normal numbers each
    operation may lose the smallest of them. Half of a whole number is exact, a third is not.
    """
    seen, there = windows(elements(inputs), 2)
    count = there.sum(axis=1)
    right = sum_of(*seen.T)
    rounded = (count + 3) * UNIT_ROUNDOFF
    size = np.abs(seen).sum(axis=1) / count
    allowed = rounded / (1 - rounded) * size + 2 * count * SMALLEST_NORMAL
    value = seen.sum(axis=1) / count
    exact = right.exact & (count < 3)
    return {"output": replace(right, value=value, allowed=allowed, rearranged=allowed, exact=exact)}


def scaled(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The own element and the next one, times the mean of the block's first four.

    A quarter of ``sum of x[j] * first[k]`` over two j and four k. The bound is that of a sum of
    eight products in any order; who adds first and multiplies once makes five roundings, which is
    less. A quarter of a number is exact.
    """
    values = elements(inputs)
    seen, there = windows(values, 1)
    four = firsts(values, 4)
    right = sum_of_products(
        [np.repeat(seen, 4, axis=1), np.tile(four, (1, 2))], np.repeat(there, 4, axis=1)
    )
    return {
        "output": replace(
            right,
            value=np.asarray(right.value, np.float64) / 4,
            allowed=right.allowed / 4,
            rearranged=right.rearranged / 4,
            decided=right.decided & _decided(len(values)),
        )
    }


def raised(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The own element and the sum of the block's first four: five numbers, in any order."""
    values = elements(inputs)
    return {"output": sum_of(values, *firsts(values, 4).T)}


def doubled_or_halved(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """Twice an element that is at least half of the largest of the block's first eight, else half.

    A maximum is one of its numbers, and twice or half of a number is exact unless it leaves the
    normal ones, where the task fixes nothing.
    """
    values = elements(inputs)
    value = by_threshold(values, firsts(values, 8).max(axis=1) / 2)
    normal = (np.abs(values) >= 4 * SMALLEST_NORMAL) | (values == 0)
    return {"output": ExpectedOutput.exactly(value, decided=normal)}


def by_threshold(values: Answer, threshold: Answer) -> Answer:
    """Twice what reaches the threshold, and half of the rest."""
    return np.where(values >= threshold, values * 2, values / 2)
