"""Inputs that a program could single out: zeros, ones, equal ones, the published ones, NaN.

Host code that computes the answer for such inputs only, where the kernel is wrong, is not found
by numbers that are drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from grader.grading.cases import Case, Values, drawn
from grader.grading.plan import PlannedShape
from grader.puzzles.definition import Puzzle

_Inputs = Mapping[str, NDArray[np.generic]]
_Random = np.random.Generator


def singular(puzzle: Puzzle, shape: PlannedShape, number: int, random: _Random) -> Case:
    """A case of one of the kinds, which follow each other by number."""
    make, values = KINDS[number % len(KINDS)]
    base = drawn(puzzle, shape, values, random)
    return Case(shape=shape, values=values, inputs=make(puzzle, base.inputs, random))


def _as_drawn(puzzle: Puzzle, inputs: _Inputs, random: _Random) -> _Inputs:
    return inputs


def _filled(value: float) -> Callable[[Puzzle, _Inputs, _Random], _Inputs]:
    def make(puzzle: Puzzle, inputs: _Inputs, random: _Random) -> _Inputs:
        return {name: np.full_like(array, value) for name, array in inputs.items()}

    return make


def _one_filled(puzzle: Puzzle, inputs: _Inputs, random: _Random) -> _Inputs:
    """One input, any of them, holds nothing but one value: 0, 1 or any."""
    name = str(random.choice(list(inputs)))
    value = random.choice([0, 1, inputs[name].ravel()[0]])
    return {**inputs, name: np.full_like(inputs[name], value)}


def _some_zeros(puzzle: Puzzle, inputs: _Inputs, random: _Random) -> _Inputs:
    """Zeros here and there, one of them at least."""
    found = {}
    for name, array in inputs.items():
        zero = random.random(array.shape) < 0.25
        zero.ravel()[random.integers(zero.size)] = True
        found[name] = np.where(zero, 0, array).astype(array.dtype)
    return found


def _alike(puzzle: Puzzle, inputs: _Inputs, random: _Random) -> _Inputs:
    """All inputs begin with the same values, and the products are no larger than before."""
    longest = max(inputs.values(), key=lambda array: array.size).ravel()
    largest = [float(np.abs(array).max()) for array in inputs.values()]
    even = np.prod([most ** (1 / len(largest)) for most in largest])
    values = longest * (even / float(np.abs(longest).max()))
    if all((array == np.rint(array)).all() for array in inputs.values()):
        values = np.trunc(values)
    return {
        name: values[: array.size].astype(array.dtype).reshape(array.shape)
        for name, array in inputs.items()
    }


def _published(puzzle: Puzzle, inputs: _Inputs, random: _Random) -> _Inputs:
    """The published values, over again where there are too few."""
    return {
        name: np.resize(puzzle.example.inputs[name], array.size).reshape(array.shape)
        for name, array in inputs.items()
    }


def _published_mixed(puzzle: Puzzle, inputs: _Inputs, random: _Random) -> _Inputs:
    """The published values in another order."""
    return {
        name: random.permutation(array.ravel()).reshape(array.shape)
        for name, array in _published(puzzle, inputs, random).items()
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
