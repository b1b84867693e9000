"""Tensor cores: where the elements of a matrix lie in a warp's registers, and their arithmetic.

The fragments are those of PTX ISA, "Matrix Fragments for mma.m16n8k4" to "m16n8k16". Of the
arithmetic the manual says that "element-wise multiplication of matrix A and B is performed with at
least single precision", accumulation "with at least single precision" (half precision where C and
D are ``.f16``), and that "the accumulation order, rounding and handling of subnormal inputs are
unspecified" (PTX ISA, ``mma``).

Here products are exact, as measured on every GPU so far. They are added in groups, as an A100 does:
4 of tf32, 8 of f16 and bf16. Each group and what was there before are added in float64 and
truncated to float32 (for ``.f16`` results, rounded to nearest once, at the end). A GPU aligns the
terms of a group to the largest one and cuts off what lies below its last bit, or one bit further,
and it truncates the sum (Fasi, Higham, Mikaitis, Pranesh: "Numerical behavior of NVIDIA tensor
cores", PeerJ Computer Science 7:e330, 2021). So the sum of a group of n products and what was there
before is off by at most 2**-23 times ((n + 1) * the largest term + the sum), in absolute values;
here by 2**-23 times the sum. Whole numbers are exact on both while all sums stay below 2**24.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.lanes import Index
from grader.device.semantics.rounding import canonical_nan

Words = NDArray[np.uint32]
"""Registers of 32 bits: warps, lanes, and registers of a fragment."""
Reals = NDArray[np.float64]
ROWS, COLUMNS = 16, 8
_LANES = np.arange(32)
_GROUP, _MEMBER = _LANES // 4, _LANES % 4


@dataclass(frozen=True, slots=True)
class MatrixFragment:
    """Where each lane's elements lie in a matrix.

    Attributes:
        rows: For each lane and element, its row, and
        columns: its column.
        element: ``tf32``, ``bf16``, ``f16`` or ``f32``.
    """

    rows: Index
    columns: Index
    element: str

    @property
    def registers(self) -> int:
        """How many registers hold a lane's elements."""
        elements = int(self.rows.shape[1])
        return elements if self.element in ("tf32", "f32") else elements // 2

    def unpack(self, words: Words) -> Reals:
        """The matrices of all warps."""
        shape = (len(words), int(self.rows.max()) + 1, int(self.columns.max()) + 1)
        matrices = np.zeros(shape)
        matrices[:, self.rows, self.columns] = _values(words, self.element)
        return matrices

    def pack(self, matrices: Reals) -> Words:
        """The registers of all lanes, of values that are rounded already."""
        own = matrices[:, self.rows, self.columns]
        if self.element == "f32":
            singles: Words = canonical_nan(own.astype(np.float32), "f32").view(np.uint32)
            return singles
        halves = canonical_nan(own.astype(np.float16), "f16")
        return np.ascontiguousarray(halves).view(np.uint32)


def _values(words: Words, element: str) -> Reals:
    if element == "f32":
        return words.view(np.float32).astype(np.float64)
    if element == "tf32":
        # Sign, 8 bits of exponent, 10 of mantissa; the 13 below them are not looked at.
        kept: Words = words & np.uint32(0xFFFFE000)
        return kept.view(np.float32).astype(np.float64)
    halves = np.ascontiguousarray(words).view(np.uint16)
    if element == "f16":
        return halves.view(np.float16).astype(np.float64)
    wide: Words = halves.astype(np.uint32) << np.uint32(16)
    return wide.view(np.float32).astype(np.float64)


def _stacked(parts: list[Index]) -> Index:
    result: Index = np.stack(parts, axis=1).astype(np.int64)
    return result


@dataclass(frozen=True, slots=True)
class MatrixShape:
    """An ``mma`` of 16 rows and 8 columns: its fragments, and how it adds.

    Attributes:
        inner: Columns of A, which are rows of B.
        together: Products that are added at once.
    """

    a: MatrixFragment
    b: MatrixFragment
    c: MatrixFragment
    inner: int
    together: int

    def multiply(self, a: Words, b: Words, c: Words) -> Words:
        """``D = A * B + C`` for each warp."""
        left, right, total = self.a.unpack(a), self.b.unpack(b), self.c.unpack(c)
        for start in range(0, self.inner, self.together):
            for k in range(start, start + self.together):
                total = total + left[:, :, k, None] * right[:, None, k, :]
            if self.c.element == "f32":
                total = truncated(total)
        return self.c.pack(total)


