"""Cases: a shape of the plan with values, and the strategies that draw them.

Shapes are offered small ones first, so that Hypothesis shrinks towards small
shapes, and values shrink towards zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from grader.grading.plan import PlannedShape
from grader.puzzles.definition import Puzzle, TensorSpec


class Values(StrEnum):
    """What kind of values a case holds."""

    EXAMPLE = "example"
    INTEGERS = "integers"
    REALS = "reals"
    SPECIAL = "special"


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Inputs for one shape of the plan."""

    shape: PlannedShape
    values: Values
    inputs: Mapping[str, NDArray[np.generic]]

    @property
    def payload(self) -> bytes:
        """The inputs' bytes, one tensor after the other."""
        return b"".join(array.tobytes() for array in self.inputs.values())

    @property
    def complexity(self) -> tuple[int, int, float, int]:
        """Smaller is simpler: extent, nonzero elements, magnitude, digits."""
        arrays = [np.abs(array.astype(np.float64)) for array in self.inputs.values()]
        finite = [np.where(np.isfinite(array), array, 1e40) for array in arrays]
        return (
            self.shape.extent,
            sum(int(np.count_nonzero(array)) for array in arrays),
            float(sum(array.sum() for array in finite)),
            sum(len(repr(value)) for array in finite for value in array.ravel().tolist()),
        )


def example(puzzle: Puzzle, shapes: Sequence[PlannedShape]) -> Case:
    """The published case."""
    (shape,) = (shape for shape in shapes if dict(shape.sizes) == dict(puzzle.example.sizes))
    return Case(shape=shape, values=Values.EXAMPLE, inputs=puzzle.example.inputs)


def drawn(puzzle: Puzzle, shape: PlannedShape, values: Values, random: np.random.Generator) -> Case:
    """A case for a shape in which no value is zero, and few are there twice."""
    inputs = {
        spec.name: _values(puzzle, values, int(np.prod(spec.extents(shape.sizes))), random)
        .reshape(spec.extents(shape.sizes))
        .astype(spec.dtype)
        for spec in puzzle.inputs
    }
    return Case(shape=shape, values=values, inputs=inputs)


def _values(
    puzzle: Puzzle, values: Values, count: int, random: np.random.Generator
) -> NDArray[np.generic]:
    if values in (Values.INTEGERS, Values.EXAMPLE):
        low, high = puzzle.integers
        pool = np.setdiff1d(np.arange(low, high + 1), [0])
        return np.asarray(random.choice(pool, size=count, replace=count > len(pool)))
    smallest, largest = np.log(puzzle.magnitudes)
    found: NDArray[np.float64] = np.exp(random.uniform(smallest, largest, count)) * random.choice(
        [-1.0, 1.0], count
    )
    if values is Values.SPECIAL:
        found[random.integers(count)] = random.choice(_specials())
    return found


def cases(
    puzzle: Puzzle, shapes: Sequence[PlannedShape], values: Values
) -> st.SearchStrategy[Case]:
    """Cases over these shapes with values of one kind."""
    ordered = sorted(shapes, key=lambda shape: shape.extent)
    element = _element(puzzle, values)

    @st.composite
    def draw(draw: st.DrawFn) -> Case:
        shape = draw(st.sampled_from(ordered))
        return Case(
            shape=shape,
            values=values,
            inputs={spec.name: _array(draw, spec, shape, element) for spec in puzzle.inputs},
        )

    return draw()


def _array(
    draw: st.DrawFn, spec: TensorSpec, shape: PlannedShape, element: st.SearchStrategy[float]
) -> NDArray[np.generic]:
    extents = spec.extents(shape.sizes)
    count = int(np.prod(extents))
    drawn = draw(st.lists(element, min_size=count, max_size=count))
    return np.array(drawn, dtype=spec.dtype).reshape(extents)


def _element(puzzle: Puzzle, values: Values) -> st.SearchStrategy[float]:
    low, high = puzzle.integers
    integers = st.integers(low, high)
    if values is Values.INTEGERS:
        return integers
    smallest, largest = (float(np.float32(bound)) for bound in puzzle.magnitudes)
    reals = st.one_of(
        st.floats(smallest, largest, width=32),
        st.floats(-largest, -smallest, width=32),
    )
    if values is Values.REALS:
        return reals
    # Mostly ordinary numbers: a case full of NaN tells little about the rest.
    return st.one_of(integers, reals, reals, st.sampled_from(_specials()))


def _specials() -> list[float]:
    limits = np.finfo(np.float32)
    return [
        float("nan"),
        float("inf"),
        float("-inf"),
        -0.0,
        float(limits.smallest_subnormal),
        -float(limits.smallest_normal) / 2,
        float(limits.max),
        float(limits.max) / 4,
    ]
