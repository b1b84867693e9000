"""What the tensor cores of a real GPU make of sums that rounding decides, beside the device's.

    python -m tests.gpu.tensor_cores

The manual leaves order and rounding open. `grader/device/semantics/matrix.py` says which sums are
ours, and how far those of a GPU may be from the exact ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.device.kernels import BESIDE, Launched
from tests.device.simt.test_tensor_cores import (
    CASES,
    FORMS,
    Matrix,
    bits,
    last_matrix,
    multiply,
    opcode,
)
from tests.gpu.driver import Driver

MATRICES = 40
"""Drawn for each form and kind of numbers."""
_UNIT = 2.0**-23
_HALF_UNIT = {"f32": 0.0, "f16": 2.0**-11}
"""The last rounding to 16 bits, relative, and"""
_LEAST = {"f32": 2.0**-149, "f16": 2.0**-25}
"""absolute, below the normal numbers."""


@dataclass(frozen=True, kw_only=True)
class FormCompared:
    """One form of ``mma`` with drawn numbers of one kind.

    Attributes:
        equal: Share of the elements whose bits are the same here and there.
        here: The largest error here, as a part of what is allowed, and
        there: of the GPU.
    """

    form: str
    kind: str
    equal: float
    here: float
    there: float


def drawn(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> Matrix:
    """Numbers whose sums round: of one size, of many sizes, or of one sign."""
    values = rng.normal(size=shape)
    if kind == "sizes":
        values *= 2.0 ** rng.integers(-6, 7, shape)
    return np.abs(values) if kind == "positive" else values


def kept(matrix: Matrix, element: str) -> Matrix:
    """The numbers that the tensor core reads."""
    if element == "tf32":
        words = np.asarray(matrix, np.float32).view(np.uint32) & np.uint32(0xFFFFE000)
        return words.view(np.float32).astype(np.float64)
    halves = bits(matrix.ravel(), element).reshape(matrix.shape)
    if element == "bf16":
        return (halves.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return halves.astype(np.float64)


def allowed(a: Matrix, b: Matrix, c: Matrix, result: str) -> Matrix:
    """How far an element may be off: the bound of the page, all products added at once."""
    terms = np.concatenate([a[:, :, None] * b[None], c[:, None]], axis=1)
    largest, total = np.abs(terms).max(axis=1), np.abs(terms.sum(axis=1))
    sums: Matrix = _UNIT * (terms.shape[1] * largest + total)
    return sums + _HALF_UNIT[result] * total + _LEAST[result]


class OnGpu:
    """Does on a GPU what the tests of the device do here."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._left: list[NDArray[Any]] = []

    def multiply(
        self, a: Matrix, b: Matrix, c: Matrix, form: tuple[int, str, str]
    ) -> tuple[Matrix, Matrix]:
        """The product here and there."""
        BESIDE.append(self._also)
        try:
            _, here = multiply(a, b, c, form)
        finally:
            BESIDE.remove(self._also)
        return here, last_matrix(self._left[0], form[2])

    def _also(self, launched: Launched) -> None:
        arrays = [buffer for buffer in launched.buffers if not isinstance(buffer, int)]
        with self._driver.module(launched.text) as module:
            self._left = self._driver.launch(module, launched.entry, arrays)


def compare(gpu: OnGpu, matrices: int = MATRICES) -> Iterator[FormCompared]:
    """Each form, with each kind of numbers."""
    for form in FORMS:
        inner, element, result = form
        for kind in ("normal", "sizes", "positive"):
            rng = np.random.default_rng(inner)
            equal, worst = 0, np.zeros(2)
            for _ in range(matrices):
                a, b = (
                    kept(drawn(kind, shape, rng), element) for shape in ((16, inner), (inner, 8))
                )
                c = kept(drawn(kind, (16, 8), rng), "f16" if result == "f16" else "tf32")
                both = gpu.multiply(a, b, c, form)
                bound = allowed(a, b, c, result)
                equal += int((both[0] == both[1]).sum())
                errors = [float((np.abs(x - (a @ b + c)) / bound).max()) for x in both]
                worst = np.maximum(worst, errors)
            yield FormCompared(
                form=opcode(*form),
                kind=kind,
                equal=equal / (matrices * 16 * 8),
                here=float(worst[0]),
                there=float(worst[1]),
            )


def by_hand(gpu: OnGpu) -> Iterator[tuple[tuple[Any, ...], float, float]]:
    """The sums that are worked out by hand for the device: the case, and both results."""
    for given, wanted in CASES:
        inner, element, row, column, before, result = given
        a, b, c = np.zeros((16, inner)), np.zeros((inner, 8)), np.zeros((16, 8))
        a[0, : len(row)], b[: len(column), 0], c[0, 0] = row, column, before
        _, there = gpu.multiply(a, b, c, (inner, element, result))
        yield given, wanted, float(there[0, 0])


def main() -> None:
    """Print both."""
    gpu = OnGpu(Driver())
    for given, here, there in by_hand(gpu):
        mark = "same   " if here == there else "DIFFERS"
        print(f"{mark} {given}: here {here!r}, GPU {there!r}")
    for each in compare(gpu):
        print(
            f"{each.form} {each.kind}: {each.equal:.1%} of the bits equal; of the error allowed, "
            f"{each.here:.0%} here and {each.there:.0%} on the GPU"
        )


if __name__ == "__main__":
    main()
