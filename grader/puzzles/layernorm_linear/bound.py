"""The layer norm with a linear layer and its gradients, and how far float32 may lie from them.

Of a position, ``x`` are n elements with the mean ``m`` and the variance ``v``, ``s = v + 1e-5``,
``r = 1 / sqrt(s)``, ``z = (x - m) r`` and ``y = gamma z + beta``. The outputs are ``W y + b``. With
the gradient ``g`` of the outputs, ``a = gamma W^T g`` is that of ``z``, and that of ``x`` is
``r (a - mean(a) - z mean(a z))``; those of ``W``, ``b``, ``gamma`` and ``beta`` are sums over all
positions of ``g y``, ``g``, ``z W^T g`` and ``W^T g``. Write ``u = 2**-24``,
``gamma_k = k u / (1 - k u)`` (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
lemma 3.1), ``Q = mean(x**2)`` and ``A = mean(|x|)``. These errors come together:

* **The mean** is off by ``gamma_(n+1) A``: n - 1 additions in any order, and a division, or a
  rounded reciprocal and a product.
* **The variance.** The book takes ``mean(x**2) - mean(x)**2`` in one pass. The first is off by
  ``gamma_(n+2) Q``, and the second by ``2 gamma_(n+1) A |m|`` and its own roundings, where
  ``A |m| <= Q``. Together that is ``(3 n + 8) u Q``, and not relative to ``v``: by
  ``kappa**2 = Q / v`` more digits are lost than ``v`` has roundings. That is the textbook algorithm
  of Chan, Golub and LeVeque (Algorithms for computing the sample variance, 1983), whose table of
  bounds has ``N u kappa**2`` for it, ``N u + N**2 u**2 kappa**2`` for two passes and about
  ``N u kappa`` for updates (Chan and Lewis, 1979, on Welford's). Since ``kappa >= 1``, what the
  textbook algorithm needs holds for all of them. The sum with 1e-5, and 1e-5 itself, cost
  ``3 u s``.
* **The scale.** With ``s`` off by ``delta s``, r is off by ``rho = (1 - delta)**-0.5 - 1 + 10 u``,
  relative: ``sqrt.approx`` and ``rsqrt.approx`` are off by about ``2**-23``, a division by 2 ulp
  (PTX ISA, "sqrt", "rsqrt", "div"). Where delta came near 1, as in a row of equal numbers far
  from zero, the task's own algorithm would have no digit of r that is sure. So inputs are at most
  1.25 in magnitude (`grader.puzzles.layernorm_linear.elements`): with n up to 12,
  ``delta <= 44 * 1.25**2 u / 1e-5 + 3 u < 0.42`` in any row, and far less where numbers differ.
* **z** is off by ``|z| rho``, by ``r`` times the error of the mean, and by its own roundings.
  Whoever multiplies by ``r`` first subtracts larger numbers: with ``Z = |z| + (|x| + |m|) r``,
  ``4 u Z`` is enough. So is ``2 u (|gamma| Z + |beta|)`` for ``y``, whose size before anything
  cancels is ``S = |gamma| Z + |beta|``.
* **Sums** of k products of such sizes are off by ``gamma_k`` times the sum of the sizes, in any
  order and by any tree (Higham, section 3.1), also where the factors of ``W`` are summed up before
  the positions are. A few roundings more than the terms leave room for products of several factors.

Below the normal numbers whatever is computed may be flushed to zero; of each product that costs
``2**-126`` times the other factors at most, of which all are finite and small here.

`tests/puzzles/test_layernorm_linear.py` measures it: one pass, two passes, updates, blocks, other
orders and scales that are multiplied first stay below a half of the bound; what rounded something
to float16 or bfloat16 exceeds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import SMALLEST_NORMAL, UNIT_ROUNDOFF, Arrays, ExpectedOutput, Sizes

Reals = NDArray[np.float64]
EPSILON = 1e-5


def gamma(roundings: int) -> float:
    """The relative error of so many roundings."""
    return roundings * UNIT_ROUNDOFF / (1 - roundings * UNIT_ROUNDOFF)


@dataclass(frozen=True)
class Positions:
    """The layer norm of all positions, in float64: a row for each."""

    x: Reals
    scale: Reals
    """``gamma``."""
    shift: Reals
    """``beta``."""

    @classmethod
    def of(cls, inputs: Arrays) -> Positions:
        """Those of a case."""
        x, scale, shift = (
            inputs[name].astype(np.float64) for name in ("input", "ln_weight", "ln_bias")
        )
        return cls(x.reshape(-1, x.shape[-1]), scale, shift)

    @property
    def count(self) -> int:
        """How many elements a position has."""
        return int(self.x.shape[-1])

    @cached_property
    def mean(self) -> Reals:
        return np.asarray(self.x.mean(axis=1, keepdims=True))

    @cached_property
    def spread(self) -> Reals:
        """``s``."""
        return np.asarray(((self.x - self.mean) ** 2).mean(axis=1, keepdims=True) + EPSILON)

    @cached_property
    def r(self) -> Reals:
        return np.asarray(1 / np.sqrt(self.spread))

    @cached_property
    def z(self) -> Reals:
        return np.asarray((self.x - self.mean) * self.r)

    @property
    def y(self) -> Reals:
        """The layer norm."""
        return np.asarray(self.scale * self.z + self.shift)

    @cached_property
    def unsure(self) -> Reals:
        """``delta``: how far ``s`` may be off, relative to it."""
        squares = (self.x**2).mean(axis=1, keepdims=True)
        units = (3 * self.count + 8) * squares / self.spread + 3
        return np.asarray(units * UNIT_ROUNDOFF)

    @cached_property
    def rho(self) -> Reals:
        """How far ``r`` may be off, relative to it."""
        return np.asarray((1 - self.unsure) ** -0.5 - 1 + 10 * UNIT_ROUNDOFF)

    @cached_property
    def size_of_z(self) -> Reals:
        """``Z``."""
        return np.asarray(np.abs(self.z) + (np.abs(self.x) + np.abs(self.mean)) * self.r)

    @cached_property
    def off_z(self) -> Reals:
        """How far ``z`` may be off."""
        of_mean = gamma(self.count + 1) * np.abs(self.x).mean(axis=1, keepdims=True)
        # A number that is flushed moves the mean and itself.
        of_mean += 3 * SMALLEST_NORMAL
        first = np.abs(self.z) * self.rho + self.r * of_mean * (1 + self.rho)
        return np.asarray(first + 4 * UNIT_ROUNDOFF * self.size_of_z + SMALLEST_NORMAL)

    @property
    def size_of_y(self) -> Reals:
        """``S``."""
        return np.asarray(np.abs(self.scale) * self.size_of_z + np.abs(self.shift))

    @property
    def off_y(self) -> Reals:
        """How far ``y`` may be off."""
        rounded = 2 * UNIT_ROUNDOFF * self.size_of_y + 4 * SMALLEST_NORMAL
        return np.asarray(np.abs(self.scale) * self.off_z + rounded)


def flushed(terms: int, *sizes: Reals) -> Reals:
    """What flushing may take away of a sum of products: of each, one factor and the result."""
    total = np.asarray(1.0)
    for size in sizes:
        total = total * (1 + size)
    return np.asarray(4 * terms * SMALLEST_NORMAL * total)


def forward(inputs: Arrays) -> Reals:
    """The output in float64."""
    positions = Positions.of(inputs)
    weight, bias = (inputs[name].astype(np.float64) for name in ("linear_weight", "linear_bias"))
    flat = positions.y @ weight.T + bias
    return np.asarray(flat.reshape(*inputs["input"].shape[:2], -1))


def expected_output(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The right output with its bound."""
    positions, right = Positions.of(inputs), forward(inputs)
    weight = np.abs(inputs["linear_weight"].astype(np.float64))
    bias = np.abs(inputs["linear_bias"].astype(np.float64))
    terms = positions.count + 4
    off = positions.off_y @ weight.T
    off += gamma(terms) * (positions.size_of_y @ weight.T + bias)
    off += flushed(terms, positions.size_of_y.max(axis=1, keepdims=True), weight.max(axis=1))
    return {"output": ExpectedOutput.within(right, off.reshape(right.shape))}


