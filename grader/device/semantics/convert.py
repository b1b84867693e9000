"""cvt and cvt.pack (PTX ISA, "cvt"). Exact.

Destinations and sources of 8 bits are ``int8``/``uint8`` here; registers are
wider, and extending the result by the destination's sign is the interpreter's.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from grader.device.semantics.operation import (
    DTYPES,
    Builder,
    Function,
    PtxModifiers,
    PtxOperation,
    bits_of,
    from_function,
    join16,
)
from grader.device.semantics.rounding import (
    MODES,
    flush,
    flushed_after_rounding,
    narrow,
    narrow_f32,
    relu,
    saturate,
    to_odd,
    widen,
)

_INTEGERS: Final = ("u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64")
_FLOATS: Final = ("f16", "bf16", "f32", "f64")
_TO_INTEGRAL: Final[dict[str, np.ufunc]] = {
    "rni": np.rint,
    "rzi": np.trunc,
    "rmi": np.floor,
    "rpi": np.ceil,
}
_PRECISION: Final = {"bf16": 8, "f16": 11, "f32": 24, "f64": 53}


def _limits(kind: str) -> tuple[int, int]:
    bits = bits_of(kind)
    return (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _cvt(m: PtxModifiers) -> PtxOperation | None:
    rounding = m.take(*MODES, *_TO_INTEGRAL)
    ftz, sat = m.flag("ftz"), m.flag("sat")
    to, source = m.take(*_INTEGERS, *_FLOATS), m.take(*_INTEGERS, *_FLOATS)
    if not to or not source or (ftz and "f32" not in (to, source)):
        return None
    if "bf16" in (to, source) and (sat or {to, source} & {"u8", "s8"}):
        return None
    function: Function | None
    if to in _INTEGERS and source in _INTEGERS:
        function = None if rounding or ftz else _integer_to_integer(to, source, sat)
    elif to in _INTEGERS:
        function = _float_to_integer(to, source, rounding, ftz)
    elif source in _INTEGERS:
        # An integer is never subnormal, so `.ftz` changes nothing here.
        function = _integer_to_float(to, source, rounding, sat)
    else:
        function = _float_to_float(to, source, rounding, ftz, sat)
    return from_function(m.opcode, function, (source,), to) if function else None


def _integer_to_integer(to: str, source: str, sat: bool) -> Function | None:
    dtype = DTYPES[to]
    if not sat:
        return lambda a: a.astype(dtype)
    (low, high), (source_low, source_high) = _limits(to), _limits(source)
    low, high = max(low, source_low), min(high, source_high)
    if (low, high) == (source_low, source_high):
        return None  # PTX has no .sat where nothing can be out of range

    def function(a: Any) -> Any:
        kept = np.minimum(np.maximum(a, a.dtype.type(low)), a.dtype.type(high))
        return kept.astype(dtype)

    return function


def _float_to_integer(to: str, source: str, rounding: str, ftz: bool) -> Function | None:
    """Out of range is clamped, with or without ``.sat``.

    NaN gives 0, but from f64, or to a 64-bit integer, only the top bit (PTX ISA, cvt).
    """
    if rounding not in _TO_INTEGRAL or (ftz and source != "f32"):
        return None
    to_integral, dtype = _TO_INTEGRAL[rounding], DTYPES[to]
    low, high = _limits(to)
    at_nan = 0
    if source == "f64" or bits_of(to) == 64:
        at_nan = low if to[0] == "s" else 1 << (bits_of(to) - 1)
    beyond = float(high + 1)

    def function(a: Any) -> Any:
        value = to_integral(widen(flush(a, "f32") if ftz else a, source))
        over, under, nan = value >= beyond, value < low, value != value
        safe = np.where(over | under | nan, 0.0, value).astype(dtype)
        safe = np.where(over, dtype.type(high), np.where(under, dtype.type(low), safe))
        return np.where(nan, dtype.type(at_nan), safe)

    return function


def _integer_to_float(to: str, source: str, rounding: str, sat: bool) -> Function | None:
    if rounding not in MODES:
        return None

    def function(a: Any) -> Any:
        if bits_of(source) < 64:
            result = narrow(a.astype(np.float64), to, rounding)
        elif to == "f64":
            result = _wide_integer(a, rounding)
        else:
            result = narrow(_wide_integer(a, "odd"), to, rounding)
        return saturate(result) if sat else result

    return function


def _wide_integer(a: Any, mode: str) -> Any:
    """A 64-bit integer as float64, rounded by ``mode`` or to ``odd``."""
    negative = a < 0
    # The magnitude of the least s64 is its own bit pattern as u64.
    magnitude = np.where(negative, -a, a).view(np.uint64)
    # Above 2**53 some of the low 11 bits go; both parts are exact in float64.
    low = magnitude & np.uint64(0x7FF)
    high = (magnitude - low).astype(np.float64)
    tail = low.astype(np.float64)
    total = high + tail
    error = tail - (total - high)
    if mode == "odd":
        total = to_odd(total, error)
    elif mode != "rn":
        up = np.where(negative, mode == "rm", mode == "rp")
        total = np.where(up & (error > 0), np.nextafter(total, np.inf), total)
        total = np.where(~up & (error < 0), np.nextafter(total, 0.0), total)
    return np.where(negative, -total, total)


def _float_to_float(to: str, source: str, rounding: str, ftz: bool, sat: bool) -> Function | None:
    if not _rounding_allowed(to, source, rounding):
        return None
    if to == source and not rounding and not ftz and not sat:
        return lambda a: a.copy()
    mode = rounding if rounding in MODES else "rn"

    def function(a: Any) -> Any:
        # On the way to f16 a GPU (H200) rounds a subnormal by the mode, .ftz or not.
        if ftz and source == "f32" and to != "f16":
            a = flush(a, "f32")
        if source == "f32" and to in ("f16", "bf16"):
            result = narrow_f32(a, to, mode)
            return saturate(result) if sat else result
        value = widen(a, source)
        if rounding in _TO_INTEGRAL:
            value = _TO_INTEGRAL[rounding](value)
        result = narrow(value, to, mode)
        if ftz and to == "f32" and source == "f64":
            result = flushed_after_rounding(value, result, "f32", mode)
        elif ftz and source == "bf16":
            result = flush(result, "f32")  # what is subnormal in bf16 is in f32
        return saturate(result) if sat else result

    return function


def _rounding_allowed(to: str, source: str, rounding: str) -> bool:
    """PTX wants a rounding mode where the result can be inexact, and none elsewhere."""
    if to == source:
        return not rounding or rounding in _TO_INTEGRAL
    exact = _PRECISION[to] > _PRECISION[source] and to != "f16" and source != "f16"
    exact = exact or (source == "f16" and to in ("f32", "f64"))
    if exact:
        return not rounding or (source == "bf16" and rounding in MODES)
    return rounding in MODES


def _cvt_half(m: PtxModifiers) -> PtxOperation | None:
    """f32 to f16, bf16 or tf32 with ``.relu``, and two f32 packed into a pair."""
    rounding = m.take("rn", "rz", "rna")
    first = m.flag("relu")
    finite = m.flag("satfinite")
    to = m.take("f16", "bf16", "f16x2", "bf16x2", "tf32")
    if not rounding or not to or not m.take("f32") or finite:
        return None
    if (to == "tf32") != (rounding == "rna") and not (to == "tf32" and rounding in ("rn", "rz")):
        return None
    if first and rounding == "rna":
        return None
    element = to.removesuffix("x2")

    def convert(a: Any) -> Any:
        return narrow_f32(relu(a) if first else a, element, rounding)

    if to == element:
        return from_function(m.opcode, convert, ("f32",), to)

    def pack(a: Any, b: Any) -> Any:
        return join16(convert(b), convert(a))

    return from_function(m.opcode, pack, ("f32", "f32"), to)


def _cvt_pack(m: PtxModifiers) -> PtxOperation | None:
    """Two s32 clamped to a narrow type and packed, ``b`` lowest, then ``c``'s low bits."""
    if not (m.flag("pack") and m.flag("sat")):
        return None
    to = m.take("u16", "s16", "u8", "s8", "u4", "s4", "u2", "s2")
    if not to or not m.take("s32"):
        return None
    size = int(to[1:])
    with_rest = size < 16
    if with_rest and not m.take("b32"):
        return None
    low, high = (0, 2**size - 1) if to[0] == "u" else (-(2 ** (size - 1)), 2 ** (size - 1) - 1)
    mask = np.uint32(2**size - 1)

    def clamped(x: Any) -> Any:
        return np.minimum(np.maximum(x, np.int32(low)), np.int32(high)).view(np.uint32) & mask

    def function(a: Any, b: Any, c: Any = None) -> Any:
        packed = (clamped(a) << np.uint32(size)) | clamped(b)
        return packed | (c << np.uint32(2 * size)) if with_rest else packed

    sources = ("s32", "s32", "b32") if with_rest else ("s32", "s32")
    return from_function(m.opcode, function, sources, "b32")


BUILDERS: dict[str, tuple[Builder, ...]] = {"cvt": (_cvt, _cvt_half, _cvt_pack)}
