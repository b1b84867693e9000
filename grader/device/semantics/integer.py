"""Integer arithmetic (PTX ISA, "Integer Arithmetic Instructions").

Sums and products wrap modulo 2**width, as NumPy's do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.semantics.operation import (
    Builder,
    Modifiers,
    Operation,
    from_function,
    from_ufunc,
)
from grader.device.semantics.scalar_types import DTYPES, INTEGERS


def _add_sub(m: Modifiers) -> Operation | None:
    ufunc = np.add if m.base == "add" else np.subtract
    if m.flag("sat"):
        if not m.take("s32"):
            return None
        return from_function(m.opcode, _saturating_s32(ufunc), ("s32", "s32"), "s32")
    kind = m.take(*INTEGERS)
    return from_ufunc(m.opcode, ufunc, (kind, kind), kind) if kind else None


def _saturating_s32(ufunc: np.ufunc) -> Any:
    low, high = -(2**31), 2**31 - 1

    def function(a: Any, b: Any) -> Any:
        exact = ufunc(a, b, dtype=np.int64)
        return np.minimum(np.maximum(exact, low), high).astype(np.int32)

    return function


BUILDERS: dict[str, tuple[Builder, ...]] = {
    "add": (_add_sub,),
    "sub": (_add_sub,),
}
__all__ = ["BUILDERS", "DTYPES"]
