"""Integer arithmetic, with and without the carry flag (PTX ISA, "Integer Arithmetic Instructions").

Sums and products wrap modulo 2**width, as NumPy's do. Division truncates
towards zero. A quotient or remainder by zero is "unspecified" in the manual;
the assembler of CUDA 13.0 folds both to all ones, and so do we.

``CC.CF`` is one bit of each thread: the carry out of an addition (PTX ISA, "Extended-Precision
Integer Arithmetic Instructions"). A subtraction leaves the carry of ``a + ~b + 1``, so that it is
clear where there was a borrow: the manual calls it a borrow, which is the same within a chain of
subtractions, but not where one follows an addition (seen on an H200, tests/gpu/test_arithmetic.py).
It is an operand that the text does not name, so that here it is the last source of what reads it
(``addc``, ``subc``, ``madc``) and the last destination of what writes it (``.cc``). All these sums
are of bits: a carry is the same for signed and unsigned types.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics.operation import (
    DTYPES,
    INTEGERS,
    SIGNED,
    Array,
    Builder,
    Function,
    PtxModifiers,
    PtxOperation,
    Value,
    Where,
    bits_of,
    blocks,
    dtypes,
    from_function,
    from_ufunc,
    join16,
    split16,
    store,
    unsigned_of,
)

_UFUNCS = {"add": np.add, "sub": np.subtract, "min": np.minimum, "max": np.maximum}
_WIDE = {"s16": "s32", "u16": "u32", "s32": "s64", "u32": "u64"}


def _add_sub(m: PtxModifiers) -> PtxOperation | None:
    ufunc = _UFUNCS[m.base]
    if m.flag("sat"):
        if not m.take("s32"):
            return None

        def saturated(a: Any, b: Any) -> Any:
            return _clamp_s32(ufunc(a, b, dtype=np.int64))

        return from_function(m.opcode, saturated, ("s32", "s32"), "s32")
    kind = m.take(*INTEGERS)
    return from_ufunc(m.opcode, ufunc, (kind, kind), kind) if kind else None


def _clamp_s32(wide: Any) -> Any:
    return np.minimum(np.maximum(wide, -(2**31)), 2**31 - 1).astype(np.int32)


def _add_min_max_x2(m: PtxModifiers) -> PtxOperation | None:
    ufunc = _UFUNCS[m.base]
    relu = m.base != "add" and m.flag("relu")
    kind = m.take("s16x2", "u16x2")
    if not kind or (relu and kind != "s16x2"):
        return None
    half = DTYPES[kind[:3]]

    def function(a: Any, b: Any) -> Any:
        pairs = zip(split16(a, half), split16(b, half), strict=True)
        low, high = (ufunc(x, y) for x, y in pairs)
        if relu:
            low, high = np.maximum(low, half.type(0)), np.maximum(high, half.type(0))
        return join16(low, high)

    return from_function(m.opcode, function, (kind, kind), kind)


def _min_max(m: PtxModifiers) -> PtxOperation | None:
    ufunc = _UFUNCS[m.base]
    relu = m.flag("relu")
    kind = m.take(*INTEGERS)
    if not kind or (relu and kind != "s32"):
        return None
    if not relu:
        return from_ufunc(m.opcode, ufunc, (kind, kind), kind)

    def function(a: Any, b: Any) -> Any:
        return np.maximum(ufunc(a, b), np.int32(0))

    return from_function(m.opcode, function, (kind, kind), kind)


def product_high(kind: str) -> Function:
    """The upper half of the full product of two integers of type ``kind``."""
    if kind in _WIDE:
        wide, dtype = DTYPES[_WIDE[kind]], DTYPES[kind]
        shift = wide.type(bits_of(kind))
        return lambda a, b: (np.multiply(a, b, dtype=wide) >> shift).astype(dtype)
    if kind == "u64":
        return _product_high_u64

    def signed(a: Any, b: Any) -> Any:
        ua, ub = a.view(np.uint64), b.view(np.uint64)
        high = _product_high_u64(ua, ub)
        zero = np.uint64(0)
        high = high - np.where(a < 0, ub, zero) - np.where(b < 0, ua, zero)
        return high.view(np.int64)

    return signed


def _product_high_u64(a: Any, b: Any) -> Any:
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    a_low, a_high, b_low, b_high = a & mask, a >> half, b & mask, b >> half
    middle = a_high * b_low + (a_low * b_low >> half)
    middle_low = (middle & mask) + a_low * b_high
    return a_high * b_high + (middle >> half) + (middle_low >> half)


def _mul(m: PtxModifiers) -> PtxOperation | None:
    part = m.take("lo", "hi", "wide")
    kind = m.take(*INTEGERS)
    if not part or not kind:
        return None
    if part == "lo":
        return from_ufunc(m.opcode, np.multiply, (kind, kind), kind)
    if part == "hi":
        return from_function(m.opcode, product_high(kind), (kind, kind), kind)
    if kind not in _WIDE:
        return None
    wide = DTYPES[_WIDE[kind]]

    def function(a: Any, b: Any) -> Any:
        return a.astype(wide) * b

    return from_function(m.opcode, function, (kind, kind), _WIDE[kind])


def _mad(m: PtxModifiers) -> PtxOperation | None:
    part = m.take("lo", "hi", "wide")
    saturate = part == "hi" and m.flag("sat")
    kind = m.take(*INTEGERS)
    if not part or not kind or (part == "wide" and kind not in _WIDE):
        return None
    if saturate and kind != "s32":
        return None
    result = _WIDE[kind] if part == "wide" else kind
    high = product_high(kind)
    wide = DTYPES[result]

    def function(a: Any, b: Any, c: Any) -> Any:
        if part == "lo":
            return a * b + c
        if part == "wide":
            return a.astype(wide) * b + c
        if saturate:
            return _clamp_s32(np.add(high(a, b), c, dtype=np.int64))
        return high(a, b) + c

    return from_function(m.opcode, function, (kind, kind, result), result)


def _mul24_mad24(m: PtxModifiers) -> PtxOperation | None:
    """24-bit operands in the low bits of 32; ``lo`` is bits 31..0, ``hi`` bits 47..16."""
    part = m.take("lo", "hi")
    saturate = m.base == "mad24" and part == "hi" and m.flag("sat")
    kind = m.take("u32", "s32")
    if not part or not kind or (saturate and kind != "s32"):
        return None
    dtype, wide = DTYPES[kind], DTYPES[_WIDE[kind]]
    unused = dtype.type(8)
    down = wide.type(0 if part == "lo" else 16)

    def product(a: Any, b: Any) -> Any:
        narrow = [((x << unused) >> unused).astype(wide) for x in (a, b)]
        return (narrow[0] * narrow[1]) >> down

    if m.base == "mul24":
        return from_function(m.opcode, lambda a, b: product(a, b).astype(dtype), (kind, kind), kind)

    def function(a: Any, b: Any, c: Any) -> Any:
        if saturate:
            return _clamp_s32(product(a, b).astype(dtype).astype(np.int64) + c)
        return product(a, b).astype(dtype) + c

    return from_function(m.opcode, function, (kind, kind, kind), kind)


def _div_rem(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take(*INTEGERS)
    if not kind:
        return None
    signed, unsigned = kind in SIGNED, unsigned_of(kind)
    ufunc = np.floor_divide if m.base == "div" else np.remainder
    ones = unsigned.type(-1 & (2 ** bits_of(kind) - 1))

    def function(a: Any, b: Any) -> Any:
        zero = b == 0
        # Magnitudes as unsigned: |minimum| fits, so minimum / -1 is no special case.
        ua = (np.absolute(a) if signed else a).view(unsigned)
        ub = (np.absolute(b) if signed else b).view(unsigned)
        result = ufunc(ua, np.where(zero, unsigned.type(1), ub))
        if signed:
            negative = (a < 0) != (b < 0) if m.base == "div" else a < 0
            result = np.where(negative, unsigned.type(0) - result, result)
        return np.where(zero, ones, result).view(DTYPES[kind])

    return from_function(m.opcode, function, (kind, kind), kind)


def _neg_abs(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take(*SIGNED)
    ufunc = np.negative if m.base == "neg" else np.absolute
    return from_ufunc(m.opcode, ufunc, (kind,), kind) if kind else None


def _sad(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take(*INTEGERS)
    if not kind:
        return None

    def function(a: Any, b: Any, c: Any) -> Any:
        return c + np.where(a < b, b - a, a - b)

    return from_function(m.opcode, function, (kind, kind, kind), kind)


def _dot_product(m: PtxModifiers) -> PtxOperation | None:
    """dp4a: 4 x (8 bit * 8 bit); dp2a: 2 x (16 bit * 8 bit, half of b by ``.lo/.hi``)."""
    four = m.base == "dp4a"
    half = "lo" if four else m.take("lo", "hi")
    a_kind, b_kind = m.take("u32", "s32"), m.take("u32", "s32")
    if not (half and a_kind and b_kind):
        return None
    result = "u32" if a_kind == b_kind == "u32" else "s32"
    count = 4 if four else 2
    a_bits = 8 if four else 16
    first = 2 if half == "hi" else 0

    def function(a: Any, b: Any, c: Any) -> Any:
        total = c.view(np.uint32)
        for i in range(count):
            x = _field(a, a_kind, a_bits * i, a_bits)
            y = _field(b, b_kind, 8 * (first + i), 8)
            total = total + x * y
        return total.view(DTYPES[result])

    return from_function(m.opcode, function, (a_kind, b_kind, result), result)


def _field(x: Any, kind: str, low: int, bits: int) -> Any:
    """Bits ``low`` .. ``low + bits - 1``, extended as ``kind`` says, as uint32."""
    dtype = DTYPES[kind]
    lifted = x.view(np.uint32) << np.uint32(32 - bits - low)
    return (lifted.view(dtype) >> dtype.type(32 - bits)).view(np.uint32)


_CARRY_TYPES = ("u32", "s32", "u64", "s64")


def _chain(m: PtxModifiers) -> PtxOperation | None:
    """One link of a chain: ``add.cc``, ``addc``, ``addc.cc`` and so on."""
    reads = m.base in ("addc", "subc", "madc")
    part = m.take("lo", "hi") if m.base in ("mad", "madc") else ""
    writes = m.flag("cc")
    kind = m.take(*_CARRY_TYPES)
    if not kind or not (reads or writes) or (m.base in ("mad", "madc") and not part):
        return None
    unsigned = unsigned_of(kind)
    high = product_high(kind)
    borrows = m.base in ("sub", "subc")
    step = _minus if borrows else _plus

    def apply(out: tuple[Array, ...], src: tuple[Value, ...], where: Where) -> None:
        values: list[Any] = list(src[:-1] if reads else src)
        if part:
            a, b, c = values
            values = [high(a, b) if part == "hi" else a * b, c]
        first, second = (value.view(unsigned) for value in values)
        result, flag = step(first, second)
        if reads:
            carried = np.logical_not(src[-1]) if borrows else src[-1]
            result, again = step(result, carried.astype(unsigned))
            flag = flag | again
        if borrows:
            flag = ~flag
        store(out[0], result.view(DTYPES[kind]), where)
        if writes:
            store(out[1], flag, where)

    named = (kind,) * (3 if part else 2)
    return PtxOperation(
        m.opcode,
        (*dtypes(named), *((np.dtype(np.bool_),) if reads else ())),
        (*dtypes((kind,)), *((np.dtype(np.bool_),) if writes else ())),
        blocks(apply),
        reads_carry=reads,
        writes_carry=writes,
    )


def _plus(a: Any, b: Any) -> tuple[Any, Any]:
    total = a + b
    return total, total < b


def _minus(a: Any, b: Any) -> tuple[Any, Any]:
    return a - b, a < b


BUILDERS: dict[str, tuple[Builder, ...]] = {
    "add": (_add_sub, _add_min_max_x2, _chain),
    "sub": (_add_sub, _chain),
    "mul": (_mul,),
    "mad": (_mad, _chain),
    "mul24": (_mul24_mad24,),
    "mad24": (_mul24_mad24,),
    "div": (_div_rem,),
    "rem": (_div_rem,),
    "neg": (_neg_abs,),
    "abs": (_neg_abs,),
    "min": (_min_max, _add_min_max_x2),
    "max": (_min_max, _add_min_max_x2),
    "sad": (_sad,),
    "dp4a": (_dot_product,),
    "dp2a": (_dot_product,),
    "addc": (_chain,),
    "subc": (_chain,),
    "madc": (_chain,),
}
