"""Logic, shifts, bit fields and bytes (PTX ISA, "Logic and Shift Instructions" and others)."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics.operation import (
    BITS,
    DTYPES,
    INTEGERS,
    SIGNED,
    Array,
    Builder,
    PtxModifiers,
    PtxOperation,
    Value,
    Where,
    bits_of,
    from_function,
    from_ufunc,
    store,
    unsigned_of,
)

_LOGIC = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}


def _logic(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take("pred", *BITS)
    return from_ufunc(m.opcode, _LOGIC[m.base], (kind, kind), kind) if kind else None


def _not(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take("pred", *BITS)
    return from_ufunc(m.opcode, np.invert, (kind,), kind) if kind else None


def _cnot(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take(*BITS)
    if not kind:
        return None
    dtype = DTYPES[kind]
    return from_function(m.opcode, lambda a: (a == 0).astype(dtype), (kind,), kind)


def _mov(m: PtxModifiers) -> PtxOperation | None:
    """Of one register; the vector forms of ``mov.b32/.b64`` are the interpreter's."""
    kind = m.take("pred", "f32", "f64", *BITS, *INTEGERS)
    if not kind:
        return None

    def apply(out: tuple[Array, ...], src: tuple[Value, ...], where: Where) -> None:
        store(out[0], src[0], where)

    return PtxOperation(m.opcode, (DTYPES[kind],), (DTYPES[kind],), apply)


def _shift(m: PtxModifiers) -> PtxOperation | None:
    """Amounts above the width count as the width."""
    kind = m.take(*(BITS if m.base == "shl" else BITS + INTEGERS))
    if not kind:
        return None
    dtype, width = DTYPES[kind], bits_of(kind)
    ufunc = np.left_shift if m.base == "shl" else np.right_shift
    if width == 32 and kind not in SIGNED:
        # NumPy defines a shift by the width or more as 0.
        return from_ufunc(m.opcode, ufunc, (kind, "u32"), kind)
    limit = np.uint32(width)

    def function(a: Any, b: Any) -> Any:
        return ufunc(a, np.minimum(b, limit).astype(dtype))

    return from_function(m.opcode, function, (kind, "u32"), kind)


def _funnel_shift(m: PtxModifiers) -> PtxOperation | None:
    """``shf``: 32 bits out of the 64-bit value ``b:a``."""
    direction, mode = m.take("l", "r"), m.take("clamp", "wrap")
    if not (direction and mode and m.take("b32")):
        return None

    def function(a: Any, b: Any, c: Any) -> Any:
        amount = np.minimum(c, np.uint32(32)) if mode == "clamp" else c & np.uint32(31)
        amount = amount.astype(np.uint64)
        both = (b.astype(np.uint64) << np.uint64(32)) | a
        if direction == "l":
            return ((both << amount) >> np.uint64(32)).astype(np.uint32)
        return (both >> amount).astype(np.uint32)

    return from_function(m.opcode, function, ("b32", "b32", "u32"), "b32")


def _highest_bit(x: Any) -> Any:
    """Index of the highest set bit of an unsigned value as int64; -1 for zero."""
    width = x.dtype.itemsize * 8
    step = 1
    while step < width:
        x = x | (x >> x.dtype.type(step))
        step *= 2
    return np.bitwise_count(x).astype(np.int64) - 1


