"""1D convolution: ``output[i] = sum over j of input[i + j] * kernel[j]`` inside the input.

The error bound is the standard one for a sum of K products in working
precision, whatever the order of summation and with or without fused
multiply-add (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
section 3.1): ``|computed - exact| <= gamma_K * sum |a||b|`` with
``gamma_K = K*u / (1 - K*u)`` and ``u = 2**-24`` for float32. It holds while
nothing is subnormal. Below the normal numbers a GPU may compute less: with
``.ftz``, ``add``, ``mul`` and ``fma`` "flush subnormal inputs and results to
sign-preserving zero" (PTX ISA, "Floating Point Instructions"), and ``atom.add.f32``
on global memory always does (PTX ISA, "atom"). So two terms join the bound:

* For each operation the smallest normal number, ``t = 2**-126``. There are K
  products and K - 1 sums. Each is lost at most once, when it is made or when it
  is read again, and is then smaller than t; what is not flushed but rounded to
  a subnormal is off by ``2**-150`` at most. Later roundings make that larger by
  a factor of ``1 + gamma_K`` at most, for which the 2K-th t is there.
* For each term with a subnormal factor all of it, ``|a||b|``: the factor may
  be read as zero. The other factor can be as large as 2**127, so that this term
  is not small. It is exact: what such a term adds is lost whole, or not at all.

No more is allowed: where every factor is normal and the products are far above
t, a single term that is left out lies outside of the bound.

An algorithm that is equal in exact arithmetic and no sum of these products (Winograd's
short convolutions, Karatsuba, a Fourier transform) is right as well, and not bound
by ``|a||b|`` term by term: it adds elements before it multiplies, so that its error
follows the largest ones, ``c * K*u * max|a| * max|b|`` (Higham, section 24.1, for
transforms), and it may overflow earlier. A sum of normal elements that ends below the normal
numbers may be flushed too, before it is multiplied by what comes of the other input: up to
``c * K*t`` times the largest of that. Subnormal elements are read as zero each by itself, as
above, or are summed up exactly but for the last digit. What lies between the two bounds
can't be told from a mistake, so it is undecided: no points, no accusation, no mark. Measured
over all that is drawn here, c is at most 1 for F(2, 3) and for Karatsuba's tiles of two, 6
for a transform of 64, and 47 for Karatsuba's algorithm by halves over the whole length.

Rules for special values:

* A result of NaN is right where the reference is NaN, and anywhere in a case
  that holds a NaN or an infinity, or a product that overflows. A term may be
  left out by multiplying it with zero: whoever fills the tile or the kernel up
  with zeros, or masks what lies past the end, computes ``0 * inf``. The given
  kernel does so past the end of the input. Cases without such values are not
  forgiving: there NaN is wrong.
* Where the reference is infinite, the result must be that infinity.
* ``-0.0`` and ``0.0`` are equal: which one a sum of products gives depends on
  how the sum was started, and the task does not say.
* An element is left undecided where the sum of the products' magnitudes
  reaches the largest float32: a partial sum may overflow in one order and not
  in another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from grader.model.domains import Sizes
from grader.model.expected import ExpectedOutput
from grader.model.part import Arrays

UNIT_ROUNDOFF = 2.0**-24
SMALLEST_NORMAL = 2.0**-126
SMALLEST_SUBNORMAL = 2.0**-149
EXACT = 2**24
"""Up to here float32 holds every whole number."""
REARRANGED = 64
"""How many times K*u * max|a| * max|b| another right algorithm may be off."""
ON_THE_WAY = 64
"""How many times larger than a sum another algorithm's numbers may be: a transform of 64 elements
is scaled at its end."""
LARGEST = float(np.finfo(np.float32).max)


def windows(inputs: Arrays, sizes: Sizes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Windows (n, m) of the input, padded with zeros past its end, and the kernel (m,)."""
    n, m = sizes["input_size"], sizes["conv_size"]
    padded = np.concatenate([inputs["input"].astype(np.float64), np.zeros(m - 1)])
    return np.lib.stride_tricks.sliding_window_view(padded, m)[:n], inputs["kernel"].astype(
        np.float64
    )


def inside_of(sizes: Sizes) -> NDArray[np.bool_]:
    """Which terms (n, m) lie inside the input."""
    n, m = sizes["input_size"], sizes["conv_size"]
    return np.arange(n)[:, None] + np.arange(m)[None, :] < n


def reference(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    """The convolution in float64, terms outside the input left out. Shape (n,)."""
    tiles, kernel = windows(inputs, sizes)
    with np.errstate(invalid="ignore"):
        terms = np.where(inside_of(sizes), tiles * kernel, 0.0)
        return np.asarray(terms.sum(axis=1))


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The right answer, the distance that rounding allows, and which elements are decided."""
    tiles, kernel = windows(inputs, sizes)
    inside = inside_of(sizes)
    count = sizes["conv_size"]
    finite = np.isfinite(tiles) & np.isfinite(kernel)
    with np.errstate(invalid="ignore"):
        magnitude = np.where(inside & finite, np.abs(tiles * kernel), 0.0).sum(axis=1)
        flushed = np.where(
            inside & finite & (_subnormal(tiles) | _subnormal(kernel)),
            np.abs(tiles * kernel),
            0.0,
        ).sum(axis=1)
    gamma = count * UNIT_ROUNDOFF / (1 - count * UNIT_ROUNDOFF)
    largest = [_largest(array) for array in inputs.values()]
    most = max(*largest, largest[0] * largest[1])
    lost = max(_lost(largest[0]) * largest[1], _lost(largest[1]) * largest[0])
    another = UNIT_ROUNDOFF * largest[0] * largest[1] + lost
    allowed = gamma * magnitude + flushed + 2 * count * SMALLEST_NORMAL
    whole = all(bool((array == np.rint(array)).all()) for array in inputs.values())
    right = ExpectedOutput(
        value=reference(inputs, sizes),
        allowed=allowed,
        rearranged=allowed + REARRANGED * count * another,
        may_overflow=np.full(len(magnitude), ON_THE_WAY * count * most >= LARGEST),
        decided=magnitude * (1 + gamma) < LARGEST,
        exact=(magnitude <= EXACT) & whole,
        may_be_nan=np.full(len(magnitude), not _every_product_is_finite(inputs)),
    )
    return {"output": right}


def _subnormal(array: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which elements a GPU may read as zero."""
    return np.asarray((np.abs(array) < SMALLEST_NORMAL) & (array != 0))


def _lost(largest: float) -> float:
    """What a sum of elements may lose below the normal numbers, by the largest of them."""
    return SMALLEST_NORMAL if largest >= SMALLEST_NORMAL else SMALLEST_SUBNORMAL


def _largest(array: NDArray[np.generic]) -> float:
    """The largest finite magnitude."""
    values = np.abs(array.astype(np.float64))
    return float(np.max(values, where=np.isfinite(values), initial=0.0))


def _every_product_is_finite(inputs: Arrays) -> bool:
    """Whether any input times any kernel value is a finite float32."""
    largest = [np.abs(inputs[name].astype(np.float64)).max() for name in ("input", "kernel")]
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(largest).all() and largest[0] * largest[1] < LARGEST)
