"""The right answers of three kernels that use operations of a whole block, and their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import (
    SMALLEST_NORMAL,
    UNIT_ROUNDOFF,
    Array,
    Arrays,
    ArraySpec,
    Between,
    Elements,
    ExpectedOutput,
    Sizes,
    Values,
    sum_of_products,
)
from grader.puzzles.programs import Answer, numbers

BINS = 8
"""A power of two: an element times it is exact, and no rounding moves one to another bin."""
_STEPS = 64
"""Elements of cases without rounding are multiples of one of so many: eight of them in each bin."""


@dataclass(frozen=True)
class FromZeroToOne(Between):
    """Numbers from 0 to 1, the ends included, among them the ends of bins and what lies beside.

    In cases of whole numbers they are multiples of 1/64, and most of them in few of the bins, so
    that a bin may be empty and another one full.
    """

    low: float = 0.0
    high: float = 1.0

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        count = int(np.prod(spec.shape))
        if spec.values is Values.REALS:
            drawn = random.random(count, np.float32).astype(np.float64)
            ends = random.integers(0, BINS + 1, count) / BINS
            beside = np.nextafter(ends.astype(np.float32), np.float32(random.integers(2)))
            which = random.integers(0, 8, count)
            drawn = np.where(which == 0, ends, np.where(which == 1, beside, drawn))
        else:
            most = BINS if random.integers(2) else 2
            bins = random.choice(BINS, size=random.integers(1, most + 1), replace=False)
            steps = _STEPS // BINS
            drawn = (random.choice(bins, count) * steps + random.integers(0, steps, count)) / _STEPS
            drawn[random.random(count) < 1 / _STEPS] = 1
        return drawn.astype(np.float32).reshape(spec.shape)

    def elements(self, spec: ArraySpec) -> Elements:
        from hypothesis import strategies as st

        if spec.values is Values.REALS:
            return st.floats(0, 1, width=32, allow_subnormal=False)
        return st.integers(0, _STEPS).map(lambda number: number / _STEPS)


def bin_of(sizes: Sizes) -> int:
    """The bin that is asked for, from 0; a size is at least 1."""
    return sizes["nth_bin"] - 1


def bins_of(values: Answer) -> NDArray[np.int64]:
    """The bin of each element: that of 1 is the last one."""
    return np.minimum(np.floor(values * BINS).astype(np.int64), BINS - 1)


def packed(values: Answer, chosen: NDArray[np.bool_]) -> Answer:
    """The chosen elements in their order, and zeros behind them."""
    some = values[chosen]
    return np.concatenate([some, np.zeros(len(values) - len(some))])


def dot_product(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of the products, in any order."""
    return {"output": sum_of_products([numbers(inputs, name)[None, :] for name in ("a", "b")])}


def extracted(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The elements of one bin, in the order of the input, and how many they are.

    Nothing is rounded. What lies behind the last of them is not said.
    """
    values = numbers(inputs, "input_data")
    chosen = bins_of(values) == bin_of(sizes)
    count = np.array([np.count_nonzero(chosen)], np.int32)
    return {
        "bin_output": ExpectedOutput.exactly(
            packed(values, chosen), decided=np.arange(len(values)) < count[0]
        ),
        "count_output": ExpectedOutput.exactly(count),
    }


def normalized(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """Each element divided by the mean; all are positive.

    Of n positive numbers, n - 1 additions in any order leave a relative error of gamma_(n-1)
    (Higham, Accuracy and Stability of Numerical Algorithms, 4.2). Then there are two divisions at
    most, each of which may be a product with a reciprocal: two roundings u, or the fastest one of
    a GPU, which has "a maximum ulp error of 2" (PTX ISA, ``div.full``), so 4 u at most. Who
    multiplies by n first rounds once more. So ``|computed - exact| <= gamma_(n+8) * exact``.
    """
    values = numbers(inputs, "input_data")
    exact = values / values.mean()
    rounded = (len(values) + 8) * UNIT_ROUNDOFF
    allowed = rounded / (1 - rounded) * np.abs(exact) + SMALLEST_NORMAL
    return {"output_data": ExpectedOutput.within(exact, allowed)}
