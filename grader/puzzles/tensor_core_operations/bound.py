"""The product of two matrices of float32, and how far one made by tensor cores may lie from it.

Fewer bits of the factors. A tensor core takes float32 as tf32, which has the range of float32 and
10 bits behind the point (PTX ISA, "Alternate Floating-Point Data Formats"). A kernel may round to
that (``cvt.rna.tf32``), or leave it to the tensor core, which has no use for the 13 bits below. So
``|kept(x) - x| <= d * |x|`` with ``d = 2**-10``, rounded or cut off.

Sums in blocks. Products of tf32 are exact. A GPU adds n of them and what was there before at once:
it aligns all terms to the largest one, cuts off what lies below its last bit, and cuts the sum to
float32. That is off by at most ``2**-23 * ((n + 1) * largest term + |sum|)`` (Fasi, Higham,
Mikaitis, Pranesh: "Numerical behavior of NVIDIA tensor cores", PeerJ Computer Science 7:e330, 2021;
measured on an H200 by ``python -m tests.gpu.tensor_cores``). No term and no sum is larger than
``S``, the sum of the magnitudes so far, errors included. So a block adds ``(n + 2) * 2**-23 * S``
at most, and K products are K / n blocks. An A100 adds n = 4 products of tf32 at once, later GPUs
more. With ``u = 2**-24``, that makes of all blocks of a sum

    (1 + (n + 2) * 2**-23) ** (K / n) <= 1 + g,    g = 3 * K * u / (1 - 3 * K * u)

(Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., lemma 3.1). Whoever adds products
one by one in float32, in whatever order, stays within a third of that.

Together ``|computed - exact| <= ((1 + d)**2 * (1 + g) - 1) * sum |a||b|``. What lies below the
normal numbers may be lost, as in `grader.model.sums`: a term with a subnormal factor ("handling of
subnormal inputs" is unspecified, PTX ISA, ``mma``), and the smallest normal number for each
operation.

Whole numbers come out equal where tf32 holds each of them, up to 2048, and no sum passes 2**24:
then nothing is cut off. Other elements have to lie within the bound.

An element is left undecided where a partial sum may overflow, and where a factor is so large that
rounding it to tf32 makes it infinite.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import (
    EXACT,
    LARGEST,
    SMALLEST_NORMAL,
    UNIT_ROUNDOFF,
    Array,
    ExpectedOutput,
    another_algorithm,
)

Reals = NDArray[np.float64]
CUT: Final = 2.0**-10
"""How much of a factor tf32 may lose."""
_BELOW: Final = np.uint32(0x1FFF)
"""The bits of a float32 that tf32 has not."""
_BECOMES_INFINITE: Final = 2.0**128 * (1 - 2.0**-12)
"""From here on a float32 is infinite once it is rounded to tf32."""


def matrix_product(a: Array, b: Array) -> ExpectedOutput:
    """The product of two matrices of float32."""
    exact_a, exact_b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        value = exact_a @ exact_b
    size_a, size_b = _sizes(exact_a), _sizes(exact_b)
    magnitude = size_a @ size_b
    flushed = _subnormal(size_a) @ size_b + size_a @ _subnormal(size_b)
    terms = a.shape[1]
    sums = 3 * terms * UNIT_ROUNDOFF
    error = (1 + CUT) ** 2 * (1 + sums / (1 - sums)) - 1
    allowed = error * magnitude + flushed + 2 * terms * SMALLEST_NORMAL
    finite = _each(np.isfinite(exact_a), np.isfinite(exact_b))
    held = _each(_is_held(a), _is_held(b))
    stays_finite = _each(size_a < _BECOMES_INFINITE, size_b < _BECOMES_INFINITE)
    another = another_algorithm([exact_a, exact_b], terms)
    overflows = float(size_a.max()) * float(size_b.max()) >= LARGEST
    return ExpectedOutput(
        value=value,
        allowed=allowed,
        rearranged=allowed + another.off,
        may_overflow=np.full(value.shape, another.may_overflow),
        decided=stays_finite & (magnitude * (1 + error) < LARGEST),
        exact=held & (magnitude <= EXACT),
        may_be_nan=np.full(value.shape, overflows or not finite.all()),
    )


def _sizes(factor: Reals) -> Reals:
    """Magnitudes; 0 of what is not finite, whose sums are not compared by their distance."""
    return np.where(np.isfinite(factor), np.abs(factor), 0.0)


def _subnormal(sizes: Reals) -> Reals:
    return np.where(sizes < SMALLEST_NORMAL, sizes, 0.0)


def _is_held(factor: Array) -> NDArray[np.bool_]:
    """Which elements are whole numbers that tf32 holds."""
    bits = np.ascontiguousarray(factor).view(np.uint32)
    return np.asarray((bits & _BELOW == 0) & (factor == np.rint(factor)))


def _each(of_a: NDArray[np.bool_], of_b: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which sums have only such factors: a whole row of the first, and a whole column of ``b``."""
    rows, columns = np.asarray(of_a.all(axis=1)), np.asarray(of_b.all(axis=0))
    return np.asarray(rows[:, None] & columns)
