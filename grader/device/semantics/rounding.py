"""Exact rounding: how a real number becomes an f32, f16, bf16 or tf32.

The method of this whole package: compute in binary64 *rounded to odd*, then
round once to the target. To-odd means: where binary64 is inexact, take the
neighbour whose last bit is 1, so that the value keeps the memory that it is
not exact. If binary64 has two bits more than the target needs, the second
rounding then equals one rounding of the exact value, in every mode, overflow
and subnormal results included (S. Boldo, G. Melquiond, "Emulation of FMA and
Correctly Rounded Sums: Proved Algorithms Using Rounding to Odd", 2008).

NaN results are one canonical NaN per type. For f32 it is 0x7fffffff, whatever
NaN went in (CUDA C++ Programming Guide, "Floating-Point Standard"; the CUDA 13.0
assembler folds so). For f16 and bf16 the manual leaves the NaN unspecified; the
assembler folds to 0x7fff. GPUs keep payloads in f64; we give 0x7ff8000000000000.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from grader.device.semantics.operation import DTYPES, Function, join16, split16

MODES: Final = ("rn", "rz", "rm", "rp")
"""To nearest even, towards zero, towards minus infinity, towards plus infinity."""

HALVES: Final = ("f16", "f16x2", "bf16", "bf16x2")

NAN: Final[dict[str, Any]] = {
    "f16": np.uint16(0x7FFF).view(np.float16),
    "bf16": np.uint16(0x7FFF),
    "f32": np.uint32(0x7FFFFFFF).view(np.float32),
    "tf32": np.uint32(0x7FFFFFFF),
    "f64": np.uint64(0x7FF8000000000000).view(np.float64),
}
"""The canonical NaN of each floating-point type."""

MIN_NORMAL: Final = {"f16": 2.0**-14, "bf16": 2.0**-126, "f32": 2.0**-126, "f64": 2.0**-1022}

_ONE_BIT: Final = np.int64(1)


def canonical_nan(x: Any, kind: str) -> Any:
    """``x`` (f16, f32 or f64) with every NaN replaced by the canonical one."""
    nan = x != x
    return np.where(nan, NAN[kind], x) if nan.any() else x


def flush(x: Any, kind: str) -> Any:
    """Subnormals replaced by zeros of the same sign (``.ftz``)."""
    tiny = np.absolute(x) < x.dtype.type(MIN_NORMAL[kind])
    return np.where(tiny, np.copysign(x.dtype.type(0), x), x) if tiny.any() else x


def saturate(x: Any) -> Any:
    """Clamped to [0.0, 1.0]; NaN and -0.0 become +0.0 (``.sat``)."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    return np.where(x > zero, np.where(x < one, x, one), zero)


def relu(x: Any) -> Any:
    """Negative values and -0.0 become +0.0; NaN stays (``.relu``)."""
    return np.where(x <= 0, x.dtype.type(0), x)


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """``a + b`` rounded to nearest, and the exact error (Knuth). float64.

    The error is NaN where the sum is not finite.
    """
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def to_odd(total: Any, error: Any) -> Any:
    """``total + error`` rounded to odd, ``total`` being it rounded to nearest."""
    bits = total.view(np.int64)
    # An error of the value's own sign means that the exact value lies further out.
    step = np.where((error > 0) == (total > 0), _ONE_BIT, -_ONE_BIT)
    inexact = (error != 0) & (error == error) & ((bits & _ONE_BIT) == 0)
    return np.where(inexact, bits + step, bits).view(np.float64)


def add_to_odd(a: Any, b: Any) -> Any:
    """``a + b`` of float64 values, rounded to odd."""
    return to_odd(*two_sum(a, b))


def minus_zero_if_cancelled(total: Any, a: Any, b: Any) -> Any:
    """IEEE 754's sign of an exact zero sum under ``.rm``: -0 unless both terms are +0."""
    return np.where(total == 0, -((-a) + (-b)), total)


def narrow_f32(x: Any, kind: str, mode: str) -> Any:
    """`narrow` for f32 values to a smaller ``kind``, without the way over float64."""
    if kind == "f16":
        return canonical_nan(_directed(x, np.float16, mode), kind)
    return drop_bits(x.view(np.uint32), x != x, kind, mode)


def narrow(x: Any, kind: str, mode: str) -> Any:
    """Round float64 (itself exact or rounded to odd) to ``kind``.

    Args:
        x: float64 values.
        kind: ``f16``, ``f32``, ``bf16``, ``tf32`` or ``f64`` (returned as it is).
        mode: One of `MODES`; for tf32 also ``rna``, ties away from zero.

    Returns:
        Values of the kind's dtype, NaN canonical.
    """
    if kind in ("bf16", "tf32"):
        return _narrow_bits(x, kind, mode)
    rounded = _directed(x, DTYPES[kind].type, mode) if kind != "f64" else x
    return canonical_nan(rounded, kind)


def _directed(x: Any, to: Any, mode: str) -> Any:
    rounded = x.astype(to)
    if mode == "rn":
        return rounded
    back = rounded.astype(x.dtype)
    if mode == "rz":
        wrong, target = np.absolute(back) > np.absolute(x), to(0)
    elif mode == "rm":
        wrong, target = back > x, to(-np.inf)
    else:
        wrong, target = back < x, to(np.inf)
    return np.where(wrong, np.nextafter(rounded, target), rounded) if wrong.any() else rounded


_DROPPED_BITS: Final = {"bf16": 16, "tf32": 13}


def _narrow_bits(x: Any, kind: str, mode: str) -> Any:
    f32 = _directed(x, np.float32, "rz")
    bits = f32.view(np.uint32) | (f32.astype(np.float64) != x).astype(np.uint32)
    return drop_bits(bits, x != x, kind, mode)


def drop_bits(bits: Any, nan: Any, kind: str, mode: str) -> Any:
    """An f32 pattern (exact or rounded to odd) cut to bf16 or tf32.

    A carry runs into the exponent, up to infinity, as it should.
    """
    dropped = _DROPPED_BITS[kind]
    last_dropped = np.uint32((1 << dropped) - 1)
    half = np.uint32(1 << (dropped - 1))
    if mode == "rn":
        bits = bits + (half - np.uint32(1)) + ((bits >> np.uint32(dropped)) & np.uint32(1))
    elif mode == "rna":
        bits = bits + half
    elif mode in ("rm", "rp"):
        negative = bits >> np.uint32(31)
        bits = bits + last_dropped * (negative if mode == "rm" else np.uint32(1) - negative)
    if kind == "tf32":
        return np.where(nan, NAN[kind], bits & ~last_dropped)
    return np.where(nan, NAN[kind], (bits >> np.uint32(dropped)).astype(np.uint16))


def flushed_after_rounding(x: Any, rounded: Any, kind: str, mode: str) -> Any:
    """``rounded`` with tiny results flushed as the hardware does (``.ftz``).

    Tiny is decided as if the exponent range had no lower end: a product just
    under the least normal number, which only the coarser grid of subnormals
    rounds up to it, is flushed (so folds the CUDA 13.0 assembler).

    Args:
        x: The unrounded result: float64, exact or rounded to odd.
        rounded: ``narrow(x, kind, mode)``.
    """
    least = MIN_NORMAL[kind]
    near = np.absolute(x) < 2 * least
    if not near.any():
        return rounded
    scale = 1 / least
    to = DTYPES[kind].type
    unbounded = _directed(np.where(near, x * scale, 1.0), to, mode)
    tiny = near & (np.absolute(unbounded) < 1)
    return np.where(tiny, np.copysign(to(0), rounded), rounded)


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