GRADIENTS = ("grad_input", "grad_ln_weight", "grad_ln_bias", "grad_weight", "grad_bias")


@dataclass(frozen=True)
class Gradients:
    """What goes back through the linear layer, in float64: a row for each position."""

    positions: Positions
    g: Reals
    """Of the outputs."""
    weight: Reals

    @classmethod
    def of(cls, inputs: Arrays) -> Gradients:
        """Those of a case."""
        g, weight = (inputs[name].astype(np.float64) for name in ("grad_output", "linear_weight"))
        return cls(Positions.of(inputs), g.reshape(-1, g.shape[-1]), weight)

    def of_rows(self, rows: slice) -> Gradients:
        """Those of some positions only."""
        some = Positions(self.positions.x[rows], self.positions.scale, self.positions.shift)
        return Gradients(some, self.g[rows], self.weight)

    @property
    def through(self) -> Reals:
        """``W^T g``: the gradient of ``y``."""
        return np.asarray(self.g @ self.weight)

    def of_input(self) -> Reals:
        """The gradient of ``x``."""
        a, z = self.through * self.positions.scale, self.positions.z
        means = (each.mean(axis=1, keepdims=True) for each in (a, a * z))
        mean, mean_of_product = means
        return np.asarray(self.positions.r * (a - mean - z * mean_of_product))

    def all(self) -> dict[str, Reals]:
        """All five, flat but for the last axes."""
        positions = self.positions
        return {
            "grad_input": self.of_input(),
            "grad_ln_weight": np.asarray((self.through * positions.z).sum(axis=0)),
            "grad_ln_bias": np.asarray(self.through.sum(axis=0)),
            "grad_weight": np.asarray(self.g.T @ positions.y),
            "grad_bias": np.asarray(self.g.sum(axis=0)),
        }


