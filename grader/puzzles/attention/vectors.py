"""What queries, keys and values may be: finite numbers, scores of which go far beyond exp's range.

The three are drawn each by itself, so that scores are large where queries and keys happen to be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Array, ArraySpec, Elements, OwnValues, Sizes, Values, dtype_of

ODD = (0.0, -0.0, 1.0, -1.0, 2.0**-149, -(2.0**-127))


@dataclass(frozen=True)
class Vectors(OwnValues):
    """Numbers up to ``most``, mostly of one of the given magnitudes.

    In some cases all have one sign, so that scores are far from zero on one side; in others one row
    is much larger than the rest, so that its key has nearly all of the weight.
    """

    most: float
    spreads: tuple[float, ...]
    wide: bool = False
    """Whether cases of special values go from very small numbers to ``most``."""

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        count = int(np.prod(spec.shape))
        spread = random.choice(self.spreads)
        flat = random.normal(0, spread, count)
        way = random.random()
        if way < 0.4:
            flat = np.abs(flat) * random.choice([-1, 1])
        elif way < 0.6:
            flat = spread * random.uniform(0.5, 1, count) * random.choice([-1, 1], count)
        rows = flat.reshape(spec.shape[0], -1)
        if random.random() < 0.3:
            ends = (0, len(rows) // 2, len(rows) - 1, int(random.integers(len(rows))))
            rows[random.choice(ends)] *= 8
        if spec.values is Values.SPECIAL:
            if self.wide and random.random() < 0.5:
                exponents = random.uniform(np.log(1e-30), np.log(self.most), count)
                flat = np.exp(exponents) * random.choice([-1, 1], count)
            flat[random.integers(count, size=random.integers(1, 4))] = random.choice(ODD)
        if spec.values in (Values.INTEGERS, Values.EXAMPLE):
            flat = np.rint(flat + np.sign(flat))
        flat = np.clip(flat, -self.most, self.most)
        return np.asarray(flat.astype(dtype_of(spec.dtype)).reshape(spec.shape))

    def elements(self, spec: ArraySpec) -> Elements:
        from hypothesis import strategies as st

        most = float(np.float32(self.most))
        if spec.values in (Values.INTEGERS, Values.EXAMPLE):
            return st.integers(-min(int(most), 20), min(int(most), 20))
        small = st.floats(-2, 2, width=32, allow_subnormal=False)
        if spec.values is Values.REALS:
            end = min(most, 100.0)
            return st.one_of(small, st.floats(-end, end, width=32, allow_subnormal=False))
        return st.one_of(small, st.sampled_from([*ODD, most, -most]))

    def contains(self, array: Array, sizes: Sizes) -> bool:
        numbers: NDArray[np.float64] = np.abs(array.astype(np.float64))
        return bool((numbers <= float(np.float32(self.most))).all())


QUERIES = Vectors(most=16, spreads=(0.1, 1, 1, 3))
KEYS = Vectors(most=128, spreads=(0.1, 1, 3, 20))
VALUES = Vectors(most=1e30, spreads=(0.1, 1, 1, 100), wide=True)
"""The sum of all values stays far below the largest number."""