def _popc_clz_brev(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take("b32", "b64")
    if not kind:
        return None
    width = bits_of(kind)
    if m.base == "popc":
        return from_function(
            m.opcode, lambda a: np.bitwise_count(a).astype(np.uint32), (kind,), "u32"
        )
    if m.base == "clz":
        return from_function(
            m.opcode, lambda a: (width - 1 - _highest_bit(a)).astype(np.uint32), (kind,), "u32"
        )
    return from_function(m.opcode, _reverse, (kind,), kind)


def _reverse(x: Any) -> Any:
    unsigned = x.dtype
    width = unsigned.itemsize * 8
    step = width // 2
    while step:
        # Swap neighbours of `step` bits each; the mask picks the lower of each pair.
        mask = unsigned.type(((1 << width) - 1) // ((1 << step) + 1))
        amount = unsigned.type(step)
        x = ((x >> amount) & mask) | ((x & mask) << amount)
        step //= 2
    return x


def _bfind(m: PtxModifiers) -> PtxOperation | None:
    shift_amount = m.flag("shiftamt")
    kind = m.take("u32", "u64", "s32", "s64")
    if not kind:
        return None
    width, unsigned = bits_of(kind), unsigned_of(kind)

    def function(a: Any) -> Any:
        if kind in SIGNED:
            a = np.where(a < 0, ~a, a)
        index = _highest_bit(a.view(unsigned))
        if shift_amount:
            index = np.where(index < 0, index, width - 1 - index)
        return (index & 0xFFFFFFFF).astype(np.uint32)

    return from_function(m.opcode, function, (kind,), "u32")


def _low_mask(count: Any, unsigned: Any) -> Any:
    """A value with the ``count`` lowest bits set; all of them from the width on."""
    width = unsigned.itemsize * 8
    capped = np.minimum(count, width).astype(unsigned)
    # A shift by the width gives 0 in NumPy, so that width bits give all ones.
    return (unsigned.type(1) << capped) - unsigned.type(1)


def _bfe(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take("u32", "u64", "s32", "s64")
    if not kind:
        return None
    width, unsigned = bits_of(kind), unsigned_of(kind)

    def function(a: Any, b: Any, c: Any) -> Any:
        start, length = (b & np.uint32(0xFF)).astype(np.int64), (c & np.uint32(0xFF))
        length = length.astype(np.int64)
        bits = a.view(unsigned)
        inside = np.minimum(length, np.maximum(width - start, 0))
        mask = _low_mask(inside, unsigned)
        field = (bits >> np.minimum(start, width).astype(unsigned)) & mask
        if kind in SIGNED:
            top = np.minimum(start + length - 1, width - 1)
            sign = (bits >> np.maximum(top, 0).astype(unsigned)) & unsigned.type(1)
            fill = (length > 0) & (sign != 0)
            field = np.where(fill, field | ~mask, field)
        return field.view(DTYPES[kind])

    return from_function(m.opcode, function, (kind, "u32", "u32"), kind)


def _bfi(m: PtxModifiers) -> PtxOperation | None:
    kind = m.take("b32", "b64")
    if not kind:
        return None
    width, unsigned = bits_of(kind), unsigned_of(kind)

    def function(a: Any, b: Any, c: Any, d: Any) -> Any:
        start = np.minimum(c & np.uint32(0xFF), np.uint32(width)).astype(unsigned)
        mask = _low_mask(d & np.uint32(0xFF), unsigned)
        return (b & ~(mask << start)) | ((a & mask) << start)

    return from_function(m.opcode, function, (kind, kind, "u32", "u32"), kind)


def _bmsk(m: PtxModifiers) -> PtxOperation | None:
    mode = m.take("clamp", "wrap")
    if not mode or not m.take("b32"):
        return None

    def function(a: Any, b: Any) -> Any:
        start, length = (a & np.uint32(31)).astype(np.uint64), b & np.uint32(31)
        mask = (_low_mask(length, np.dtype(np.uint64)) << start).astype(np.uint32)
        if mode == "wrap":
            return mask
        # Clamped: a start past the end gives nothing, a length past it the whole rest.
        rest = (np.uint64(0xFFFFFFFF) << start).astype(np.uint32)
        return np.where(a >= 32, np.uint32(0), np.where(b >= 32, rest, mask))

    return from_function(m.opcode, function, ("b32", "b32"), "b32")


def _szext(m: PtxModifiers) -> PtxOperation | None:
    mode, kind = m.take("clamp", "wrap"), m.take("u32", "s32")
    if not mode or not kind:
        return None

    def function(a: Any, b: Any) -> Any:
        bits, length = a.view(np.uint32), b & np.uint32(31)
        mask = _low_mask(length, np.dtype(np.uint32))
        result = bits & mask
        if kind == "s32":
            sign = (bits >> ((length - np.uint32(1)) & np.uint32(31))) & np.uint32(1)
            result = np.where((length != 0) & (sign != 0), result | ~mask, result)
        if mode == "clamp":
            result = np.where(b >= 32, bits, result)
        return result.view(DTYPES[kind])

    return from_function(m.opcode, function, (kind, "u32"), kind)


def _lop3(m: PtxModifiers) -> PtxOperation | None:
    """Any function of three bits; the fourth source is the immediate truth table."""
    if not m.take("b32"):
        return None

    def function(a: Any, b: Any, c: Any, table: Any) -> Any:
        entries = int(np.max(table))
        result = a & np.uint32(0)
        for index in range(8):
            if entries >> index & 1:
                term = a if index & 4 else ~a
                term = term & (b if index & 2 else ~b)
                result = result | (term & (c if index & 1 else ~c))
        return result

    return from_function(m.opcode, function, ("b32", "b32", "b32", "u32"), "b32")


_PRMT_MODES = {
    # Selectors of destination bytes 0, 1, 2, 3 for c & 3 = 0, 1, 2, 3.
    "f4e": ("3210", "4321", "5432", "6543"),
    "b4e": ("5670", "6701", "7012", "0123"),
    "rc8": ("0000", "1111", "2222", "3333"),
    "ecl": ("3210", "3211", "3222", "3333"),
    "ecr": ("0000", "1110", "2210", "3210"),
    "rc16": ("1010", "3232", "1010", "3232"),
}
"""The manual's table, each string from destination byte 3 down to byte 0."""


def _prmt(m: PtxModifiers) -> PtxOperation | None:
    if not m.take("b32"):
        return None
    mode = m.take(*_PRMT_MODES)
    codes = np.array([int(code, 16) for code in _PRMT_MODES.get(mode, ())], np.uint32)

    def function(a: Any, b: Any, c: Any) -> Any:
        control = codes[c & np.uint32(3)] if mode else c
        if np.ndim(control) == 0:
            return _permute_alike(a, b, int(control))
        both = (b.astype(np.uint64) << np.uint64(32)) | a
        result: Any = np.uint32(0)
        for i in range(4):
            selector = (control >> np.uint32(4 * i)) & np.uint32(0xF)
            amount = (selector & np.uint32(7)).astype(np.uint64) * np.uint64(8)
            byte = ((both >> amount) & np.uint64(0xFF)).astype(np.uint32)
            sign = np.where(byte & np.uint32(0x80), np.uint32(0xFF), np.uint32(0))
            byte = np.where(selector & np.uint32(8), sign, byte)
            result = result | (byte << np.uint32(8 * i))
        return result

    return from_function(m.opcode, function, ("b32", "b32", "b32"), "b32")


def _permute_alike(a: Any, b: Any, control: int) -> Any:
    """`prmt` with the same selectors in all lanes, which is nearly every use."""
    result: Any = (a & np.uint32(0)) | (b & np.uint32(0))
    for i in range(4):
        selector = control >> (4 * i) & 0xF
        word = b if selector & 4 else a
        byte = (word >> np.uint32(8 * (selector & 3))) & np.uint32(0xFF)
        if selector & 8:
            byte = (byte >> np.uint32(7)) * np.uint32(0xFF)
        result = result | (byte << np.uint32(8 * i))
    return result


BUILDERS: dict[str, tuple[Builder, ...]] = {
    "and": (_logic,),
    "or": (_logic,),
    "xor": (_logic,),
    "not": (_not,),
    "cnot": (_cnot,),
    "mov": (_mov,),
    "shl": (_shift,),
    "shr": (_shift,),
    "shf": (_funnel_shift,),
    "popc": (_popc_clz_brev,),
    "clz": (_popc_clz_brev,),
    "brev": (_popc_clz_brev,),
    "bfind": (_bfind,),
    "bfe": (_bfe,),
    "bfi": (_bfi,),
    "bmsk": (_bmsk,),
    "szext": (_szext,),
    "lop3": (_lop3,),
    "prmt": (_prmt,),
}
