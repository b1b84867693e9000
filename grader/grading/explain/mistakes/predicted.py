"""Mistakes that show as the right answer to something else, whatever the puzzle.

The right outputs of the neighbours, or for an input that is moved by one place; their running
total, or that of an input; one element of an input too often; fractions cut off. Each way predicts
every element of every case, and must be far enough from the right answer to be told from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.grading.explain.mistakes.known import ROUNDED, Known, Seen, first_output, gives
from grader.grading.explain.mistakes.words import (
    element_added,
    of_the_neighbour,
    running_total,
    whole_numbers,
)
from grader.model.cases import Case
from grader.model.expected import ExpectedOutput
from grader.model.numbers import FLOATS
from grader.model.part import Part, TensorSpec

Array = NDArray[np.generic]
Numbers = NDArray[np.float64]
_TELLING: Final = 4
"""Elements that must be wrong in the way that is predicted: fewer come about by chance."""
_HOLDS: Final = 2.0**31
"""Beyond this, a number may not fit a whole number's type."""
_DIRECTIONS: Final = {True: "ahead", False: "behind"}
_ENDS: Final = {"first": False, "last": True}
_TOTAL: Final = "running-total"
_WHOLE: Final = "whole-numbers"


class _Predicted(NamedTuple):
    """What a mistake gives for a case, in the shape of the output."""

    value: Numbers
    allowed: Numbers
    """How far rounding may take an element from it."""
    known: NDArray[np.bool_] | bool = True
    """Where the mistake says what stands there: not, as a rule, beyond an edge."""


class _Way(NamedTuple):
    """A mistake that predicts outputs."""

    known: Known
    predict: Callable[[Case, ExpectedOutput], _Predicted | None]
    """From a case and its right output; None where the case tells nothing."""


def names(part: Part) -> frozenset[str]:
    """The keys of what may be found in a part."""
    moved = ("neighbour", *(spec.name for spec in part.inputs))
    return frozenset(
        {
            *(_TOTAL, _WHOLE),
            *(f"starts-at-{end}-element" for end in _ENDS),
            *(f"{name}-{where}" for name in moved for where in _DIRECTIONS.values()),
        }
    )


def predicted(seen: Seen) -> Known | None:
    """The first way that predicts all cases."""
    ways = (way for kind in _KINDS for way in kind(seen.part))
    return next((way.known for way in ways if _fits(way, seen)), None)


def _fits(way: _Way, seen: Seen) -> bool:
    told = cases = 0
    for observation in (*seen.failing, *seen.right):
        comparison = first_output(observation)
        if comparison is None:
            return False
        with np.errstate(all="ignore"):
            found = way.predict(observation.case, comparison.expected)
        if found is None:
            continue
        got = comparison.numbers.reshape(comparison.got.shape)
        answer = np.where(found.known, found.value, got)
        if not gives(answer.ravel(), comparison, found.allowed.ravel()):
            return False
        with np.errstate(invalid="ignore"):
            off = np.abs(answer - np.asarray(comparison.expected.value, dtype=np.float64))
            telling = (off > 2 * found.allowed) & found.known & comparison.expected.decided
        count = int(np.count_nonzero(telling))
        told, cases = told + count, cases + bool(count)
    # A single case, or few elements, may have come about in many ways.
    return told >= _TELLING and cases > 1


# ---- neighbours ----


def _neighbours(part: Part) -> Iterator[_Way]:
    """Each output is that of its neighbour."""
    for axis, noun in _axes(part.outputs[0]):
        for ahead, where in _DIRECTIONS.items():
            words = of_the_neighbour(noun, ahead=ahead)
            yield _Way(Known(f"neighbour-{where}", *words), partial(_next_output, axis, ahead))


def _next_output(axis: int, ahead: bool, case: Case, expected: ExpectedOutput) -> _Predicted | None:
    value = np.asarray(expected.value, dtype=np.float64)
    step = -1 if ahead else 1
    inner = np.indices(value.shape)[axis] != (value.shape[axis] - 1 if ahead else 0)
    return _Predicted(
        value=np.roll(value, step, axis),
        allowed=np.roll(expected.allowed, step, axis),
        known=inner & np.roll(expected.decided, step, axis),
    )


def _moved_inputs(part: Part) -> Iterator[_Way]:
    """One input is read one place off, with any of three things beyond its edge."""
    if len(part.inputs) == 1:
        return  # then all of the output is moved, or a puzzle knows better
    for spec in part.inputs:
        for axis, noun in _axes(spec):
            for ahead, where in _DIRECTIONS.items():
                words = of_the_neighbour(noun, ahead=ahead, name=spec.name)
                for edge in _Edge:
                    change = partial(_moved, axis, ahead, edge)
                    yield _Way(
                        Known(f"{spec.name}-{where}", *words), partial(_of_other, spec, change)
                    )


class _Edge(Enum):
    """What stands beyond the edge of an input that is read one place off."""

    ZERO = "zero"
    OTHER_END = "other end"
    SAME = "same"


def _moved(axis: int, ahead: bool, edge: _Edge, array: Array) -> Array:
    found = np.roll(array, -1 if ahead else 1, axis)
    end: list[slice | int] = [slice(None)] * array.ndim
    end[axis] = -1 if ahead else 0
    if edge is _Edge.ZERO:
        found[tuple(end)] = 0
    elif edge is _Edge.SAME:
        found[tuple(end)] = array[tuple(end)]
    return found


