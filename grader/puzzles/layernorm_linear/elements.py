"""What inputs, weights and gradients may be: finite numbers of ordinary size.

The task's own algorithm for the variance has few digits left where the mean of a position is far
larger than its spread, and none where equal numbers are far from zero, too
(`grader.puzzles.layernorm_linear.bound`). So the inputs are small; a layer norm makes the same of
larger ones. Some spreads are as small as the square root of 1e-5: there it shows what is done with
that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grader.puzzle_kit import Array, ArraySpec, Elements, OwnValues, Sizes, Values, dtype_of

ODD = (0.0, -0.0, 1.0, -1.0, 2.0**-149, -(2.0**-127))


@dataclass(frozen=True)
class Ordinary(OwnValues):
    """Numbers up to ``most``, of one of the given magnitudes.

    In some cases they have one sign or lie around another number than zero.
    """

    most: float
    spreads: tuple[float, ...]
    offsets: tuple[float, ...] = (0.0,)
    """In units of the spread."""

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        count = int(np.prod(spec.shape))
        spread = float(random.choice(self.spreads))
        whole = spec.values in (Values.INTEGERS, Values.EXAMPLE)
        offset = float(random.choice(self.offsets))
        if whole:
            spread, offset = max(spread, 1.0), 0.0
        flat = spread * (random.normal(0, 1, count) + offset)
        if spec.values is Values.SPECIAL:
            flat[random.integers(count, size=random.integers(1, 4))] = random.choice(ODD)
        if whole:
            flat = np.rint(np.clip(flat, -int(self.most), int(self.most)))
        flat = np.clip(flat, -self.most, self.most)
        return np.asarray(flat.astype(dtype_of(spec.dtype)).reshape(spec.shape))

    def elements(self, spec: ArraySpec) -> Elements:
        from hypothesis import strategies as st

        end = min(self.most, 2.0)
        if spec.values in (Values.INTEGERS, Values.EXAMPLE):
            return st.integers(-int(end), int(end))
        reals = st.floats(-end, end, width=32, allow_subnormal=False)
        if spec.values is Values.REALS:
            return reals
        return st.one_of(reals, st.sampled_from(ODD))

    def contains(self, array: Array, sizes: Sizes) -> bool:
        return bool((np.abs(array.astype(np.float64)) <= self.most).all())


INPUTS = Ordinary(most=1.25, spreads=(0.003, 0.02, 0.1, 0.3, 0.3), offsets=(0, 0, 1, -2))
SCALES = Ordinary(most=16, spreads=(0.5, 1), offsets=(0, 1, 2))
WEIGHTS = Ordinary(most=16, spreads=(0.02, 0.5, 1))
GRADIENTS = Ordinary(most=16, spreads=(0.1, 1, 1), offsets=(0, 0, 1))
