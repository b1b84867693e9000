"""Sums with the carry flag (PTX ISA, "Extended-Precision Integer Arithmetic Instructions").

``CC.CF`` is one bit of each thread: the carry out of an addition. A subtraction leaves the carry of
``a + ~b + 1``, so that it is clear where there was a borrow: the manual calls it a borrow, which is
the same within a chain of subtractions, but not where one follows an addition (seen on an H200,
tests/gpu/test_arithmetic.py). It is an operand that the text does not name, so that here it is the
last source of what reads it (``addc``, ``subc``, ``madc``) and the last destination of what writes
it (``.cc``). All sums are of bits: a carry is the same for signed and unsigned types.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics.integer import product_high
from grader.device.semantics.operation import (
    DTYPES,
    Array,
    Builder,
    PtxModifiers,
    PtxOperation,
    Value,
    Where,
    blocks,
    dtypes,
    store,
    unsigned_of,
)

_TYPES = ("u32", "s32", "u64", "s64")


def _chain(m: PtxModifiers) -> PtxOperation | None:
    """One link of a chain: ``add.cc``, ``addc``, ``addc.cc`` and so on."""
    reads = m.base in ("addc", "subc", "madc")
    part = m.take("lo", "hi") if m.base in ("mad", "madc") else ""
    writes = m.flag("cc")
    kind = m.take(*_TYPES)
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


BUILDERS: dict[str, tuple[Builder, ...]] = dict.fromkeys(
    ("add", "addc", "sub", "subc", "mad", "madc"), (_chain,)
)
