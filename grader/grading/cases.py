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


def sweep(puzzle: Puzzle, shape: PlannedShape, random: np.random.Generator) -> Case:
    """One integer case for a shape, with no value that repeats a neighbour's or is zero."""
    low, high = puzzle.integers
    inputs: dict[str, NDArray[np.generic]] = {}
    for spec in puzzle.inputs:
        extents = spec.extents(shape.sizes)
        count = int(np.prod(extents))
        pool = np.setdiff1d(np.arange(low, high + 1), [0])
        drawn = random.choice(pool, size=count, replace=count > len(pool))
        inputs[spec.name] = drawn.reshape(extents).astype(spec.dtype)
    return Case(shape=shape, values=Values.INTEGERS, inputs=inputs)


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
    limits = np.finfo(np.float32)
    special = [
        float("nan"),
        float("inf"),
        float("-inf"),
        -0.0,
        float(limits.smallest_subnormal),
        -float(limits.smallest_normal) / 2,
        float(limits.max),
        float(limits.max) / 4,
    ]
    # Mostly ordinary numbers: a case full of NaN tells little about the rest.
    return st.one_of(integers, reals, reals, st.sampled_from(special))
