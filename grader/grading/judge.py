"""Compare outputs with the reference, element by element."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from grader.model.cases import Case, Comparison
from grader.model.domains import Values
from grader.model.expected import ExpectedOutput


def compare(case: Case, outputs: tuple[NDArray[np.generic], ...]) -> tuple[Comparison, ...]:
    """Judge the outputs of a case, in the order of its part's.

    In cases of whole numbers (and the published example, which is one) elements must be equal
    where no order of summation rounds. All others
    must lie within the part's bound. NaN is right only where the reference
    is NaN or the part says that it may be, an infinity only where the reference
    is the same infinity, and ``-0.0`` equals ``0.0``. Undecided elements are never wrong.
    Whether wrong ones may come from an algorithm that is no sum of the products is told beside.
    """
    right = case.part.expected(case.inputs, case.shape.sizes)
    exact = case.values in (Values.INTEGERS, Values.EXAMPLE)
    return tuple(
        _compare(spec.name, right[spec.name], got, exact=exact)
        for spec, got in zip(case.part.outputs, outputs, strict=True)
    )


def _compare(
    name: str, expected: ExpectedOutput, got: NDArray[np.generic], *, exact: bool
) -> Comparison:
    if expected.value.dtype.kind in "iub":
        # Compared as they are: float64 does not hold every int64.
        with np.errstate(invalid="ignore"):  # of a signalling NaN
            wrong = (got.ravel() != expected.value.ravel()) & expected.decided.ravel()
        return Comparison(
            output=name, expected=expected, got=got, wrong=np.flatnonzero(wrong), exact=True
        )
    value = expected.value.ravel().astype(np.float64)
    # A signalling NaN, as unwritten device memory holds, raises "invalid" where it is converted.
    with np.errstate(invalid="ignore", over="ignore"):
        actual = got.ravel().astype(np.float64)
        distance = np.abs(actual - value)
        equal = expected.exact.ravel() & exact
        close = distance <= np.where(equal, 0.0, expected.allowed.ravel())
    same_special = (np.isnan(value) & np.isnan(actual)) | (np.isinf(value) & (actual == value))
    forgiven = ~expected.decided | (expected.may_be_nan & np.isnan(actual.reshape(got.shape)))
    right = np.where(np.isfinite(value), close, same_special) | forgiven.ravel()
    near = (distance <= expected.rearranged.ravel()) | (
        expected.may_overflow.ravel() & ~np.isfinite(actual)
    )
    return Comparison(
        output=name,
        expected=expected,
        got=got,
        wrong=np.flatnonzero(~right),
        exact=exact or not expected.allowed.any(),
        rearranged=not right.all() and bool((right | (near & np.isfinite(value))).all()),
    )


def number(value: float) -> float | str:
    """A number for the record, which has no NaN and no infinity of its own."""
    return value if math.isfinite(value) else str(value)
