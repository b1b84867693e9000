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

from grader.grading import inputs
from grader.grading.inputs import Pattern
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
    """A case for a shape in which no value is zero, and few are there twice.

    Of any magnitude that the puzzle allows, and each term of each sum counts.
    """
    sizes = shape.sizes
    if values in (Values.INTEGERS, Values.EXAMPLE):
        return Case(shape=shape, values=values, inputs=inputs.integers(puzzle, sizes, random))
    if values is Values.REALS:
        return Case(shape=shape, values=values, inputs=inputs.reals(puzzle, sizes, random))
    found = inputs.ordinary(puzzle, sizes, random)
    for array in found.values():
        array.ravel()[random.integers(array.size)] = random.choice(_specials())
    return Case(shape=shape, values=values, inputs=found)


def patterned(
    puzzle: Puzzle,
    shape: PlannedShape,
    pattern: Pattern,
    values: Values,
    random: np.random.Generator,
) -> Case:
    """A case for a shape whose values hang together in a way that is drawn seldom."""
    whole = values is Values.INTEGERS
    found = inputs.patterned(puzzle, shape.sizes, pattern, random, whole=whole)
    return Case(shape=shape, values=values, inputs=found)


def cases(
    puzzle: Puzzle, shapes: Sequence[PlannedShape], values: Values
) -> st.SearchStrategy[Case]:
    """Cases over these shapes with values of one kind."""
    ordered = sorted(shapes, key=lambda shape: shape.extent)

    @st.composite
    def draw(draw: st.DrawFn) -> Case:
        shape = draw(st.sampled_from(ordered))
        found: dict[str, NDArray[np.generic]] = {}
        elements = draw(st.sampled_from(_elements(puzzle, shape, values)))
        for spec in puzzle.inputs:
            found[spec.name] = _array(draw, spec, shape, elements[spec.name])
        pattern = draw(st.sampled_from(_ARRANGED)) if values is not Values.SPECIAL else None
        chosen = puzzle.inputs[0].name
        return Case(
            shape=shape,
            values=values,
            inputs=inputs.arranged(found, pattern, chosen=chosen) if pattern else found,
        )

    return draw()


_ARRANGED = (
    *[None] * 5,
    Pattern.EQUAL,
    Pattern.RISING,
    Pattern.FALLING,
    Pattern.ALTERNATING,
    Pattern.ONE_HOT,
)
"""Mostly none; the last is the least simple."""


def _array(
    draw: st.DrawFn, spec: TensorSpec, shape: PlannedShape, element: st.SearchStrategy[float]
) -> NDArray[np.generic]:
    extents = spec.extents(shape.sizes)
    count = int(np.prod(extents))
    drawn = draw(st.lists(element, min_size=count, max_size=count))
    return np.array(drawn, dtype=spec.dtype).reshape(extents)


_Elements = Mapping[str, st.SearchStrategy[float]]
"""A strategy for the elements of each input."""


def _elements(puzzle: Puzzle, shape: PlannedShape, values: Values) -> Sequence[_Elements]:
    """How large the elements of each input may be, the simplest first."""
    names = tuple(spec.name for spec in puzzle.inputs)
    if values is Values.INTEGERS:
        return [
            {name: st.integers(-limit, limit) for name, limit in limits.items()}
            for limits in inputs.limits_to_try(puzzle, shape.sizes)
        ]
    reals = _floats(1e-3, 1e3)
    if values is Values.REALS:
        top = inputs.HIGHEST - 1 - int(np.ceil(np.log2(puzzle.terms(shape.sizes))))
        splits = ([top / 2], [0.0, top], [top * 0.8, top * 0.2])
        smallest = 2.0**inputs.LOWEST
        return [
            dict.fromkeys(names, reals),
            *(
                {
                    name: _floats(smallest, 2.0 ** split[n % len(split)])
                    for n, name in enumerate(names)
                }
                for split in splits
            ),
        ]
    # Mostly ordinary numbers: a case full of NaN tells little about the rest.
    ordinary = st.integers(*puzzle.integers)
    return [dict.fromkeys(names, st.one_of(ordinary, reals, reals, st.sampled_from(_specials())))]


def _floats(smallest: float, largest: float) -> st.SearchStrategy[float]:
    """Numbers of both signs between two magnitudes."""
    least, most = float(np.float32(smallest)), float(np.float32(largest))
    return st.one_of(st.floats(least, most, width=32), st.floats(-most, -least, width=32))


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
