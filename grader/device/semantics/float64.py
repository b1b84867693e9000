"""f64: add, sub, mul, fma, div, rcp, sqrt in every rounding mode, neg, abs, copysign.

Exact (correctly rounded). To nearest it is the machine's own where that does; fused and directed
operations are computed here, in two ways. Lanes whose exponents leave room for the error terms go
through error-free transformations, vectorised. The others (near overflow or underflow) go through
Python integers, one lane at a time: slow, and exact.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grader.device.semantics.operation import (
    Builder,
    PtxModifiers,
    PtxOperation,
    from_function,
    from_ufunc,
)
from grader.device.semantics.rounding import (
    MODES,
    NAN,
    add_to_odd,
    canonical_nan,
    minus_zero_if_cancelled,
    two_sum,
)

_PRECISION = 53
_LEAST_EXPONENT = -1074
_SPLITTER = 2.0**27 + 1
_LARGEST = math.ldexp(2**53 - 1, 971)


def _round_integer(n: int, exponent: int, sticky: bool, mode: str) -> float:
    """``n * 2**exponent`` as binary64; ``sticky`` adds something below n's last bit.

    Args:
        n: Any integer except 0.
        exponent: Any.
        sticky: Whether the exact magnitude is a little more than ``abs(n)``;
            ``n`` then needs 55 bits or more.
        mode: ``rn``, ``rz``, ``rm`` or ``rp``.
    """
    negative, magnitude = n < 0, abs(n)
    target = max(magnitude.bit_length() + exponent - _PRECISION, _LEAST_EXPONENT)
    shift = target - exponent
    if shift <= 0:
        # `target` can be the least exponent, below n's own: nothing is dropped.
        kept, rest, half = magnitude << -shift, 0, 1
    else:
        kept, rest = magnitude >> shift, magnitude & ((1 << shift) - 1)
        half = 1 << (shift - 1)
    inexact = bool(rest or sticky)
    if mode == "rn":
        away = rest > half or (rest == half and (sticky or bool(kept & 1)))
    else:
        away = inexact and mode == ("rm" if negative else "rp")
    kept += away
    try:
        value = math.ldexp(kept, target)
    except OverflowError:
        towards_zero = mode == "rz" or mode == ("rp" if negative else "rm")
        value = _LARGEST if towards_zero else math.inf
    return -value if negative else value


def _as_integer(x: float) -> tuple[int, int]:
    """A finite ``x`` as ``(n, exponent)`` with ``x == n * 2**exponent``."""
    mantissa, exponent = math.frexp(x)
    return int(math.ldexp(mantissa, _PRECISION)), exponent - _PRECISION


def _fma_one(a: float, b: float, c: float, mode: str) -> float:
    """Finite operands; ``a`` and ``b`` not zero."""
    (na, ea), (nb, eb), (nc, ec) = _as_integer(a), _as_integer(b), _as_integer(c)
    product, exponent = na * nb, ea + eb
    if not nc:
        return _round_integer(product, exponent, False, mode)
    least = min(exponent, ec)
    total = (product << (exponent - least)) + (nc << (ec - least))
    if not total:
        return -0.0 if mode == "rm" else 0.0
    return _round_integer(total, least, False, mode)


def _div_one(a: float, b: float, mode: str) -> float:
    """Finite operands, neither zero."""
    (na, ea), (nb, eb) = _as_integer(a), _as_integer(b)
    shift = 2 * _PRECISION + 4
    quotient, rest = divmod(abs(na) << shift, abs(nb))
    signed = -quotient if (na < 0) != (nb < 0) else quotient
    return _round_integer(signed, ea - eb - shift, bool(rest), mode)


def _sqrt_one(a: float, mode: str) -> float:
    """A finite ``a`` above zero."""
    n, exponent = _as_integer(a)
    shift = 2 * _PRECISION + 4 + (exponent & 1)
    root = math.isqrt(n << shift)
    return _round_integer(root, (exponent - shift) // 2, root * root != n << shift, mode)


def _biased_exponent(x: Any) -> Any:
    return (x.view(np.int64) >> np.int64(52)) & np.int64(0x7FF)


def _between(x: Any, low: int, high: int) -> Any:
    return (x > low + 1023) & (x < high + 1023)


def _two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """``a * b`` rounded to nearest, and the exact error (Veltkamp, Dekker).

    Valid for exponents of the operands below 2**970 and of the product
    between 2**-960 and 2**1020.
    """
    product = a * b
    a_scaled, b_scaled = a * _SPLITTER, b * _SPLITTER
    a_high = a_scaled - (a_scaled - a)
    b_high = b_scaled - (b_scaled - b)
    a_low, b_low = a - a_high, b - b_high
    error = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return product, error


def _lanes(*values: Any) -> tuple[Any, ...]:
    """Broadcast to arrays of one length, at least one lane."""
    return tuple(np.broadcast_arrays(*(np.atleast_1d(value) for value in values)))


def _fused_multiply_add(a: Any, b: Any, c: Any, mode: str) -> Any:
    """``a * b + c`` rounded once, for all float64. NaN canonical."""
    a, b, c = _lanes(a, b, c)
    result, error = _fma_by_error_terms(a, b, c)
    result = _step(result, error, mode)
    if mode == "rm":
        # A result of zero here is an exact cancellation.
        result = np.where(result == 0, -0.0, result)
    ea, eb, ec = _biased_exponent(a), _biased_exponent(b), _biased_exponent(c)
    safe = _between(ea, -960, 960) & _between(eb, -960, 960)
    safe &= _between(ea + eb - 1023, -850, 990)
    safe &= (c == 0) | _between(ec, -850, 990)
    if not safe.all():
        special = ~(np.isfinite(a) & np.isfinite(b) & np.isfinite(c)) | (a == 0) | (b == 0)
        result = np.where(special, _fma_special(a, b, c, mode), result)
        for i in np.flatnonzero(~safe & ~special):
            result[i] = _fma_one(float(a[i]), float(b[i]), float(c[i]), mode)
    return np.where(np.isnan(result), NAN["f64"], result)


def _fma_by_error_terms(a: Any, b: Any, c: Any) -> tuple[Any, Any]:
    """To nearest, with a number of the sign of what is missing (Boldo and Melquiond)."""
    product, product_error = _two_product(a, b)
    low_sum, low_error = two_sum(c, product_error)
    high_sum, high_error = two_sum(product, low_sum)
    # An inexact tail has its last bit set, far below the sum: `rest` is then never 0.
    return two_sum(high_sum, add_to_odd(high_error, low_error))


def _fma_special(a: Any, b: Any, c: Any, mode: str) -> Any:
    """Where an operand is infinite or NaN, or a factor is zero."""
    product = a * b
    total = product + c
    if mode == "rm":
        total = minus_zero_if_cancelled(total, product, c)
    # A finite product may overflow here, but an infinite addend still wins.
    return np.where(np.isinf(c) & np.isfinite(a) & np.isfinite(b), c, total)


def _step(x: Any, error: Any, mode: str) -> Any:
    """From nearest to ``mode``; ``error`` has the sign of exact minus ``x``."""
    if mode == "rn":
        return x
    above, below = error < 0, error > 0
    if mode == "rz":
        above, below = above & (x > 0), below & (x < 0)
    down = np.where(above & (mode != "rp"), np.nextafter(x, -np.inf), x)
    return np.where(below & (mode != "rm"), np.nextafter(x, np.inf), down)


def _add(a: Any, b: Any, mode: str) -> Any:
    """``a + b`` rounded by ``mode``. NaN canonical."""
    a, b = _lanes(a, b)
    total, error = two_sum(a, b)
    result = _step(total, error, mode)
    if mode == "rm":
        result = minus_zero_if_cancelled(result, a, b)
    # Near the top the error terms themselves overflow.
    hard = (np.absolute(total) > 2.0**1020) & np.isfinite(a) & np.isfinite(b)
    for i in np.flatnonzero(hard):
        result[i] = _fma_one(float(a[i]), 1.0, float(b[i]), mode)
    return np.where(np.isnan(result), NAN["f64"], result)


def _multiply(a: Any, b: Any, mode: str) -> Any:
    """``a * b`` rounded by ``mode``. NaN canonical."""
    a, b = _lanes(a, b)
    product, error = _two_product(a, b)
    result = _step(product, error, mode)
    ordinary = np.isfinite(a) & np.isfinite(b) & (a != 0) & (b != 0)
    ea, eb = _biased_exponent(a), _biased_exponent(b)
    safe = _between(ea, -960, 960) & _between(eb, -960, 960)
    safe &= _between(ea + eb - 1023, -850, 990)
    result = np.where(ordinary, result, product)
    for i in np.flatnonzero(ordinary & ~safe):
        result[i] = _fma_one(float(a[i]), float(b[i]), 0.0, mode)
    return np.where(np.isnan(result), NAN["f64"], result)


def _divide(a: Any, b: Any, mode: str) -> Any:
    """``a / b`` rounded by ``mode``. NaN canonical."""
    a, b = _lanes(a, b)
    quotient = a / b
    result = quotient
    if mode != "rn":
        back, error = _two_product(quotient, b)
        missing = ((a - back) - error) * np.sign(b)
        ordinary = np.isfinite(a) & np.isfinite(b) & (a != 0) & (b != 0)
        result = np.where(ordinary, _step(quotient, missing, mode), quotient)
        ea, eb, eq = _biased_exponent(a), _biased_exponent(b), _biased_exponent(quotient)
        safe = _between(ea, -850, 960) & _between(eb, -850, 960) & _between(eq, -850, 960)
        for i in np.flatnonzero(ordinary & ~safe):
            result[i] = _div_one(float(a[i]), float(b[i]), mode)
    return np.where(np.isnan(result), NAN["f64"], result)


def _square_root(a: Any, mode: str) -> Any:
    """The square root rounded by ``mode``. NaN canonical."""
    (a,) = _lanes(a)
    root = np.sqrt(a)
    result = root
    if mode != "rn":
        back, error = _two_product(root, root)
        ordinary = np.isfinite(a) & (a > 0)
        result = np.where(ordinary, _step(root, (a - back) - error, mode), root)
        safe = _between(_biased_exponent(a), -850, 960)
        for i in np.flatnonzero(ordinary & ~safe):
            result[i] = _sqrt_one(float(a[i]), mode)
    return np.where(np.isnan(result), NAN["f64"], result)


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
            return _multiply(a, b, mode)
        return _add(a, -b if base == "sub" else b, mode)

    return from_function(m.opcode, function, ("f64", "f64"), "f64")


def _fma(m: PtxModifiers) -> PtxOperation | None:
    mode = m.take(*MODES)
    if not mode or not m.take("f64"):
        return None

    def function(a: Any, b: Any, c: Any) -> Any:
        return _fused_multiply_add(a, b, c, mode)

    return from_function(m.opcode, function, ("f64", "f64", "f64"), "f64")


def _div_rcp(m: PtxModifiers) -> PtxOperation | None:
    mode = m.take(*MODES)
    if not mode or not m.take("f64"):
        return None
    if m.base == "rcp":
        one = np.float64(1)
        return from_function(m.opcode, lambda a: _divide(one, a, mode), ("f64",), "f64")
    return from_function(m.opcode, lambda a, b: _divide(a, b, mode), ("f64", "f64"), "f64")


def _sqrt(m: PtxModifiers) -> PtxOperation | None:
    mode = m.take(*MODES)
    if not mode or not m.take("f64"):
        return None
    return from_function(m.opcode, lambda a: _square_root(a, mode), ("f64",), "f64")


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
