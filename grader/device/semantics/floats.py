"""f32, f16 and bf16: add, sub, mul, fma, neg, abs; of f32 also div, rcp and sqrt.

Halves come alone and in pairs (f16x2, bf16x2). All is exact (correctly rounded): sums and products
of f32 to nearest are the machine's own; the rest is computed in float64 rounded to odd, then
rounded once (`grader.device.semantics.rounding`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics.operation import (
    DTYPES,
    Array,
    Builder,
    Function,
    PtxModifiers,
    PtxOperation,
    Value,
    Where,
    from_function,
    store,
)
from grader.device.semantics.rounding import (
    HALVES,
    MODES,
    NAN,
    add_to_odd,
    canonical_nan,
    flush,
    flushed_after_rounding,
    lift,
    minus_zero_if_cancelled,
    narrow,
    relu,
    saturate,
    widen,
)

_UFUNCS = {"add": np.add, "sub": np.subtract, "mul": np.multiply}
_F32 = DTYPES["f32"]


def _add_sub_mul(m: PtxModifiers) -> PtxOperation | None:
    mode, ftz, sat = m.take(*MODES) or "rn", m.flag("ftz"), m.flag("sat")
    if not m.take("f32"):
        return None
    if mode == "rn" and not ftz and not sat:
        return _native(m.opcode, _UFUNCS[m.base])
    base, ufunc = m.base, _UFUNCS[m.base]

    def function(a: Any, b: Any) -> Any:
        if ftz:
            a, b = flush(a, "f32"), flush(b, "f32")
        if mode == "rn" and not sat:
            result = canonical_nan(ufunc(a, b), "f32")
            if not _any_tiny(result):
                return result
        exact = _exact_sum_or_product(base, mode, a.astype(np.float64), b.astype(np.float64))
        return _finish(exact, mode, ftz, sat)

    return from_function(m.opcode, function, ("f32", "f32"), "f32")


def _native(opcode: str, ufunc: np.ufunc) -> PtxOperation:
    def apply(out: tuple[Array, ...], src: tuple[Value, ...], where: Where) -> None:
        if where is True:
            ufunc(*src, out=out[0])
            nan = np.isnan(out[0])
            if nan.any():
                out[0][nan] = NAN["f32"]
        else:
            store(out[0], canonical_nan(ufunc(*src), "f32"), where)

    return PtxOperation(opcode, (_F32, _F32), (_F32,), apply)


def _exact_sum_or_product(base: str, mode: str, a: Any, b: Any) -> Any:
    """In float64, rounded to odd: a product of two f32 has 48 bits and is exact."""
    if base == "mul":
        return a * b
    if base == "sub":
        b = -b
    total = add_to_odd(a, b)
    return minus_zero_if_cancelled(total, a, b) if mode == "rm" else total


def _any_tiny(x: Any) -> Any:
    """Whether ``.ftz`` could matter: any result not zero, not above the least normal."""
    doubled = x.view(np.uint32) << _ONE
    return ((doubled - _ONE) < _LEAST_NORMAL_TWICE).any()


def _finish(exact: Any, mode: str, ftz: bool, sat: bool) -> Any:
    result = narrow(exact, "f32", mode)
    if ftz:
        result = flushed_after_rounding(exact, result, "f32", mode)
    return saturate(result) if sat else result


def _fma(m: PtxModifiers) -> PtxOperation | None:
    """``fma``, and ``mad``, which is the same thing from sm_20 on."""
    mode, ftz, sat = m.take(*MODES), m.flag("ftz"), m.flag("sat")
    if not mode or not m.take("f32"):
        return None
    if mode == "rn" and not ftz and not sat:
        return from_function(m.opcode, fma_nearest, ("f32", "f32", "f32"), "f32")

    def function(a: Any, b: Any, c: Any) -> Any:
        if ftz:
            a, b, c = flush(a, "f32"), flush(b, "f32"), flush(c, "f32")
        if mode == "rn" and not sat:
            result = fma_nearest(a, b, c)
            if not _any_tiny(result):
                return result
        return _finish(_fma_to_odd(a, b, c, mode), mode, ftz, sat)

    return from_function(m.opcode, function, ("f32", "f32", "f32"), "f32")


def _fma_to_odd(a: Any, b: Any, c: Any, mode: str) -> Any:
    product = a.astype(np.float64) * b
    addend = c.astype(np.float64)
    total = add_to_odd(product, addend)
    return minus_zero_if_cancelled(total, product, addend) if mode == "rm" else total


_TAIL = np.uint32(0x1FFFFFFF)
_TIE = np.uint32(0x10000000)
_LEAST_NORMAL_TWICE = np.uint32(0x01000000)
_ONE = np.uint32(1)


def fma_nearest(a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` with one rounding to nearest even. f32 in, f32 out.

    The product is exact in float64; the sum is rounded there once. A second
    rounding goes wrong only where the float64 sum lies exactly half way between
    two f32: a normal f32 drops 29 bits, which must then read 1000...; subnormal
    results drop more. Only those lanes are done again, rounded to odd.
    """
    total = np.multiply(a, b, dtype=np.float64) + c
    result = total.astype(np.float32)
    bits = total.view(np.uint64).astype(np.uint32)
    suspect = (bits & _TAIL) == _TIE
    # Doubled to drop the sign; 0 - 1 wraps, so that zeros are no suspects.
    doubled = result.view(np.uint32) << _ONE
    suspect |= (doubled - _ONE) < _LEAST_NORMAL_TWICE
    if suspect.any():
        exact = _fma_to_odd(a, b, c, "rn")
        result = np.where(suspect, exact.astype(np.float32), result)
    return canonical_nan(result, "f32")


