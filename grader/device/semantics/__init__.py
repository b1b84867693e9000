"""The arithmetic of PTX, vectorised over lanes: no parsing, memory or control flow.

`lookup` maps a full opcode to a `PtxOperation`; see there for the contract.
"""

from __future__ import annotations

from functools import lru_cache

from grader.device.semantics import approx, bits, compare, convert, float64, floats, integer
from grader.device.semantics.operation import Builder, PtxModifiers, PtxOperation

__all__ = ["PtxOperation", "lookup"]

_FAMILIES: tuple[dict[str, tuple[Builder, ...]], ...] = (
    integer.BUILDERS,
    bits.BUILDERS,
    floats.BUILDERS,
    float64.BUILDERS,
    compare.BUILDERS,
    convert.BUILDERS,
    approx.BUILDERS,
)


@lru_cache(maxsize=4096)
def lookup(opcode: str) -> PtxOperation | None:
    """The arithmetic of ``opcode``, or None.

    Args:
        opcode: The full dotted mnemonic as in PTX, e.g. ``"fma.rn.ftz.f32"``.

    Returns:
        None for anything that is not an ALU instruction known exactly, every
        modifier included: a guess would be a wrong mark.
    """
    base = opcode.split(".", 1)[0]
    for family in _FAMILIES:
        for build in family.get(base, ()):
            modifiers = PtxModifiers(opcode)
            operation = build(modifiers)
            if operation is not None and modifiers.finished:
                return operation
    return None
