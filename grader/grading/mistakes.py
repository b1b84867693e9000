"""Which mistake explains all failing cases of a check.

Named is only what explains every one of them. A puzzle's own models say which values a mistake
gives (`grader.model.part.Mistake`); that values were kept in too small a type shows by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.model.cases import Comparison, Observation
from grader.model.domains import Sizes
from grader.model.numbers import dtype_of, range_of
from grader.model.part import Arrays, Mistake, Part
from grader.wording import too_small_a_type

_ROUNDED: Final = 2.0**-19
"""Of a mistake's value: how far the rounding of a few terms may take a kernel that makes it."""
_SMALLER: Final = ("float16", "bfloat16")


class Known(NamedTuple):
    """A mistake that explains the cases, in words."""

    name: str
    explanation: str
    advice: str


def recognised(part: Part, failing: Sequence[Observation]) -> Known | None:
    """The well-known mistake that gives exactly these outputs, if there is one."""
    for mistake in part.mistakes:
        if all(_explains(mistake, observation) for observation in failing):
            return Known(mistake.name, mistake.explanation, mistake.advice)
    compared = [each for observation in failing for each in observation.comparisons]
    own = {spec.name: spec.dtype for spec in part.outputs}
    if not compared or any(not observation.comparisons for observation in failing):
        return None
    # The largest tells most; a zero may have come about in many ways.
    wrong = max(
        (
            (float(each.got.ravel()[at]), float(each.expected.value.ravel()[at]))
            for each in compared
            if own[each.output] == "float32"
            for at in each.wrong
            if np.isfinite(each.got.ravel()[at]) and each.got.ravel()[at]
        ),
        key=lambda pair: abs(pair[0]),
        default=None,
    )
    if wrong is None:
        return None
    for smaller in _SMALLER:
        if all(_rounded_to(smaller, each) for each in compared):
            return Known(smaller, *too_small_a_type(smaller, *wrong))
    return None


def _rounded_to(dtype: str, comparison: Comparison) -> bool:
    """Whether all elements are numbers of a smaller type, and as near as its rounding allows.

    The bound of an output grows with the unit roundoff. Inputs that are rounded first add one
    rounding more. A number that is too large for the type may be infinite.
    """
    expected = comparison.expected
    with np.errstate(invalid="ignore", over="ignore"):
        got = comparison.got.ravel().astype(np.float64)
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


def _explains(mistake: Mistake, observation: Observation) -> bool:
    """Whether a mistake gives what the first output holds, and no other output is wrong."""
    if observation.right or not observation.comparisons:
        return False
    comparison, *others = observation.comparisons
    if any(not each.right for each in others):
        return False
    with np.errstate(invalid="ignore"):  # of a signalling NaN
        got = comparison.got.ravel().astype(np.float64)
    answer = _answer(mistake, observation.case.inputs, observation.case.shape.sizes)
    if answer is None:
        return False
    with np.errstate(invalid="ignore"):
        # The bound is of the right answer, and a wrong one may be far larger.
        allowed = np.maximum(comparison.expected.allowed.ravel(), _ROUNDED * np.abs(answer))
        close = np.abs(got - answer) <= allowed
    same = (got == answer) | (np.isnan(got) & np.isnan(answer))
    return bool((close | same | ~comparison.expected.decided.ravel()).all())


def _answer(mistake: Mistake, inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    with np.errstate(all="ignore"):
        answer = mistake.answer(inputs, sizes)
    return None if answer is None else answer.ravel().astype(np.float64)
