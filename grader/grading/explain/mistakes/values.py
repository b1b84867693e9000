"""Mistakes that show in the values of outputs, whatever the puzzle.

Values that were kept in too small a type, inputs that were rounded, an output that is the same for
all inputs, or off by the same number everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.grading.explain.mistakes.known import ROUNDED, Known, Seen
from grader.grading.explain.mistakes.words import (
    inputs_rounded,
    not_a_number,
    off_by,
    same_for_all_inputs,
    the_same_everywhere,
    too_small_a_type,
)
from grader.intake.places import Place
from grader.model.cases import Comparison, Observation
from grader.model.numbers import dtype_of, range_of

_SMALLER: Final = ("float16", "bfloat16")
_TELLING: Final = 0.1
"""An element may be off from its value by rounding, but not by so much."""
_PLACES: Final = {"float16": Place.FLOAT16, "bfloat16": Place.BFLOAT16}
_TF32_BITS: Final = 13
"""Of a float32's mantissa, those that a tensor core's TF32 does not have."""
_NAN: Final = "nan"
NAMES: Final = (_NAN, "constant", "same-for-all-inputs", "offset", *_SMALLER, "tf32")


def same_for_all(seen: Seen) -> Known | None:
    """The output does not depend on the inputs, though the right one does.

    That is said only where a large size shows it: a single element that is never written is the
    same for all inputs as well. And not where a size is right in all cases: no such output is.
    """
    cases = [*seen.failing, *seen.right]
    groups: defaultdict[int, list[Observation]] = defaultdict(list)
    for each in cases:
        groups[each.case.shape.number].append(each)
    if groups.keys() - {each.case.shape.number for each in seen.failing}:
        return None
    if any(_bits(each) != _bits(group[0]) for group in groups.values() for each in group):
        return None
    values = {
        value.tobytes(): value for case in cases for each in _got(case) for value in each.flat
    }
    right = {value for each in cases for made in each.comparisons for value in _right(made)}
    (value,) = values.values() if len(values) == 1 else (np.nan,)
    all_nan = all(np.isnan(made.numbers).all() for each in cases for made in each.comparisons)
    if all_nan and np.isfinite(list(right)).any():
        return Known(_NAN, *not_a_number())
    # Of numbers that are none there is more than one way.
    if np.isfinite(value) and len(right) > 1:
        return Known("constant", *the_same_everywhere(float(value)))
    largest = max(each.case.shape.extent for each in cases)
    if np.isfinite(list(values.values())).all() and any(
        2 * each.case.shape.extent >= largest and _differ(group[0], each)
        for group in groups.values()
        for each in group
    ):
        return Known("same-for-all-inputs", *same_for_all_inputs())
    return None


def _right(comparison: Comparison) -> Iterator[float]:
    return iter(np.asarray(comparison.expected.value, dtype=np.float64).ravel().tolist())


def _got(observation: Observation) -> Iterator[NDArray[np.generic]]:
    return (compared.got for compared in observation.comparisons)


def _bits(observation: Observation) -> bytes:
    return b"".join(each.tobytes() for each in _got(observation))


def _differ(one: Observation, other: Observation) -> bool:
    """Whether the right outputs of two cases differ."""
    pairs = zip(one.comparisons, other.comparisons, strict=True)
    return any(
        not np.array_equal(a.expected.value, b.expected.value, equal_nan=True) for a, b in pairs
    )


def offset(seen: Seen) -> Known | None:
    """Every element is off by the same number."""
    off: float | None = None
    cases = [*seen.failing, *seen.right]
    compared = [each for case in cases for each in case.comparisons]
    # Where a sum is large, a small number is lost in its rounding: that says nothing.
    for telling in (True, False):
        for each in compared:
            with np.errstate(invalid="ignore", over="ignore"):
                value = np.asarray(each.expected.value, dtype=np.float64).ravel()
                got = each.numbers
                allowed = each.expected.allowed.ravel() + ROUNDED * np.abs(value)
                known = np.isfinite(value) & np.isfinite(got) & each.expected.decided.ravel()
                places = known & (allowed < _TELLING) if telling else known
                value, got, allowed = value[places], got[places], allowed[places]
            if off is None and len(value):
                off = float(np.round(got[0] - value[0]))
            if off is not None and not (np.abs(got - value - off) <= allowed + ROUNDED).all():
                return None
    return Known("offset", *off_by(off)) if off else None


def rounding(seen: Seen) -> Known | None:
    """Values, or the inputs, were rounded to a smaller type."""
    compared = [each for case in seen.failing for each in case.comparisons]
    own = {spec.name: spec.dtype for spec in seen.part.outputs}
    numbers = (
        (float(each.got.ravel()[at]), float(each.expected.value.ravel()[at]))
        for each in compared
        if own[each.output] == "float32"
        for at in each.wrong
        if np.isfinite(each.got.ravel()[at]) and each.got.ravel()[at]
    )
    # The first case is the one that is shown. A zero may have come about in many ways.
    wrong = next(numbers, None)
    if wrong is None:
        return None
    for smaller in _SMALLER:
        if all(_rounded_to(smaller, each) for each in compared):
            with np.errstate(over="ignore"):
                is_rounded = wrong[0] == float(np.float64(wrong[1]).astype(dtype_of(smaller)))
            words = too_small_a_type(smaller, *wrong, is_rounded=is_rounded)
            return Known(smaller, *words, place=_PLACES[smaller])
    floats = [spec.name for spec in seen.part.inputs if spec.dtype == "float32"]
    for name, rounded in _INPUTS.items():
        # All of them, or one alone.
        for which in (floats, *([each] for each in floats if len(floats) > 1)):
            if all(_of_rounded_inputs(rounded, which, each) for each in seen.failing):
                one = which[0] if len(which) == 1 else ""
                words = inputs_rounded(name, *wrong, one)
                return Known(name, *words, place=_PLACES.get(name))
    return None


def _rounded_to(dtype: str, comparison: Comparison) -> bool:
    """Whether all elements are numbers of a smaller type, and as near as its rounding allows.

    The bound of an output grows with the unit roundoff. Inputs that are rounded first add one
    rounding more. A number that is too large for the type may be infinite.
    """
    expected = comparison.expected
    with np.errstate(invalid="ignore", over="ignore"):
        got = comparison.numbers
        value = np.asarray(expected.value, dtype=np.float64).ravel()
        allowed = expected.allowed.ravel()
        same_type = got == got.astype(dtype_of(dtype)).astype(np.float64)
        ratio = range_of(dtype).unit_roundoff / range_of("float32").unit_roundoff
        bound = 2 * ratio * (allowed + range_of("float32").unit_roundoff * np.abs(value))
        near = np.abs(got - value) <= bound + 2.0 ** range_of(dtype).smallest
        # No sum of magnitudes is larger than this.
        magnitude = np.abs(value) + allowed / range_of("float32").unit_roundoff
        lost = ~np.isfinite(got) & (magnitude > range_of(dtype).largest)
    open_ = ~np.isfinite(value) | ~expected.decided.ravel()
    return bool(((same_type & near) | lost | open_).all())


Rounding = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def _through(dtype: str) -> Rounding:
    return lambda array: array.astype(dtype_of(dtype)).astype(np.float32)


def _cut_to_tf32(array: NDArray[np.float32]) -> NDArray[np.float32]:
    mask = np.uint32(0xFFFFFFFF << _TF32_BITS & 0xFFFFFFFF)
    return (array.view(np.uint32) & mask).view(np.float32)


def _rounded_to_tf32(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """To the nearest, half away from zero, as ``cvt.rna.tf32`` does (PTX ISA, cvt)."""
    half = np.uint32(1 << (_TF32_BITS - 1))
    return _cut_to_tf32((array.view(np.uint32) + half).view(np.float32))


_INPUTS: Final[dict[str, tuple[Rounding, ...]]] = {
    "float16": (_through("float16"),),
    "bfloat16": (_through("bfloat16"),),
    "tf32": (_cut_to_tf32, _rounded_to_tf32),
}


def _of_rounded_inputs(
    roundings: Sequence[Rounding], which: Sequence[str], observation: Observation
) -> bool:
    """Whether the outputs are right where these inputs were rounded in one of these ways."""
    case = observation.case
    for rounding in roundings:
        with np.errstate(invalid="ignore", over="ignore"):
            inputs = {
                name: rounding(np.ascontiguousarray(array)).astype(np.float32)
                if name in which
                else array
                for name, array in case.inputs.items()
            }
            expected = case.part.expected(inputs, case.shape.sizes)
            if all(
                _near(compared, np.asarray(expected[compared.output].value, dtype=np.float64))
                for compared in observation.comparisons
            ):
                return True
    return False


def _near(comparison: Comparison, value: NDArray[np.float64]) -> bool:
    got = comparison.numbers
    allowed = comparison.expected.allowed.ravel()
    allowed = np.maximum(allowed, range_of("float32").unit_roundoff * np.abs(value.ravel()))
    close = np.abs(got - value.ravel()) <= allowed
    open_ = ~np.isfinite(value.ravel()) | ~comparison.expected.decided.ravel()
    return bool((close | open_).all())
