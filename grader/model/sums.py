"""Bounds for outputs that are sums of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.model.expected import ExpectedOutput
from grader.model.numbers import range_of


def sum_of(*terms: NDArray[np.float64], dtype: str = "float32") -> ExpectedOutput:
    """The sum of arrays of one shape, added in any order, with the error that this may have.

    n numbers take n - 1 additions, so ``|computed - exact| <= gamma_(n-1) * sum |x|`` with
    ``gamma_k = k*u / (1 - k*u)`` in whatever order (Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd ed., section 4.2). Below the normal numbers a GPU may compute less: with
    ``.ftz``, an addition flushes "subnormal inputs and results to sign-preserving zero" (PTX ISA,
    "Floating Point Instructions"). So a subnormal term may be lost whole, and each addition may
    lose less than the smallest normal number.

    Whole numbers are exact while the sum of their magnitudes is: then every partial sum is. Of two
    numbers the sum is infinite where it rounds to more than the largest number. Of more, an element
    is undecided where a partial sum may overflow in some order.

    Args:
        terms: The numbers, as the type holds them.
        dtype: The floating type in which they are added.
    """
    numbers = np.stack(terms)
    limits = range_of(dtype)
    additions = len(terms) - 1
    rounded = additions * limits.unit_roundoff
    gamma = rounded / (1 - rounded)
    normal = 2.0**limits.least_normal
    size = np.abs(np.where(np.isfinite(numbers), numbers, 0.0))
    magnitude = size.sum(axis=0)
    lost = np.where(size < normal, size, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):  # of inf - inf, which is NaN
        value = np.asarray(numbers.sum(axis=0))
        whole = (numbers == np.rint(numbers)).all(axis=0)
    decided = magnitude * (1 + gamma) < limits.largest
    if additions == 1:
        decided = np.ones(value.shape, np.bool_)
        half = limits.unit_roundoff * 2.0**limits.highest  # of the last digit of the largest number
        value = np.where(np.abs(value) >= limits.largest + half, np.copysign(np.inf, value), value)
    allowed = gamma * magnitude + lost + additions * normal
    no = np.zeros(value.shape, np.bool_)
    return ExpectedOutput(
        value=value,
        allowed=allowed,
        rearranged=allowed,
        may_overflow=no,
        decided=decided,
        exact=whole & (magnitude <= limits.exact),
        may_be_nan=no,
    )
