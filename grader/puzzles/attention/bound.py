"""Attention in float64, and how far a right float32 computation may lie from it.

With n keys ``k[j]`` and values ``v[j]`` of d elements, ``s[j] = sum of q[i] * k[j, i]`` are the
scores, ``p`` is their softmax, and ``output[i] = sum of p[j] * v[j, i]``. These errors come
together, with ``u = 2**-24`` and ``t = 2**-126``:

* **A score** is a sum of d products, ``gamma_d * sum of |q||k|`` in any order (Higham, Accuracy
  and Stability of Numerical Algorithms, 2nd ed., section 3.1). Whoever multiplies the query or the
  scores by ``log2(e)`` first, to take powers of two afterwards, rounds twice more. So the score is
  off by ``delta[j] = gamma_(d+2) * sum of |q||k|``; below the normal numbers products, sums and
  factors may be flushed to zero (`grader.model.sums`).
* **What that does to the weights** may be far more than u: the error of an exponent is the relative
  error of the exponential. Scores that are off by ``e[j]``, with ``|e[j]| <= delta[j]``, have the
  weights ``p[j] exp(e[j]) / sum of p[m] exp(e[m])``. The divisor lies between
  ``exp(-sum of p[m] delta[m])``, as the exponential is convex, and ``sum of p[m] exp(delta[m])``,
  whose logarithm is no smaller. With that logarithm, ``L``, the weight is off by a factor between
  ``exp(-delta[j] - L)`` and ``exp(delta[j] + L)``. To first order that is the conditioning of the
  softmax (Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions,
  2021); scores may be so large that the first order is not enough.
* **The softmax** of given scores is off by ``3 r + 3 R + 6 (n - 1) + 32`` times u, where r is the
  distance of the score from the number that is subtracted and R is the mean of all r by the
  weights: `grader.puzzles.softmax.bound` derives that. Whoever goes through the keys once, or in
  blocks (Milakov and Gimelshein, Online normalizer calculation for softmax, 2018; Dao and others,
  FlashAttention, 2022), also scales the sum of values down where a larger score comes, which costs
  as much as there for each key: ``6 (n - 1)`` more.
* **The sum of the values** has n products, ``gamma_n`` in any order. Weights are positive, so all
  of these are relative to ``p[j] |v[j, i]|``.

So ``|computed - output[i]| <= sum of p[j] |v[j, i]| (exp(theta[j]) - 1)`` with
``theta[j] = delta[j] + L + (3 r[j] + 3 R + 12 (n - 1) + 32 + n) u``. The exponential also has room
for the products of the errors with each other.

**Below the normal numbers** an exponential, a quotient and, in a sum that is scaled down again and
again, each of the n factors may be flushed to zero; each loses less than t of what it multiplies,
so ``(n + 3) t * sum of |v|``. Products and sums of values lose ``4 n t`` at most, and a subnormal
value all that it adds, ``p[j] |v[j, i]|``.

The number that is subtracted is the largest score, as the given softmax has it. Where no score
is larger than 80 in magnitude nothing overflows without it, and any number up to there is as good.

`tests/puzzles/test_attention.py` measures it with the worst errors that the manuals allow: other
orders, blocks, one pass with scaling, and fused programs stay below a half of the bound. What
rounded something to float16, bfloat16 or TF32 exceeds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import SMALLEST_NORMAL, UNIT_ROUNDOFF, Arrays, ExpectedOutput, Sizes
from grader.puzzles.softmax.bound import NO_OVERFLOW, UNDERFLOW, softmax

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Tensors:
    """The inputs in float64."""

    q: Reals
    k: Reals
    v: Reals

    @classmethod
    def of(cls, inputs: Arrays) -> Tensors:
        """Those of a case."""
        return cls(*(inputs[name].astype(np.float64) for name in ("q", "k", "v")))

    @property
    def scores(self) -> Reals:
        """One for each key."""
        return np.asarray(self.k @ self.q)

    @property
    def off(self) -> Reals:
        """How far each score may be off."""
        products = np.abs(self.k * self.q)
        small = (np.abs(self.k) < SMALLEST_NORMAL) | (np.abs(self.q) < SMALLEST_NORMAL)
        roundings = self.q.size + 2
        gamma = roundings * UNIT_ROUNDOFF / (1 - roundings * UNIT_ROUNDOFF)
        flushed = np.where(small, products, 0.0).sum(axis=1) + 2 * roundings * SMALLEST_NORMAL
        return np.asarray(gamma * products.sum(axis=1) + flushed)


def attention(inputs: Arrays) -> Reals:
    """The output in float64."""
    tensors = Tensors.of(inputs)
    return np.asarray(softmax(tensors.scores) @ tensors.v)


def allowed(inputs: Arrays) -> Reals:
    """How far each element of the output may lie from it."""
    tensors = Tensors.of(inputs)
    scores, weights = tensors.scores, softmax(tensors.scores)
    keys = scores.size
    reach = np.minimum(scores.max() - scores, UNDERFLOW)
    if np.abs(scores).max() <= NO_OVERFLOW:
        reach = np.maximum(reach, np.abs(scores))
    units = 3 * reach + 3 * float(weights @ reach) + 12 * (keys - 1) + 32 + keys
    shared = float(np.log(weights @ np.exp(tensors.off)))
    factor = np.expm1(tensors.off + shared + units * UNIT_ROUNDOFF)

    sizes = np.abs(tensors.v)
    flushed = np.where(sizes < SMALLEST_NORMAL, sizes, 0.0)
    lost = (keys + 3) * sizes.sum(axis=0) + 4 * keys
    return np.asarray((weights * factor) @ sizes + weights @ flushed + lost * SMALLEST_NORMAL)


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The right answer with its bound."""
    return {"output": ExpectedOutput.within(attention(inputs), allowed(inputs))}