def _of_other(
    spec: TensorSpec, change: Callable[[Array], Array], case: Case, expected: ExpectedOutput
) -> _Predicted | None:
    """The right answer for another input in the place of one."""
    inputs = {**case.inputs, spec.name: change(case.inputs[spec.name])}
    found = case.part.expected(inputs, case.shape.sizes)[case.part.outputs[0].name]
    return _Predicted(
        value=np.asarray(found.value, dtype=np.float64),
        allowed=np.maximum(found.allowed, expected.allowed),
        known=found.decided,
    )


# ---- sums ----


def _totals(part: Part) -> Iterator[_Way]:
    """Outputs, or the elements of an input, are added up along an axis and not set back."""
    output = part.outputs[0]
    for axis, _ in _axes(output):
        yield _Way(Known(_TOTAL, *running_total()), partial(_summed_output, axis))
    for spec in part.inputs:
        if spec.dtype in FLOATS:
            for axis, _ in _axes(spec):
                yield _Way(
                    Known(_TOTAL, *running_total(spec.name)), partial(_summed_input, spec, axis)
                )


def _summed_output(axis: int, case: Case, expected: ExpectedOutput) -> _Predicted | None:
    value = np.asarray(expected.value, dtype=np.float64)
    largest = np.cumsum(np.abs(value), axis)
    return _Predicted(
        value=np.cumsum(value, axis),
        allowed=np.cumsum(expected.allowed, axis) + 2 * ROUNDED * largest,
    )


def _summed_input(
    spec: TensorSpec, axis: int, case: Case, expected: ExpectedOutput
) -> _Predicted | None:
    def sums(array: Array) -> Array:
        return np.cumsum(array.astype(np.float64), axis).astype(spec.numpy)

    found = _of_other(spec, sums, case, expected)
    magnitudes = {name: np.abs(array) for name, array in case.inputs.items()}
    largest = _of_other(spec, sums, replace(case, inputs=magnitudes), expected)
    if found is None or largest is None:
        return None
    return found._replace(allowed=found.allowed + 2 * ROUNDED * np.abs(largest.value))


def _elements_added(part: Part) -> Iterator[_Way]:
    """The first or last element of an input, or of its row, is in each output once too often."""
    for spec in part.inputs:
        if spec.dtype in FLOATS:
            for end, last in _ENDS.items():
                known = Known(f"starts-at-{end}-element", *element_added(spec.name, last=last))
                for axis in (None, *range(len(spec.shape))):
                    yield _Way(known, partial(_with_element, spec, axis, last))


def _with_element(
    spec: TensorSpec, axis: int | None, last: bool, case: Case, expected: ExpectedOutput
) -> _Predicted | None:
    place, array = -1 if last else 0, case.inputs[spec.name].astype(np.float64)
    one = array.ravel()[place] if axis is None else array.take([place], axis)
    value = np.asarray(expected.value, dtype=np.float64)
    if axis is not None and (
        one.ndim != value.ndim
        or one.shape[:axis] + one.shape[axis + 1 :] != value.shape[:axis] + value.shape[axis + 1 :]
    ):
        return None
    allowed = expected.allowed + ROUNDED * (np.abs(value) + np.abs(one))
    return _Predicted(value=value + one, allowed=np.broadcast_to(allowed, value.shape))


# ---- whole numbers ----


def _cut_off(part: Part) -> Iterator[_Way]:
    """Inputs or outputs lose their fractions."""
    words = Known(_WHOLE, *whole_numbers())
    if part.outputs[0].dtype in FLOATS:
        yield _Way(words, _cut_output)
        yield _Way(words, _cut_inputs)


def _cut_output(case: Case, expected: ExpectedOutput) -> _Predicted | None:
    value = np.asarray(expected.value, dtype=np.float64)
    # Rounding decides to which side a number falls that is nearly whole.
    sure = np.abs(value - np.rint(value)) > expected.allowed
    return _Predicted(
        value=np.trunc(value), allowed=expected.allowed, known=sure & (np.abs(value) < _HOLDS)
    )


def _cut_inputs(case: Case, expected: ExpectedOutput) -> _Predicted | None:
    # What becomes of larger numbers differs by type, so outputs that depend on one are not known.
    one, other = (_of_cut_inputs(case, instead) for instead in (0, 1))
    value = np.asarray(one.value, dtype=np.float64)
    same = value == np.asarray(other.value, dtype=np.float64)
    allowed = np.maximum(one.allowed, expected.allowed)
    return _Predicted(value=value, allowed=allowed, known=one.decided & same)


def _of_cut_inputs(case: Case, instead: int) -> ExpectedOutput:
    """The right answer for inputs without fractions, and ``instead`` for what is too large."""
    cut = {
        name: np.where(np.abs(each) < _HOLDS, np.trunc(each), instead).astype(each.dtype)
        for name, each in case.inputs.items()
        if each.dtype.kind not in "iub"
    }
    found = case.part.expected({**case.inputs, **cut}, case.shape.sizes)
    return found[case.part.outputs[0].name]


def _axes(spec: TensorSpec) -> list[tuple[int, str]]:
    """The axes of a tensor that may be longer than one, and what is counted along each."""
    long = [axis for axis, extent in enumerate(spec.shape) if extent != 1]
    nouns = ("row", "column") if len(long) == 2 else ("element",) * len(long)
    return list(zip(long, nouns, strict=True))


_KINDS: Final[tuple[Callable[[Part], Iterator[_Way]], ...]] = (
    _neighbours,
    _moved_inputs,
    _totals,
    _elements_added,
    _cut_off,
)
