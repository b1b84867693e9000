"""min and max of floating-point values (exact).

A NaN loses against a number unless ``.NaN`` is given; two NaN give the
canonical NaN; -0.0 is less than +0.0. ``.xorsign.abs`` compares magnitudes and
gives the result the exclusive or of the signs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics.half import lift
from grader.device.semantics.operation import Builder, PtxModifiers, PtxOperation, from_function
from grader.device.semantics.rounding import NAN, canonical_nan, flush


def _min_max(m: PtxModifiers) -> PtxOperation | None:
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
        if element == "bf16":
            return _bf16(_extreme(_f32(a), _f32(b), largest, nan_wins, xorsign))
        return canonical_nan(_extreme(a, b, largest, nan_wins, xorsign), element)

    return from_function(m.opcode, lift(kind, function), (kind, kind), kind)


_UFUNCS = {
    (False, False): np.fmin,
    (False, True): np.minimum,
    (True, False): np.fmax,
    (True, True): np.maximum,
}
"""By whether the maximum is wanted and whether a NaN wins."""


def _extreme(a: Any, b: Any, largest: bool, nan_wins: bool, xorsign: bool) -> Any:
    if xorsign:
        sign = np.signbit(a) != np.signbit(b)
        result = _UFUNCS[largest, nan_wins](np.absolute(a), np.absolute(b))
        return np.where(sign, -result, result)
    result = _UFUNCS[largest, nan_wins](a, b)
    zeros = (a == 0) & (b == 0)
    if zeros.any():
        # NumPy leaves the sign open: +0 wins a sum of zeros, -0 a negated one.
        signed = a + b if largest else -((-a) + (-b))
        result = np.where(zeros, signed, result)
    return result


def _f32(bf16: Any) -> Any:
    return (bf16.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _bf16(f32: Any) -> Any:
    bits = (f32.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
    return np.where(np.isnan(f32), NAN["bf16"], bits)


BUILDERS: dict[str, tuple[Builder, ...]] = {"min": (_min_max,), "max": (_min_max,)}
