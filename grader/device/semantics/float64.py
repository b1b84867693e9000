"""f64: add, sub, mul, fma, div, rcp, sqrt in every rounding mode, neg, abs, copysign.

Exact (correctly rounded): the machine's own to nearest, `binary64` for the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics import binary64
from grader.device.semantics.operation import (
    Builder,
    PtxModifiers,
    PtxOperation,
    from_function,
    from_ufunc,
)
from grader.device.semantics.rounding import MODES, canonical_nan

_UFUNCS = {"add": np.add, "sub": np.subtract, "mul": np.multiply}


def _add_sub_mul(m: PtxModifiers) -> PtxOperation | None:
    mode = m.take(*MODES) or "rn"
    if not m.take("f64"):
        return None
    base, ufunc = m.base, _UFUNCS[m.base]

    def function(a: Any, b: Any) -> Any:
        if mode == "rn":
            return canonical_nan(ufunc(a, b), "f64")
        if base == "mul":
            return binary64.multiply(a, b, mode)
        return binary64.add(a, -b if base == "sub" else b, mode)

    return from_function(m.opcode, function, ("f64", "f64"), "f64")


def _fma(m: PtxModifiers) -> PtxOperation | None:
    mode = m.take(*MODES)
    if not mode or not m.take("f64"):
        return None

    def function(a: Any, b: Any, c: Any) -> Any:
        return binary64.fused_multiply_add(a, b, c, mode)

    return from_function(m.opcode, function, ("f64", "f64", "f64"), "f64")


def _div_rcp(m: PtxModifiers) -> PtxOperation | None:
    mode = m.take(*MODES)
    if not mode or not m.take("f64"):
        return None
    if m.base == "rcp":
        one = np.float64(1)
        return from_function(m.opcode, lambda a: binary64.divide(one, a, mode), ("f64",), "f64")
    return from_function(m.opcode, lambda a, b: binary64.divide(a, b, mode), ("f64", "f64"), "f64")


def _sqrt(m: PtxModifiers) -> PtxOperation | None:
    mode = m.take(*MODES)
    if not mode or not m.take("f64"):
        return None
    return from_function(m.opcode, lambda a: binary64.square_root(a, mode), ("f64",), "f64")


def _neg_abs(m: PtxModifiers) -> PtxOperation | None:
    if not m.take("f64"):
        return None
    ufunc = np.negative if m.base == "neg" else np.absolute
    return from_ufunc(m.opcode, ufunc, ("f64",), "f64")


def _copysign(m: PtxModifiers) -> PtxOperation | None:
    """The sign of the first source on the magnitude of the second."""
    kind = m.take("f32", "f64")
    if not kind:
        return None
    return from_function(m.opcode, lambda a, b: np.copysign(b, a), (kind, kind), kind)


BUILDERS: dict[str, tuple[Builder, ...]] = {
    "add": (_add_sub_mul,),
    "sub": (_add_sub_mul,),
    "mul": (_add_sub_mul,),
    "fma": (_fma,),
    "mad": (_fma,),
    "div": (_div_rcp,),
    "rcp": (_div_rcp,),
    "sqrt": (_sqrt,),
    "neg": (_neg_abs,),
    "abs": (_neg_abs,),
    "copysign": (_copysign,),
}
