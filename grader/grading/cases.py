"""Cases: drawn by Hypothesis, drawn at random, and with inputs that a program could single out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from grader.grading import inputs
from grader.grading import inputs as arrays
from grader.grading.inputs import Pattern
from grader.model.cases import Case, PlannedShape
from grader.model.domains import Elements, OwnValues, Values, array_of, specials, width_of
from grader.model.numbers import FLOATS, range_of
from grader.model.part import Part


def example(shapes: Sequence[PlannedShape]) -> Case:
    """The published case of the part that these shapes are of."""
    published = shapes[0].part.example
    assert published is not None
    (shape,) = (shape for shape in shapes if dict(shape.sizes) == dict(published.sizes))
    return Case(shape=shape, values=Values.EXAMPLE, inputs=published.inputs)


def drawn(shape: PlannedShape, values: Values, random: np.random.Generator) -> Case:
    """A case for a shape in which no value is zero, and few are there twice.

    Of any magnitude that the part allows, and each term of each sum counts.
    """
    return Case(
        shape=shape, values=values, inputs=inputs.drawn(shape.part, shape.sizes, values, random)
    )


def patterned(
    shape: PlannedShape, pattern: Pattern, values: Values, random: np.random.Generator
) -> Case:
    """A case for a shape whose values hang together in a way that is drawn seldom."""
    whole = values is Values.INTEGERS
    found = inputs.patterned(shape.part, shape.sizes, pattern, random, whole=whole)
    return Case(shape=shape, values=values, inputs=found)


def cases(shapes: Sequence[PlannedShape], values: Values) -> st.SearchStrategy[Case]:
    """Cases over these shapes, all of one part, with values of one kind."""
    ordered = sorted(shapes, key=lambda shape: shape.extent)

    @st.composite
    def draw(draw: st.DrawFn) -> Case:
        shape = draw(st.sampled_from(ordered))
        part, sizes = shape.part, shape.sizes
        found: dict[str, NDArray[np.generic]] = {}
        factors = draw(st.sampled_from(_factors(shape, values))) if part.factors else {}
        for spec in part.inputs:
            if isinstance(spec.domain, OwnValues):
                strategy = spec.domain.strategy(spec.array_spec(sizes, values))
            else:
                strategy = array_of(spec.dtype, spec.extents(sizes), factors[spec.name])
            found[spec.name] = draw(strategy)
        pattern = draw(st.sampled_from(_ARRANGED)) if values is not Values.SPECIAL else None
        if pattern is not None:
            chosen = part.inputs[0].name
            found = inputs.within(
                part, sizes, inputs.arranged(found, pattern, chosen=chosen), instead=found
            )
        return Case(shape=shape, values=values, inputs=found)

    return draw()


def plain(shape: PlannedShape, values: Values) -> list[Case]:
    """The cases of a shape that are easiest to follow by hand, and tell more than zeros.

    One input holds a single one, at its beginning or its end, or twos, and the others hold ones; or
    all do.
    """
    part, sizes = shape.part, shape.sizes
    ones = {spec.name: np.ones(spec.extents(sizes), spec.numpy) for spec in part.inputs}
    found: list[dict[str, NDArray[np.generic]]] = [{**ones}]
    for spec in part.inputs:
        found.append({**ones, spec.name: 2 * ones[spec.name]})
        for place in {0, spec.count(sizes) - 1}:
            hot = np.zeros(spec.count(sizes), spec.numpy)
            hot[place] = 1
            found.append({**ones, spec.name: hot.reshape(spec.extents(sizes))})
    return [
        Case(shape=shape, values=values, inputs=each)
        for each in found
        if all(spec.domain.contains(each[spec.name], sizes) for spec in part.inputs)
    ]


_ARRANGED = (
    *[None] * 5,
    Pattern.EQUAL,
    Pattern.RISING,
    Pattern.FALLING,
    Pattern.ALTERNATING,
    Pattern.ONE_HOT,
)
"""Mostly none; the last is the least simple."""


def _factors(shape: PlannedShape, values: Values) -> Sequence[Mapping[str, Elements]]:
    """How large the elements of each factor may be, the simplest first."""
    part, sizes = shape.part, shape.sizes
    names = tuple(spec.name for spec in part.factors)
    dtype = part.factors[0].dtype
    if values is Values.INTEGERS or dtype not in FLOATS:
        low = 0 if dtype.startswith("u") else -1
        return [
            {name: st.integers(low * limit, limit) for name, limit in limits.items()}
            for limits in inputs.limits_to_try(part, sizes)
        ]
    limits, octaves = range_of(dtype), inputs.octaves(part, sizes)
    reals = _floats(dtype, max(1e-3, 2.0**limits.least_normal), min(1e3, 2.0**octaves))
    if values is Values.REALS:
        top, others = inputs.top_of(part, sizes), [0.0] * len(names)
        splits = ([min(top / 2, octaves)] * len(names), [0.0, top], [top * 0.8, top * 0.2])
        smallest = 2.0**limits.smallest
        return [
            dict.fromkeys(names, reals),
            *(
                {
                    name: _floats(dtype, smallest, 2.0**exponent)
                    for name, exponent in zip(names, [*split, *others], strict=False)
                }
                for split in splits
            ),
        ]
    # Mostly ordinary numbers: a case full of NaN tells little about the rest.
    most = int(2.0 ** min(octaves, 62))
    low, high = (max(-most, min(most, end)) for end in part.integers)
    ordinary = st.integers(low, high).map(float)
    odd = st.sampled_from(specials(dtype))
    return [dict.fromkeys(names, st.one_of(ordinary, reals, reals, odd))]


def _floats(dtype: str, smallest: float, largest: float) -> st.SearchStrategy[float]:
    """Numbers of both signs between two magnitudes."""
    width = width_of(dtype)
    drawn = np.dtype(f"float{width}").type
    least, most = float(drawn(smallest)), float(drawn(largest))
    return st.one_of(st.floats(least, most, width=width), st.floats(-most, -least, width=width))


_Inputs = Mapping[str, NDArray[np.generic]]
_Random = np.random.Generator


def singular(shape: PlannedShape, number: int, random: _Random, kinds: Collection[Values]) -> Case:
    """A case of one of the kinds, which follow each other by number.

    Args:
        shape: Its shape.
        number: Which kind.
        random: Draws it.
        kinds: Kinds of values that some check asks for.
    """
    part, sizes = shape.part, shape.sizes
    known = [each for each in KINDS if each[1] in kinds]
    make, values = known[number % len(known)]
    base = arrays.drawn(part, sizes, values, random)
    made = arrays.within(part, sizes, make(part, base, random), instead=base)
    return Case(shape=shape, values=values, inputs=made)


def _as_drawn(part: Part, inputs: _Inputs, random: _Random) -> _Inputs:
    return inputs


def _filled(value: float) -> Callable[[Part, _Inputs, _Random], _Inputs]:
    def make(part: Part, inputs: _Inputs, random: _Random) -> _Inputs:
        return {name: np.full_like(array, value) for name, array in inputs.items()}

    return make


def _one_filled(part: Part, inputs: _Inputs, random: _Random) -> _Inputs:
    """One input, any of them, holds nothing but one value: 0, 1 or any."""
    name = str(random.choice(list(inputs)))
    value = random.choice([0, 1, inputs[name].ravel()[0]])
    return {**inputs, name: np.full_like(inputs[name], value)}


def _some_zeros(part: Part, inputs: _Inputs, random: _Random) -> _Inputs:
    """Zeros here and there, one of them at least."""
    found = {}
    for name, array in inputs.items():
        zero = random.random(array.shape) < 0.25
        zero.ravel()[random.integers(zero.size)] = True
        found[name] = np.where(zero, 0, array).astype(array.dtype)
    return found


def _alike(part: Part, inputs: _Inputs, random: _Random) -> _Inputs:
    """All factors begin with the same values, and the products are no larger than before."""
    names = [spec.name for spec in part.factors] or list(inputs)
    longest = max((inputs[name] for name in names), key=lambda array: array.size).ravel()
    largest = [float(np.abs(inputs[name].astype(np.float64)).max()) for name in names]
    even = np.prod([most ** (1 / len(largest)) for most in largest])
    most = float(np.abs(longest.astype(np.float64)).max())
    with np.errstate(invalid="ignore", over="ignore"):
        values = longest.astype(np.float64) / (most or 1) * even
    if all((inputs[name] == np.rint(inputs[name])).all() for name in names):
        values = np.trunc(values)
    found = dict(inputs)
    for name in names:
        array = inputs[name]
        # What its type or its domain does not hold is put right by `arrays.within`.
        with np.errstate(invalid="ignore", over="ignore"):
            found[name] = np.resize(values, array.size).astype(array.dtype).reshape(array.shape)
    return found


def _published(part: Part, inputs: _Inputs, random: _Random) -> _Inputs:
    """The published values, over again where there are too few; as drawn where none are."""
    if part.example is None:
        return inputs
    return {
        name: np.resize(part.example.inputs[name], array.size).reshape(array.shape)
        for name, array in inputs.items()
    }


def _published_mixed(part: Part, inputs: _Inputs, random: _Random) -> _Inputs:
    """The published values in another order."""
    return {
        name: random.permutation(array.ravel()).reshape(array.shape)
        for name, array in _published(part, inputs, random).items()
    }


KINDS = (
    (_filled(0), Values.INTEGERS),
    (_some_zeros, Values.INTEGERS),
    (_filled(1), Values.INTEGERS),
    (_alike, Values.INTEGERS),
    (_published, Values.INTEGERS),
    (_one_filled, Values.INTEGERS),
    (_published_mixed, Values.INTEGERS),
    (_some_zeros, Values.REALS),
    (_as_drawn, Values.SPECIAL),
    (_alike, Values.REALS),
)