def backward(inputs: Arrays) -> dict[str, Reals]:
    """All five gradients in float64."""
    found = Gradients.of(inputs).all()
    return found | {"grad_input": found["grad_input"].reshape(inputs["input"].shape)}


def allowed_backward(inputs: Arrays) -> dict[str, Reals]:
    """How far each element of the gradients may lie from them."""
    gradients = Gradients.of(inputs)
    positions, g, weight = gradients.positions, np.abs(gradients.g), np.abs(gradients.weight)
    count, (rows, outputs) = positions.count, g.shape
    through, size_of_z = g @ weight, positions.size_of_z
    most = through.max(axis=1, keepdims=True)
    # The sums over positions, whose terms are sums over the outputs or products.
    terms = rows + outputs + 4
    sums = {
        "grad_ln_weight": (through * positions.off_z + gamma(terms) * through * size_of_z).sum(0)
        + flushed(rows * terms, through.max(), size_of_z.max()),
        "grad_ln_bias": gamma(terms) * through.sum(axis=0) + flushed(rows * terms, through.max()),
        "grad_weight": g.T @ positions.off_y
        + gamma(rows + 4) * (g.T @ positions.size_of_y)
        + flushed(rows, g.max(), positions.size_of_y.max()),
        "grad_bias": gamma(rows + 1) * g.sum(axis=0) + flushed(rows),
    }

    # ``a``, its mean, and the mean of its products with ``z``: what they are and what they add up.
    a, units = through * np.abs(positions.scale), gamma(outputs + count + 8)
    mean = a.mean(axis=1, keepdims=True)
    product = (a * size_of_z).mean(axis=1, keepdims=True)
    off_product = (a * positions.off_z).mean(axis=1, keepdims=True)
    off = units * (a + mean + size_of_z * product)
    off += positions.off_z * (product + off_product) + np.abs(positions.z) * off_product
    off *= positions.r * (1 + positions.rho)
    off += positions.rho * np.abs(gradients.of_input())
    off += positions.r * flushed(
        count + outputs, most, np.abs(positions.scale), size_of_z, size_of_z
    )
    return {"grad_input": off.reshape(inputs["input"].shape), **sums}


def expected_gradients(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The right gradients with their bounds."""
    right, off = backward(inputs), allowed_backward(inputs)
    return {name: ExpectedOutput.within(right[name], off[name]) for name in GRADIENTS}
