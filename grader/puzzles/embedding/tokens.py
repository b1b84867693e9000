"""What the indices of an embedding may be: words of the vocabulary, and in some cases others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grader.puzzle_kit import Array, ArraySpec, Elements, Indices, Values


@dataclass(frozen=True)
class Tokens(Indices):
    """Indices below a size; in cases of special values a part of them lies outside.

    The task says what to do with these: they have no row, so their output is zero.
    """

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        array = super().draw(spec, random)
        if spec.values is Values.SPECIAL:
            flat = array.ravel().copy()
            # At least one, and others that are words: the two must not be mixed up.
            places = random.random(flat.size) < 0.4
            places[random.integers(flat.size)] = True
            flat[places] = random.choice(self._outside(spec), int(places.sum()))
            array = flat.reshape(array.shape)
        return array

    def elements(self, spec: ArraySpec) -> Elements:
        from hypothesis import strategies as st

        inside = st.integers(0, spec.sizes[self.below] - 1)
        if spec.values is not Values.SPECIAL:
            return inside
        return st.one_of(inside, inside, st.sampled_from(self._outside(spec)))

    def _outside(self, spec: ArraySpec) -> list[int]:
        """Tokens outside of the vocabulary: beside its two ends first."""
        ends, below = np.iinfo(spec.dtype), spec.sizes[self.below]
        return [-1, below, -below, below + 1, 2 * below, int(ends.max), int(ends.min)]
