"""What one PTX instruction does to its operands, for all lanes at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

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


Array = NDArray[Any]
Value = NDArray[Any] | np.generic
"""The lanes of one operand, or one scalar that all lanes share."""
Where = NDArray[np.bool_] | Literal[True]
Function = Callable[..., Any]
"""From the sources of all lanes to a fresh array (or scalar) of results."""
Apply = Callable[[tuple[Array, ...], tuple[Value, ...], Where], None]

EXACT: Final = "exact"
"""The ``accuracy`` of an operation whose result is fully determined."""


@dataclass(frozen=True)
class PtxOperation:
    """One ALU instruction, modifiers included.

    ``apply(out, src, where)`` computes ``src`` and writes the results into the
    arrays ``out``, in the lanes where ``where`` is true and in no other.

    * ``out[i].dtype`` is ``destinations[i]`` and ``src[i].dtype`` is
      ``sources[i]``; nothing is converted. A register of another type of the
      same width is passed as a ``view``.
    * All arrays are one-dimensional and of one length. A source may also be a
      NumPy scalar or a 0-d array; ``where`` is such an array of bool, or True.
    * A source may be the same memory as a destination (``add r1, r1, r2``). Two
      destinations must not share memory with each other.
    * No lane value makes it raise. Floating-point flags are not NumPy warnings'
      business here: the caller wraps a whole launch in
      ``np.errstate(all="ignore")``, since entering it costs as much as an add.

    Attributes:
        opcode: The full mnemonic, e.g. ``fma.rn.f32``.
        sources: dtype of each source operand, in PTX order, immediates included.
        destinations: dtype of each destination operand, in PTX order.
        apply: See above.
        accuracy: ``"exact"``, or a sentence with our error and the manual's bound.
        optional_destinations: How many trailing destinations ``out`` may lack:
            1 for ``setp``, whose ``p|q`` is optional and not part of the opcode.
        reads_carry: The last source is the carry flag, which the text does not name.
        writes_carry: The last destination is.
    """

    opcode: str
    sources: tuple[DType, ...]
    destinations: tuple[DType, ...]
    apply: Apply
    accuracy: str = EXACT
    optional_destinations: int = 0
    reads_carry: bool = False
    writes_carry: bool = False


class PtxModifiers:
    """The dotted parts after the base mnemonic, consumed from left to right.

    PTX fixes the order of modifiers. What a family does not consume makes
    `finished` false, so that an unknown modifier is never ignored.
    """

    def __init__(self, opcode: str) -> None:
        self.opcode = opcode
        self.base, *self._rest = opcode.split(".")

    def take(self, *choices: str) -> str:
        """The next modifier if it is one of ``choices``, else ``""``."""
        if self._rest and self._rest[0] in choices:
            return self._rest.pop(0)
        return ""

    def flag(self, name: str) -> bool:
        """Whether the next modifier is ``name``; consumes it."""
        return bool(self.take(name))

    @property
    def finished(self) -> bool:
        """Whether every modifier has been consumed."""
        return not self._rest


Builder = Callable[[PtxModifiers], PtxOperation | None]
"""Makes the operation of an opcode, or None where the opcode is not known exactly."""


_BLOCK: Final = 8192
"""Lanes worked on at a time, so that float64 temporaries stay in the cache.

Measured for ``fma.rn.f32`` over 30,000 lanes: 77 us in blocks, 357 us at once,
the difference being page faults of large temporaries.
"""


def store(out: Array, value: Any, where: Where) -> None:
    """Write ``value`` (as many lanes as ``out``, or one) where ``where``."""
    if where is True:
        out[...] = value
    else:
        # For scattered masks three times as fast as copyto or a ufunc's where=.
        np.putmask(out, where, value)


def blocks(apply: Apply) -> Apply:
    """The same as ``apply``, but over no more than `_BLOCK` lanes at a time."""

    def apply_in_blocks(out: tuple[Array, ...], src: tuple[Value, ...], where: Where) -> None:
        lanes = out[0].size
        if lanes <= _BLOCK:
            apply(out, src, where)
            return
        for start in range(0, lanes, _BLOCK):
            part = slice(start, start + _BLOCK)
            apply(
                tuple(x[part] for x in out),
                tuple(x[part] if x.ndim else x for x in src),  # type: ignore[index]
                where if where is True else where[part],
            )

    return apply_in_blocks


def from_ufunc(
    opcode: str, ufunc: np.ufunc, sources: tuple[str, ...], destination: str
) -> PtxOperation:
    """An operation that is exactly one NumPy ufunc: the fastest kind.

    A ufunc with ``out=`` copes with overlap, so operands may alias.
    """

    def apply(out: tuple[Array, ...], src: tuple[Value, ...], where: Where) -> None:
        if where is True:
            ufunc(*src, out=out[0])
        else:
            np.putmask(out[0], where, ufunc(*src))

    return PtxOperation(opcode, dtypes(sources), dtypes((destination,)), apply)


def from_function(
    opcode: str,
    function: Function,
    sources: tuple[str, ...],
    destination: str,
    accuracy: str = EXACT,
) -> PtxOperation:
    """An operation with one result, from a function of its sources.

    ``function`` returns a fresh array or scalar of the destination's dtype; its
    sources are arrays or NumPy scalars, so it must not assign to parts of them.
    """

    def apply(out: tuple[Array, ...], src: tuple[Value, ...], where: Where) -> None:
        store(out[0], function(*src), where)

    return PtxOperation(opcode, dtypes(sources), dtypes((destination,)), blocks(apply), accuracy)


def dtypes(names: tuple[str, ...]) -> tuple[DType, ...]:
    """The dtypes of some PTX types."""
    return tuple(DTYPES[name] for name in names)
