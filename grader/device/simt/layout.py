"""What is known of a program's memory before it runs: where variables lie, what it accesses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from grader.device.ptx.model import (
    TYPE_BYTES,
    Instruction,
    Symbol,
)

GUARD_GAP = 128
"""Bytes between two variables in shared or local memory, so that an overrun is seen."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A variable's place in its space: ``[start, stop)`` in bytes."""

    name: str
    start: int
    stop: int
    compact: int
    """Where it would start without guard gaps, as on a GPU."""


@dataclass(slots=True)
class MemoryLayout:
    """Variables in shared, local or parameter memory."""

    gap: int
    slots: list[Slot] = field(default_factory=list)
    named: dict[str, Slot] = field(default_factory=dict)
    size: int = 0
    """Bytes with gaps."""
    compact_size: int = 0
    """Bytes without."""

    def add(self, name: str, size: int, align: int) -> Slot:
        """Place a variable behind the others."""
        start = rounded_up(self.size + (self.gap if self.slots else 0), max(align, 16))
        compact = rounded_up(self.compact_size, align)
        slot = Slot(name, start, start + size, compact)
        self.slots.append(slot)
        self.named[name] = slot
        self.size = start + size
        self.compact_size = compact + size
        return slot


def rounded_up(value: int, align: int) -> int:
    """The next multiple of ``align``."""
    return -(-value // align) * align


_ATOMICS = frozenset({"atom", "red"})
_ACCESSES = frozenset({"ld", "ldu", "st", "atom", "red", "cp"})
_STRONG = frozenset({"volatile", "relaxed", "acquire", "release", "acq_rel", "mmio"})
_ORDERINGS = frozenset({"acquire", "release", "acq_rel"})


@dataclass(slots=True)
class ProgramTraits:
    """What can be told of a program's accesses before it runs."""

    global_granule: int = 8
    """Bytes of the smallest access, which no two accesses straddle."""
    shared_granule: int = 8
    strong_global: bool = False
    """Whether threads may communicate, by atomics or volatile accesses."""
    fences: bool = False
    heap: bool = False
    """Whether it uses the heap, as Strings and Lists do. Moving them in local memory copies bytes
    that nothing wrote and nothing uses."""


def is_strong(instruction: Instruction) -> bool:
    """Whether threads may communicate by this instruction."""
    parts = instruction.modifiers
    return instruction.base in _ATOMICS or (
        instruction.base in _ACCESSES and not _STRONG.isdisjoint(parts)
    )


def traits_of(code: Iterable[Instruction]) -> ProgramTraits:
    """What can be told of the accesses of these instructions."""
    traits = ProgramTraits()
    for instruction in code:
        parts = instruction.modifiers
        if instruction.base in ("fence", "membar") or _ORDERINGS & set(parts):
            traits.fences = True
        traits.heap |= instruction.base == "call" and any(
            isinstance(o, Symbol) and o.name in ("malloc", "free") for o in instruction.operands
        )
        if instruction.base not in _ACCESSES or not parts:
            continue
        size = TYPE_BYTES.get(parts[-1], 4 if instruction.base == "cp" else 8)
        size = min(size, 8)
        names = {part.partition("::")[0] for part in parts}
        if not names & {"shared", "local", "param", "const"} or instruction.base == "cp":
            traits.global_granule = min(traits.global_granule, size)
            traits.strong_global |= is_strong(instruction)
        if not names & {"global", "local", "param", "const"} or instruction.base == "cp":
            traits.shared_granule = min(traits.shared_granule, size)
    return traits
