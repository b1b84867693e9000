"""f16 and bf16, alone and in pairs (f16x2, bf16x2): add, sub, mul, fma, neg, abs.

Exact: computed in float64 rounded to odd, then rounded once to the 8 or 11 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics.operation import (
    DTYPES,
    Builder,
    Function,
    PtxModifiers,
    PtxOperation,
    from_function,
    join16,
    split16,
)
from grader.device.semantics.rounding import (
    add_to_odd,
    flush,
    flushed_after_rounding,
    narrow,
    relu,
    saturate,
)

HALVES = ("f16", "f16x2", "bf16", "bf16x2")


def widen(x: Any, kind: str) -> Any:
    """f16 (as float16) or bf16 (as uint16) to float64, exactly."""
    if kind == "bf16":
        return (x.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
    return x.astype(np.float64)


def lift(kind: str, function: Function) -> Function:
    """``function`` on 16-bit values as a function on ``kind``, which may be a pair."""
    if not kind.endswith("x2"):
        return function
    half = DTYPES[kind[:-2]]

    def on_pairs(*sources: Any) -> Any:
        lows, highs = zip(*(split16(x, half) for x in sources), strict=True)
        return join16(function(*lows), function(*highs))

    return on_pairs


def _operation(m: PtxModifiers, kind: str, function: Function, count: int) -> PtxOperation:
    return from_function(m.opcode, lift(kind, function), (kind,) * count, kind)


def _arithmetic(m: PtxModifiers) -> PtxOperation | None:
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
        return _finish(_sum_or_product(m.base, element, values), element, ftz, sat, clamp)

    return _operation(m, kind, function, 3 if fused else 2)


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


def _finish(exact: Any, kind: str, ftz: bool, sat: bool, clamp: bool) -> Any:
    if sat:
        exact = saturate(exact)
    if clamp:
        exact = relu(exact)
    result = narrow(exact, kind, "rn")
    return flushed_after_rounding(exact, result, kind, "rn") if ftz else result


def _neg_abs(m: PtxModifiers) -> PtxOperation | None:
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

    return _operation(m, kind, function, 1)


BUILDERS: dict[str, tuple[Builder, ...]] = {
    "add": (_arithmetic,),
    "sub": (_arithmetic,),
    "mul": (_arithmetic,),
    "fma": (_arithmetic,),
    "neg": (_neg_abs,),
    "abs": (_neg_abs,),
}
