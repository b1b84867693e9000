"""How far a right sum may lie from the exact one: of numbers (`sum_of`), of products in float32.

The bound is the standard one for a sum of K products in working precision, whatever the order of
summation and with or without fused multiply-add (Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., section 3.1): ``|computed - exact| <= gamma_K * sum |a||b|`` with
``gamma_K = K*u / (1 - K*u)`` and ``u = 2**-24`` for float32. For a sum of K numbers that are no
products it is ``gamma_(K-1) * sum |a|`` (section 4.2): every order is a tree with K leaves, on
which a number meets K - 1 additions at most. So a scan, a reduction by halves, one by atomics and
one in blocks that are added up later have the same bound. Adding a zero rounds nothing.

It holds while nothing is subnormal. Below the normal numbers a GPU may compute less: with
``.ftz``, ``add``, ``mul`` and ``fma`` "flush subnormal inputs and results to sign-preserving zero"
(PTX ISA, "Floating Point Instructions"), and ``atom.add.f32`` on global memory always does (PTX
ISA, "atom"). So two terms join the bound:

* For each operation the smallest normal number, ``t = 2**-126``. There are K products and K - 1
  sums. Each is lost at most once, when it is made or when it is read again, and is then smaller
  than t; what is not flushed but rounded to a subnormal is off by ``2**-150`` at most. Later
  roundings make that larger by a factor of ``1 + gamma_K`` at most, for which the 2K-th t is there.
* For each term with a subnormal factor all of it, ``|a||b|``: the factor may be read as zero. The
  other factor can be as large as 2**127, so that this term is not small. It is exact: what such a
  term adds is lost whole, or not at all.

No more is allowed: where every factor is normal and the products are far above t, a single term
that is left out lies outside of the bound.

An algorithm that is equal in exact arithmetic and no sum of these products (Winograd's short
convolutions, Strassen's matrices, differences of prefix sums, a Fourier transform) is right as
well, and not bound by ``|a||b|`` term by term: it adds elements before it multiplies, so that its
error follows the largest ones, ``c * K*u * max|a| * max|b|`` (Higham, sections 23.2.2 and 24.1),
and it may overflow earlier. A sum of normal elements that ends below the normal numbers may be
flushed too, before it is multiplied by what comes of the other input: up to ``c * K*t`` times the
largest of that. Subnormal elements are read as zero each by itself, as above, or are summed up
exactly but for the last digit. What lies between the two bounds can't be told from a mistake, so it
is undecided: no points, no accusation, no mark.

Rules for special values:

* A result of NaN is right where the reference is NaN, and anywhere in a case that holds a NaN or an
  infinity, or a product that overflows. A term may be left out by multiplying it with zero: whoever
  fills a tile up with zeros, or masks what lies past the end, computes ``0 * inf``. Cases without
  such values are not forgiving: there NaN is wrong.
* Where the reference is infinite, the result must be that infinity.
* ``-0.0`` and ``0.0`` are equal: which one a sum of products gives depends on how the sum was
  started, and the task does not say.
* An element is left undecided where the sum of the products' magnitudes reaches the largest
  float32: a partial sum may overflow in one order and not in another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.model.expected import ExpectedOutput
from grader.model.numbers import range_of

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

Reals = NDArray[np.float64]


def sum_of_products(
    factors: Sequence[Reals],
    inside: NDArray[np.bool_] | None = None,
    *,
    decided: NDArray[np.bool_] | None = None,
) -> ExpectedOutput:
    """The sums along the last axis of products of one or two factors, with their bound.

    Args:
        factors: One or two arrays in float64 that broadcast to the shape of the terms.
        inside: Which terms there are; all of them by default.
        decided: Which sums the task fixes; all of them by default.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        terms = factors[0] if len(factors) == 1 else factors[0] * factors[1]
    terms, inside = np.broadcast_arrays(terms, True if inside is None else inside)
    finite = inside & np.isfinite(terms)
    subnormal = np.zeros(terms.shape, np.bool_)
    for factor in factors:
        subnormal |= (np.abs(factor) < SMALLEST_NORMAL) & (factor != 0)
    sizes = np.where(finite, np.abs(terms), 0.0)
    magnitude = sizes.sum(axis=-1)
    flushed = np.where(subnormal, sizes, 0.0).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        value = np.where(inside, terms, 0.0).sum(axis=-1)
    count = inside.sum(axis=-1)
    operations = np.maximum(count - (len(factors) == 1), 0)
    gamma = operations * UNIT_ROUNDOFF / (1 - operations * UNIT_ROUNDOFF)
    allowed = gamma * magnitude + flushed + 2 * operations * SMALLEST_NORMAL

    terms_at_most = terms.shape[-1]
    another = another_algorithm(factors, terms_at_most)
    product = math.prod(map(_largest, factors))
    fine = all(bool(np.isfinite(factor).all()) for factor in factors) and product < LARGEST
    whole = all(bool((factor == np.rint(factor)).all()) for factor in factors)
    known = magnitude * (1 + gamma) < LARGEST
    return ExpectedOutput(
        value=np.asarray(value),
        allowed=np.asarray(allowed),
        rearranged=np.asarray(allowed + another.off),
        may_overflow=np.full(value.shape, another.may_overflow),
        decided=np.asarray(known if decided is None else known & decided),
        exact=np.asarray((magnitude <= EXACT) & whole),
        may_be_nan=np.full(value.shape, not fine),
    )


@dataclass(frozen=True, slots=True)
class AnotherAlgorithm:
    """What an algorithm that is equal in exact arithmetic, and no sum of the products, may do.

    Attributes:
        off: How far its result may be off.
        may_overflow: Whether it may overflow on the way.
    """

    off: float
    may_overflow: bool


def another_algorithm(factors: Sequence[Reals], terms: int) -> AnotherAlgorithm:
    """What such an algorithm may do, for sums of so many products of one or two factors."""
    largest = [_largest(factor) for factor in factors]
    product = math.prod(largest)
    # What is lost of one factor is multiplied by the largest of the other.
    others = reversed(largest) if len(factors) == 2 else (1.0,)
    lost = max(_lost(each) * other for each, other in zip(largest, others, strict=True))
    most = max(*largest, product)
    return AnotherAlgorithm(
        off=REARRANGED * terms * (UNIT_ROUNDOFF * product + lost),
        may_overflow=ON_THE_WAY * terms * most >= LARGEST,
    )


def _lost(largest: float) -> float:
    """What a sum of elements may lose below the normal numbers, by the largest of them."""
    return SMALLEST_NORMAL if largest >= SMALLEST_NORMAL else SMALLEST_SUBNORMAL


def _largest(array: Reals) -> float:
    """The largest finite magnitude."""
    return float(np.max(np.abs(array), where=np.isfinite(array), initial=0.0))


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