def _div(m: PtxModifiers) -> PtxOperation | None:
    mode, ftz = m.take(*MODES), m.flag("ftz")
    if not mode or not m.take("f32"):
        return None

    def function(a: Any, b: Any) -> Any:
        return divide(a, b, mode, ftz)

    return from_function(m.opcode, function, ("f32", "f32"), "f32")


def _rcp(m: PtxModifiers) -> PtxOperation | None:
    mode, ftz = m.take(*MODES), m.flag("ftz")
    if not mode or not m.take("f32"):
        return None

    def function(a: Any) -> Any:
        return divide(np.float32(1), a, mode, ftz)

    return from_function(m.opcode, function, ("f32",), "f32")


def divide(a: Any, b: Any, mode: str, ftz: bool) -> Any:
    """``a / b`` rounded once. A quotient is never within one rounding of tiny."""
    if ftz:
        a, b = flush(a, "f32"), flush(b, "f32")
    quotient = a / b
    if mode != "rn":
        # quotient * b is exact in float64, so comparing it with a is exact, too.
        back, wide = quotient.astype(np.float64) * b, a.astype(np.float64)
        positive = b > 0
        above = np.where(positive, back > wide, back < wide)
        below = np.where(positive, back < wide, back > wide)
        quotient = step_towards(quotient, above, below, mode)
    if ftz:
        quotient = flush(quotient, "f32")
    return canonical_nan(quotient, "f32")


def _sqrt(m: PtxModifiers) -> PtxOperation | None:
    mode, ftz = m.take(*MODES), m.flag("ftz")
    if not mode or not m.take("f32"):
        return None

    def function(a: Any) -> Any:
        if ftz:
            a = flush(a, "f32")
        root = np.sqrt(a)
        if mode != "rn":
            back = root.astype(np.float64) * root
            root = step_towards(root, back > a, back < a, mode)
        return canonical_nan(root, "f32")

    return from_function(m.opcode, function, ("f32",), "f32")


def step_towards(x: Any, above: Any, below: Any, mode: str) -> Any:
    """Turn a value rounded to nearest into one rounded by ``mode``.

    Args:
        x: Rounded to nearest; f32 or f64.
        above: Where ``x`` is above the exact value.
        below: Where ``x`` is below the exact value.
    """
    to = x.dtype.type
    if mode == "rz":
        above, below = above & (x > 0), below & (x < 0)
    down = np.where(above & (mode != "rp"), np.nextafter(x, to(-np.inf)), x)
    return np.where(below & (mode != "rm"), np.nextafter(x, to(np.inf)), down)


