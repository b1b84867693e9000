"""The softmax in float64, and how far a right float32 computation may lie from it.

Write ``p[i] = e[i] / S`` with ``e[i] = exp(x[i] - c)`` and ``S`` the sum of all ``e``. ``c`` is
the largest element, whose subtraction the task asks for; any other number gives the same in exact
arithmetic. With ``u = 2**-24``, these are the relative errors, which add up (Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., section 3.1; squares of u are in the last item's room):

* **An exponential**: ``(3 d + 4) u`` where ``d = |x[i] - c|``. The difference is rounded, which
  moves the exponent by ``d u``. A GPU takes ``ex2.approx`` of the product with ``log2(e)``: the
  rounded constant and the rounded product move it by ``d u`` each, and ``ex2.approx.f32`` is off
  by 2 ulp at most (PTX ISA, "ex2"), which is ``4 u``. The CPU's polynomial is nearer than that.
* **The sum** of n positive terms: ``(n - 1) u`` in any order (Higham, section 4.2), and the
  weighted mean of the errors of the terms, ``(3 D + 4) u`` with ``D = sum of p[j] d[j]``. Whoever
  goes through the input once, and scales the sum down where a larger element comes, multiplies by
  n - 1 more exponentials at most. Their differences add up to ``d``, and each costs ``6 u``: the
  exponential, the product and the sum. So ``6 (n - 1) u`` is allowed.
* **The division**: 2 ulp (PTX ISA, "div", the full-range approximation), or a reciprocal and a
  product: ``6 u``. Whoever takes ``exp(x[i] - c - log(S))`` instead is off by the roundings of a
  number of the size of ``log(S)``, which is below 5 for 128 elements: less than ``16 u``.

Together: ``|computed - p| <= (3 d + 3 D + 6 (n - 1) + 32) u p``. Where no element is larger than
80 in magnitude, ``c = 0`` does not overflow and is right as well, so there ``d`` is the larger of
``|x[i] - c|`` and ``|x[i]|``. The exponential of less than -104 is zero, so ``d`` ends there.

Below the normal numbers a GPU may give zero (``.ftz``), and a CPU's exp may stop at the smallest
number that it was made for. With the largest element subtracted, S is at least 1, so this costs at
most the smallest normal number, ``t = 2**-126``, for the exponential, for the quotient, and, by way
of the sum, once more: ``3 t``.

`tests/puzzles/test_softmax.py` measures that right computations, with the worst errors that the
manual allows, stay below a half of the bound, and that one in which something was rounded to
float16 or bfloat16 exceeds it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, ExpectedOutput, Sizes

UNIT_ROUNDOFF = 2.0**-24
SMALLEST_NORMAL = 2.0**-126
NO_OVERFLOW = 80.0
"""Up to this magnitude the exponentials themselves, and a sum of them, are normal float32."""
UNDERFLOW = 104.0
"""The exponential of less than minus this is zero."""


def softmax(elements: NDArray[np.generic]) -> NDArray[np.float64]:
    """The softmax in float64."""
    numbers = elements.astype(np.float64)
    powers = np.exp(numbers - numbers.max())
    return np.asarray(powers / powers.sum())


def allowed(elements: NDArray[np.generic]) -> NDArray[np.float64]:
    """How far each element of the result may lie from the softmax."""
    numbers = elements.astype(np.float64)
    reach = np.minimum(numbers.max() - numbers, UNDERFLOW)
    if np.abs(numbers).max() <= NO_OVERFLOW:
        reach = np.maximum(reach, np.abs(numbers))
    right = softmax(elements)
    mean = float((right * reach).sum())
    units = 3 * reach + 3 * mean + 6 * (numbers.size - 1) + 32
    return np.asarray(units * UNIT_ROUNDOFF * right + 3 * SMALLEST_NORMAL)


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The right answer with its bound."""
    elements = inputs["input"]
    return {"output": ExpectedOutput.within(softmax(elements), allowed(elements))}
