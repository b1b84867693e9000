"""setp, set, selp, slct, testp (PTX ISA, "Comparison and Selection"), and min and max. All exact.

The interpreter negates a negated predicate before it passes it.

Of min and max of floating-point values: a NaN loses against a number unless ``.NaN`` is given; two
NaN give the canonical NaN; -0.0 is less than +0.0. ``.xorsign.abs`` compares magnitudes and gives
the result the exclusive or of the signs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics.operation import (
    BITS,
    DTYPES,
    INTEGERS,
    UNSIGNED,
    Array,
    Builder,
    Function,
    PtxModifiers,
    PtxOperation,
    Value,
    Where,
    dtypes,
    from_function,
    split16,
    store,
)
from grader.device.semantics.rounding import (
    HALVES,
    MIN_NORMAL,
    NAN,
    canonical_nan,
    flush,
    lift,
    widen,
)

_ORDERED: dict[str, np.ufunc] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_UNSIGNED_NAMES = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}
# True for a NaN operand: the negation of the opposite ordered comparison.
_UNORDERED = {"equ": "ne", "neu": "eq", "ltu": "ge", "leu": "gt", "gtu": "le", "geu": "lt"}
_OPERATORS = (*_ORDERED, *_UNSIGNED_NAMES, *_UNORDERED, "num", "nan")
_COMBINE = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}
_FLOATS = ("f32", "f64", *HALVES)


def _float_comparison(operator: str) -> Function:
    if operator in ("num", "nan"):

        def number(a: Any, b: Any) -> Any:
            unordered = np.isnan(a) | np.isnan(b)
            return unordered if operator == "nan" else ~unordered

        return number
    if operator in _UNORDERED:
        # `neu` is `ne` of IEEE, which is true for NaN; so is not-equal of NumPy.
        opposite = _ORDERED[_UNORDERED[operator]]
        if operator == "equ":
            return lambda a, b: (a == b) | np.isnan(a) | np.isnan(b)
        return lambda a, b: ~opposite(a, b)
    if operator == "ne":
        return lambda a, b: (a < b) | (a > b)
    return _ORDERED[operator]


def comparison(operator: str, kind: str, ftz: bool) -> Function | None:
    """A comparison of two values of ``kind`` (not a pair), or None if PTX has none.

    Returns:
        A function from two arrays to one of bool; a ufunc wherever one will do.
    """
    if kind in INTEGERS + BITS:
        allowed = ("eq", "ne") if kind in BITS else tuple(_ORDERED)
        if kind in UNSIGNED:
            allowed += tuple(_UNSIGNED_NAMES)
        if ftz or operator not in allowed:
            return None
        return _ORDERED[_UNSIGNED_NAMES.get(operator, operator)]
    if operator in _UNSIGNED_NAMES or (ftz and kind not in ("f32", "f16")):
        return None
    compare = _float_comparison(operator)
    if ftz:
        return lambda a, b: compare(flush(a, kind), flush(b, kind))
    if kind == "bf16":
        return lambda a, b: compare(widen(a, kind), widen(b, kind))
    return compare


def _setp(m: PtxModifiers) -> PtxOperation | None:
    operator = m.take(*_OPERATORS)
    combine = m.take(*_COMBINE)
    ftz = m.flag("ftz")
    kind = m.take(*INTEGERS, *BITS, *_FLOATS)
    element = kind.removesuffix("x2")
    compare = comparison(operator, element, ftz) if kind and operator else None
    if compare is None:
        return None
    sources = (kind, kind, "pred") if combine else (kind, kind)
    if kind.endswith("x2"):
        return _setp_pair(m.opcode, compare, combine, sources)
    ufunc = compare if isinstance(compare, np.ufunc) and not combine else None

    def apply(out: tuple[Array, ...], src: tuple[Value, ...], where: Where) -> None:
        if ufunc is not None and where is True and len(out) == 1:
            ufunc(*src, out=out[0])
            return
        truth = compare(src[0], src[1])
        results = [truth, np.logical_not(truth)][: len(out)]
        if combine:
            results = [_COMBINE[combine](result, src[2]) for result in results]
        for destination, result in zip(out, results, strict=True):
            store(destination, result, where)

    return PtxOperation(m.opcode, dtypes(sources), dtypes(("pred", "pred")), apply, "exact", 1)


def _setp_pair(
    opcode: str, compare: Function, combine: str, sources: tuple[str, ...]
) -> PtxOperation:
    """The first predicate for the low halves, the second for the high ones."""
    half = DTYPES[sources[0].removesuffix("x2")]

    def apply(out: tuple[Array, ...], src: tuple[Value, ...], where: Where) -> None:
        halves = zip(split16(src[0], half), split16(src[1], half), strict=True)
        results = [compare(a, b) for a, b in halves]
        if combine:
            results = [_COMBINE[combine](result, src[2]) for result in results]
        for destination, result in zip(out, results, strict=True):
            store(destination, result, where)

    return PtxOperation(opcode, dtypes(sources), dtypes(("pred", "pred")), apply)


def _set(m: PtxModifiers) -> PtxOperation | None:
    """All ones (integer) or 1.0 (f32) for true, else zero."""
    operator = m.take(*_OPERATORS)
    combine = m.take(*_COMBINE)
    ftz = m.flag("ftz")
    result_kind = m.take("u32", "s32", "f32")
    kind = m.take(*INTEGERS, *BITS, "f32", "f64")
    compare = comparison(operator, kind, ftz) if result_kind and kind and operator else None
    if compare is None:
        return None
    dtype = DTYPES[result_kind]
    true, false = dtype.type(1.0), dtype.type(0)
    if result_kind != "f32":
        true = np.uint32(0xFFFFFFFF).view(dtype)

    def function(a: Any, b: Any, c: Any = None) -> Any:
        truth = compare(a, b)
        if combine:
            truth = _COMBINE[combine](truth, c)
        return np.where(truth, true, false)

    sources = (kind, kind, "pred") if combine else (kind, kind)
    return from_function(m.opcode, function, sources, result_kind)


def _selp(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take(*BITS, *INTEGERS, "f32", "f64")
    if not kind:
        return None

    def function(a: Any, b: Any, c: Any) -> Any:
        return np.where(c, a, b)

    return from_function(m.opcode, function, (kind, kind, "pred"), kind)


def _slct(m: PtxModifiers) -> PtxOperation | None:
    """``c >= 0 ? a : b``; a NaN selects b, -0.0 selects a."""
    ftz = m.flag("ftz")
    kind = m.take(*BITS, *INTEGERS, "f32", "f64")
    selector = m.take("s32", "f32")
    if not kind or not selector or (ftz and selector != "f32"):
        return None

    def function(a: Any, b: Any, c: Any) -> Any:
        return np.where((flush(c, "f32") if ftz else c) >= 0, a, b)

    return from_function(m.opcode, function, (kind, kind, selector), kind)


def _testp(m: PtxModifiers) -> PtxOperation | None:
    """Zeros count as normal numbers, as the manual says."""
    test = m.take("finite", "infinite", "number", "notanumber", "normal", "subnormal")
    kind = m.take("f32", "f64")
    if not test or not kind:
        return None
    least = MIN_NORMAL[kind]

    def subnormal(a: Any) -> Any:
        return (np.absolute(a) < least) & (a != 0)

    tests: dict[str, Function] = {
        "finite": np.isfinite,
        "infinite": np.isinf,
        "number": lambda a: a == a,
        "notanumber": np.isnan,
        "normal": lambda a: np.isfinite(a) & ~subnormal(a),
        "subnormal": subnormal,
    }
    return from_function(m.opcode, tests[test], (kind,), "pred")


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


BUILDERS: dict[str, tuple[Builder, ...]] = {
    "setp": (_setp,),
    "set": (_set,),
    "selp": (_selp,),
    "slct": (_slct,),
    "testp": (_testp,),
    "min": (_min_max,),
    "max": (_min_max,),
}
