"""PTX fundamental types and how their values lie in NumPy arrays.

``.bN`` is kept unsigned. NumPy has no bfloat16, so ``bf16`` is the raw 16 bits
in a ``uint16``; ``f16x2`` and ``bf16x2`` are two such halves in a ``uint32``,
the first element in the low half. ``tf32`` is an ``f32`` pattern in a
``uint32``, as PTX keeps it in a ``.b32`` register.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

DType = np.dtype[Any]

SIGNED: Final = ("s16", "s32", "s64")
UNSIGNED: Final = ("u16", "u32", "u64")
INTEGERS: Final = UNSIGNED + SIGNED
BITS: Final = ("b16", "b32", "b64")

DTYPES: Final[dict[str, DType]] = {
    "s8": np.dtype(np.int8),
    "s16": np.dtype(np.int16),
    "s32": np.dtype(np.int32),
    "s64": np.dtype(np.int64),
    "u8": np.dtype(np.uint8),
    "u16": np.dtype(np.uint16),
    "u32": np.dtype(np.uint32),
    "u64": np.dtype(np.uint64),
    "b8": np.dtype(np.uint8),
    "b16": np.dtype(np.uint16),
    "b32": np.dtype(np.uint32),
    "b64": np.dtype(np.uint64),
    "f16": np.dtype(np.float16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
    "bf16": np.dtype(np.uint16),
    "f16x2": np.dtype(np.uint32),
    "bf16x2": np.dtype(np.uint32),
    "tf32": np.dtype(np.uint32),
    "s16x2": np.dtype(np.uint32),
    "u16x2": np.dtype(np.uint32),
    "pred": np.dtype(np.bool_),
}
"""NumPy dtype of a register or immediate of each PTX type."""


def bits_of(ptx_type: str) -> int:
    """Width in bits of an integer or bit type, e.g. 32 for ``u32``."""
    return DTYPES[ptx_type].itemsize * 8


def unsigned_of(ptx_type: str) -> DType:
    """The unsigned dtype of the same width."""
    return DTYPES[f"u{bits_of(ptx_type)}"]


def split16(x: Any, half: DType) -> tuple[Any, Any]:
    """The low and the high half of a ``uint32``, as the 16-bit dtype ``half``."""
    low = (x & np.uint32(0xFFFF)).astype(np.uint16)
    high = (x >> np.uint32(16)).astype(np.uint16)
    return low.view(half), high.view(half)


def join16(low: Any, high: Any) -> Any:
    """Two 16-bit values as one ``uint32``, ``low`` in bits 15..0."""
    lifted = high.view(np.uint16).astype(np.uint32) << np.uint32(16)
    return lifted | low.view(np.uint16).astype(np.uint32)
