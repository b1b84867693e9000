"""What the elements of a softmax's input may be: any finite number with room for differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Array, ArraySpec, Elements, OwnValues, Sizes, Values, dtype_of

LARGEST = 1e37
"""A tenth of the largest float32 and less, so that the difference of two elements is one."""
SMALL = 2.0**-149
SPREADS = (0.01, 1.0, 2.0, 5.0, 20.0, 1000.0)
"""Up to 1000: the exponentials of most differences are zero."""
OFFSETS = (0.0, 0.0, 30.0, -30.0, 1000.0, -1000.0, 1e5)
"""Beyond 88 the exponential of an element is infinite, below -104 it is zero."""
PEAKS = (100.0, 500.0, 1e4)
"""So much larger than all others is one element: who misses it in the maximum overflows."""
ODD = (0.0, -0.0, 1.0, SMALL, -SMALL, 88.7, 89.0, -104.0, 1e5, 1e30, -1e30, LARGEST, -LARGEST)


@dataclass(frozen=True)
class Logits(OwnValues):
    """Finite numbers, of which no difference overflows.

    Where the maximum is missed, an exponential overflows only if the rest is far below. So in
    many cases one element is a peak: at either end, in the middle, or anywhere.
    """

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        count = int(np.prod(spec.shape))
        flat = random.normal(0, random.choice(SPREADS), count) + random.choice(OFFSETS)
        if spec.values is Values.SPECIAL:
            if random.random() < 0.5:
                flat = np.exp(random.uniform(np.log(1e-30), np.log(LARGEST), count))
                flat *= random.choice([-1, 1], count)
            flat[random.integers(count, size=random.integers(1, 5))] = random.choice(ODD)
        elif random.random() < 0.4:
            ends = [0, count // 2 - 1, count // 2, count - 1, int(random.integers(count))]
            flat[max(random.choice(ends), 0)] = flat.max() + random.choice(PEAKS)
        if spec.values in (Values.INTEGERS, Values.EXAMPLE):
            flat = np.rint(flat)
        return np.asarray(flat.astype(dtype_of(spec.dtype)).reshape(spec.shape))

    def elements(self, spec: ArraySpec) -> Elements:
        from hypothesis import strategies as st

        if spec.values in (Values.INTEGERS, Values.EXAMPLE):
            return st.one_of(st.integers(-100, 100), st.integers(-3000, 3000))
        small = st.floats(-100, 100, width=32, allow_subnormal=False)
        if spec.values is Values.REALS:
            return st.one_of(small, st.floats(-1e5, 1e5, width=32, allow_subnormal=False))
        return st.one_of(small, st.sampled_from([float(np.float32(each)) for each in ODD]))

    def contains(self, array: Array, sizes: Sizes) -> bool:
        numbers: NDArray[np.float64] = np.abs(array.astype(np.float64))
        return bool((numbers <= float(np.float32(LARGEST))).all())