def truncated(values: Reals) -> Reals:
    """Values of float32, rounded towards zero; from 2**128 on infinity."""
    single = values.astype(np.float32)
    beyond = np.abs(single) > np.abs(values)
    single[beyond] = np.nextafter(single[beyond], np.float32(0))
    single[np.abs(values) >= 2.0**128] = np.inf
    return np.copysign(single.astype(np.float64), values)


def _accumulator(element: str) -> MatrixFragment:
    rows = [_GROUP + 8 * (i // 2) for i in range(4)]
    return MatrixFragment(
        _stacked(rows), _stacked([2 * _MEMBER + i % 2 for i in range(4)]), element
    )


def _single_words(inner: int, element: str) -> tuple[MatrixFragment, MatrixFragment]:
    """A and B of 32-bit elements: 4 or 8 in a row of A."""
    count = inner // 2
    rows = [_GROUP + 8 * (i % 2) for i in range(count)]
    columns = [_MEMBER + 4 * (i // 2) for i in range(count)]
    inner_rows = [_MEMBER + 4 * i for i in range(count // 2)]
    b = MatrixFragment(_stacked(inner_rows), _stacked([_GROUP] * (count // 2)), element)
    return MatrixFragment(_stacked(rows), _stacked(columns), element), b


def _halves(inner: int, element: str) -> tuple[MatrixFragment, MatrixFragment]:
    """A and B of 16-bit elements: 8 or 16 in a row of A."""
    count = inner // 2
    rows = [_GROUP + 8 * (i // 2 % 2) for i in range(count)]
    columns = [2 * _MEMBER + i % 2 + 8 * (i // 4) for i in range(count)]
    inner_rows = [2 * _MEMBER + i % 2 + 8 * (i // 2) for i in range(count // 2)]
    b = MatrixFragment(_stacked(inner_rows), _stacked([_GROUP] * (count // 2)), element)
    return MatrixFragment(_stacked(rows), _stacked(columns), element), b


def _shape(inner: int, element: str, accumulator: str) -> MatrixShape:
    single = element == "tf32"
    a, b = (_single_words if single else _halves)(inner, element)
    return MatrixShape(a, b, _accumulator(accumulator), inner, 4 if single else 8)


_TYPES = {
    "f32.tf32.tf32.f32": ("tf32", "f32", (4, 8)),
    "f32.bf16.bf16.f32": ("bf16", "f32", (8, 16)),
    "f32.f16.f16.f32": ("f16", "f32", (8, 16)),
    "f16.f16.f16.f16": ("f16", "f16", (8, 16)),
}
SHAPES: dict[str, MatrixShape] = {
    f"m16n8k{inner}.row.col.{types}": _shape(inner, element, accumulator)
    for types, (element, accumulator, inners) in _TYPES.items()
    for inner in inners
}
"""By what stands behind ``mma.sync.aligned.``."""


def rows_to_fragment(rows: Any, *, transposed: bool) -> Words:
    """What each lane holds of matrices of 8 by 8 halves (PTX ISA, ``ldmatrix``).

    Args:
        rows: Halves by warp, matrix, row and column.
        transposed: Whether lanes hold columns in the place of rows.

    Returns:
        Words by warp, lane and matrix.
    """
    halves = rows.swapaxes(2, 3) if transposed else rows
    words = np.ascontiguousarray(halves).view(np.uint32)
    result: Words = words.reshape(len(rows), rows.shape[1], 32).swapaxes(1, 2)
    return result


def fragment_to_rows(words: Words, *, transposed: bool) -> NDArray[np.uint16]:
    """The reverse of `rows_to_fragment`."""
    count = words.shape[2]
    flat = np.ascontiguousarray(words.swapaxes(1, 2)).view(np.uint16)
    rows: NDArray[np.uint16] = flat.reshape(len(words), count, 8, 8)
    return np.ascontiguousarray(rows.swapaxes(2, 3)) if transposed else rows
