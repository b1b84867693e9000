"""min and max of floating-point values (exact).

A NaN loses against a number unless ``.NaN`` is given; two NaN give the
canonical NaN; -0.0 is less than +0.0. ``.xorsign.abs`` compares magnitudes and
gives the result the exclusive or of the signs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics.half import lift
from grader.device.semantics.operation import Builder, Modifiers, Operation, from_function
from grader.device.semantics.rounding import NAN, flush
from grader.device.semantics.scalar_types import DTYPES

_SIGN = {2: np.uint16(0x8000), 4: np.uint32(0x80000000), 8: np.uint64(1 << 63)}
_UNSIGNED = {2: np.uint16, 4: np.uint32, 8: np.uint64}


def _min_max(m: Modifiers) -> Operation | None:
    ftz, nan_wins = m.flag("ftz"), m.flag("NaN")
    xorsign = m.flag("xorsign")
    if xorsign and not m.flag("abs"):
        return None
    kind = m.take("f32", "f64", "f16", "f16x2", "bf16", "bf16x2")
    element = kind.removesuffix("x2")
    if not kind or (kind == "f64" and (ftz or nan_wins or xorsign)):
        return None
    if element == "bf16" and ftz:
        return None
    largest = m.base == "max"

    def function(a: Any, b: Any) -> Any:
        if ftz:
            a, b = flush(a, element), flush(b, element)
        return _extreme(a, b, element, largest, nan_wins, xorsign)

    return from_function(m.opcode, lift(kind, function), (kind, kind), kind)


def _extreme(a: Any, b: Any, kind: str, largest: bool, nan_wins: bool, xorsign: bool) -> Any:
    size = DTYPES[kind].itemsize
    unsigned, sign = _UNSIGNED[size], _SIGN[size]
    a_bits, b_bits = a.view(unsigned), b.view(unsigned)
    signs = (a_bits ^ b_bits) & sign
    if xorsign:
        a_bits, b_bits = a_bits & ~sign, b_bits & ~sign
    # With negative patterns inverted, unsigned order of the bits is numeric order.
    a_key = np.where(a_bits & sign, ~a_bits, a_bits | sign)
    b_key = np.where(b_bits & sign, ~b_bits, b_bits | sign)
    a_wins = a_key > b_key if largest else a_key < b_key
    a_nan, b_nan = _is_nan(a_bits, kind), _is_nan(b_bits, kind)
    result = np.where((a_wins & ~a_nan) | b_nan, a_bits, b_bits)
    if xorsign:
        result = result | signs
    no_number = (a_nan | b_nan) if nan_wins else (a_nan & b_nan)
    return np.where(no_number, NAN[kind].view(unsigned), result).view(DTYPES[kind])


_INFINITY = {
    "f16": np.uint16(0x7C00),
    "bf16": np.uint16(0x7F80),
    "f32": np.uint32(0x7F800000),
    "f64": np.uint64(0x7FF << 52),
}


def _is_nan(bits: Any, kind: str) -> Any:
    return (bits & ~_SIGN[bits.dtype.itemsize]) > _INFINITY[kind]


BUILDERS: dict[str, tuple[Builder, ...]] = {"min": (_min_max,), "max": (_min_max,)}
