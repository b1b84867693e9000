"""Inputs that a program could single out: zeros, ones, equal ones, the published ones, NaN.

Host code that computes the answer for such inputs only, where the kernel is wrong, is not found
by numbers that are drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from grader.grading import inputs as arrays
from grader.model.cases import Case, PlannedShape
from grader.model.domains import Values
from grader.model.part import Part

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
