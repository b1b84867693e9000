"""The right answers of five kernels in which all lanes of a warp work together, and their bounds.

Three of them move numbers or compare them, and are exact. A prefix sum is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, ArraySpec, Between, ExpectedOutput, Sizes, sum_of
from grader.puzzles.programs import Answer
from grader.puzzles.warps import WARP, OfOneSign, elements

NUMBERS = Between(-999, 999)
EXTREMES = OfOneSign(-999, 999)
PIVOTS = 9


@dataclass(frozen=True)
class AroundPivots(Between):
    """Numbers of which some are equal to the pivot, among real ones, too: to none by chance."""

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> NDArray[np.generic]:
        """As of `Between`, with the pivot in two places or one."""
        drawn = super().draw(spec, random)
        drawn.flat[random.integers(drawn.size, size=2)] = spec.sizes["pivot"]
        return drawn


AROUND_PIVOTS = AroundPivots(-4, 14)
"""So few whole numbers that some are equal to the pivot, which is one of 1 to 9."""


def by_warp(values: Answer) -> Answer:
    """The elements of each warp in a row."""
    return values.reshape(-1, WARP)


def even(values: Answer) -> NDArray[np.bool_]:
    """Whether each element's lane has an even number."""
    return np.asarray(np.arange(len(values)) % 2 == 0)


def swapped(values: Answer) -> Answer:
    """Each element in its neighbour's place, in pairs."""
    return np.asarray(values[np.arange(len(values)) ^ 1])


def largest(values: Answer) -> Answer:
    """The largest element of each lane's warp."""
    return np.repeat(by_warp(values).max(axis=1), WARP)


def smallest(values: Answer) -> Answer:
    """The smallest element of each lane's warp."""
    return np.repeat(by_warp(values).min(axis=1), WARP)


def partitioned(values: Answer, left: NDArray[np.bool_]) -> Answer:
    """What belongs to the left, then all else, each in its order."""
    return np.concatenate([values[left], values[~left]])


def pair_swap(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """Elements as they are, at other places."""
    return {"output": ExpectedOutput.exactly(swapped(elements(inputs)))}


def parallel_max(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """A maximum is one of its numbers."""
    return {"output": ExpectedOutput.exactly(largest(elements(inputs)))}


def conditional_max(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The maximum of the warp in even lanes, its minimum in odd ones."""
    values = elements(inputs)
    value = np.where(even(values), largest(values), smallest(values))
    return {"output": ExpectedOutput.exactly(value)}


def prefix_sums(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of a warp's elements up to the own one, in any order."""
    rows = by_warp(elements(inputs))
    terms = np.where(np.tri(WARP, dtype=np.bool_), rows[:, None, :], 0.0)
    return {"output": sum_of(*terms.reshape(-1, WARP).T)}


def partition(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """Elements below the pivot, then the others, each in the order of the input."""
    values = elements(inputs)
    left = np.asarray(values < sizes["pivot"])
    return {"output": ExpectedOutput.exactly(partitioned(values, left))}