def _neg_abs(m: PtxModifiers) -> PtxOperation | None:
    """The sign bit alone; a NaN keeps its payload (unspecified in the manual)."""
    ftz = m.flag("ftz")
    if not m.take("f32"):
        return None
    ufunc = np.negative if m.base == "neg" else np.absolute

    def apply(out: tuple[Array, ...], src: tuple[Value, ...], where: Where) -> None:
        store(out[0], ufunc(flush(src[0], "f32") if ftz else src[0]), where)

    return PtxOperation(m.opcode, (_F32,), (_F32,), apply)


def _half_operation(m: PtxModifiers, kind: str, function: Function, count: int) -> PtxOperation:
    return from_function(m.opcode, lift(kind, function), (kind,) * count, kind)


def _half_arithmetic(m: PtxModifiers) -> PtxOperation | None:
    fused = m.base == "fma"
    rounding = m.flag("rn")
    ftz = m.flag("ftz")
    sat = m.flag("sat")
    clamp = fused and m.flag("relu")
    kind = m.take(*HALVES)
    element = kind.removesuffix("x2")
    if not kind or (fused and not rounding) or (sat and clamp):
        return None
    if element == "bf16" and (ftz or sat):
        return None

    def function(*sources: Any) -> Any:
        values = [widen(x, element) for x in sources]
        if ftz:
            values = [_flush_wide(x, element) for x in values]
        return _finish_half(_sum_or_product(m.base, element, values), element, ftz, sat, clamp)

    return _half_operation(m, kind, function, 3 if fused else 2)


def _flush_wide(x: Any, kind: str) -> Any:
    return flush(x.astype(DTYPES[kind]), kind).astype(np.float64)


def _sum_or_product(base: str, kind: str, values: list[Any]) -> Any:
    """In float64, such that rounding it to nearest in ``kind`` is the one rounding.

    Products of halves have 22 bits or fewer and are exact. A float64 sum of two
    halves is inexact only where they are 2**40 apart and more, where it can't
    come near the middle between two halves; so is that of an f16 product and
    an f16. A bf16 product can itself lie in the middle, and needs round to odd.
    """
    if base == "mul":
        return values[0] * values[1]
    if base == "fma":
        product = values[0] * values[1]
        return add_to_odd(product, values[2]) if kind == "bf16" else product + values[2]
    return values[0] - values[1] if base == "sub" else values[0] + values[1]


def _finish_half(exact: Any, kind: str, ftz: bool, sat: bool, clamp: bool) -> Any:
    if sat:
        exact = saturate(exact)
    if clamp:
        exact = relu(exact)
    result = narrow(exact, kind, "rn")
    return flushed_after_rounding(exact, result, kind, "rn") if ftz else result


def _neg_abs_half(m: PtxModifiers) -> PtxOperation | None:
    """The sign bit alone; a NaN keeps its payload (unspecified in the manual)."""
    ftz = m.flag("ftz")
    kind = m.take(*HALVES)
    element = kind.removesuffix("x2")
    if not kind or (ftz and element == "bf16"):
        return None
    negate = m.base == "neg"

    def function(a: Any) -> Any:
        if ftz:
            a = flush(a, element)
        bits = a.view(np.uint16)
        bits = bits ^ np.uint16(0x8000) if negate else bits & np.uint16(0x7FFF)
        return bits.view(DTYPES[element])

    return _half_operation(m, kind, function, 1)


BUILDERS: dict[str, tuple[Builder, ...]] = {
    "add": (_add_sub_mul, _half_arithmetic),
    "sub": (_add_sub_mul, _half_arithmetic),
    "mul": (_add_sub_mul, _half_arithmetic),
    "fma": (_fma, _half_arithmetic),
    "mad": (_fma,),
    "div": (_div,),
    "rcp": (_rcp,),
    "sqrt": (_sqrt,),
    "neg": (_neg_abs, _neg_abs_half),
    "abs": (_neg_abs, _neg_abs_half),
}
