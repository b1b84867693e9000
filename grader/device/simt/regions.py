"""State spaces as the interpreter sees them: where variables lie, and flat bytes with shadows.

A lane's address in a space (``offset``) becomes an index into the space's
bytes (``flat``): shared memory has one stripe per block, local memory one per
lane.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import BASE_ADDRESS, Allocation
from grader.device.evidence import Space
from grader.device.lanes import Index, Lanes
from grader.device.memory import GlobalMemory

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


Views = dict[int, NDArray[Any]]
_WIDTHS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}

# Where the spaces lie in the generic address space. Global memory is at BASE_ADDRESS.
SHARED_WINDOW = 0x7E00_0000_0000
LOCAL_WINDOW = 0x7D00_0000_0000
PARAM_WINDOW = 0x7C00_0000_0000
WINDOW_SIZE = 1 << 32


def views(data: NDArray[np.uint8]) -> Views:
    """The same bytes as words of 1, 2, 4 and 8 bytes."""
    return {width: data.view(dtype) for width, dtype in _WIDTHS.items()}


class MemoryRegion:
    """A state space.

    Attributes:
        space: Its name in findings.
        data: The bytes, as words of each width.
        written: 1 per byte that something wrote, or None where that is not tracked.
        fill: Bytes that were never written read as this 32-bit pattern; None where
            ``data`` itself holds the pattern.
    """

    space: Space
    data: Views
    written: Views | None = None
    fill: int | None = None

    def flat(self, offsets: Index | int, lanes: Lanes) -> Index | int:
        """Index of each lane's first byte; may be one number where all lanes share it."""
        raise NotImplementedError

    def inside(self, first: int, last: int) -> bool:
        """Whether all bytes from offset ``first`` to ``last`` certainly belong to one variable."""
        raise NotImplementedError

    def outside(self, offsets: Index, size: int) -> NDArray[np.bool_]:
        """Which accesses of ``size`` bytes are not inside one variable."""
        raise NotImplementedError

    def locate(self, offset: int, size: int) -> tuple[int, int | None, str]:
        """Address as reported, cell within its variable, and words that say where it is."""
        raise NotImplementedError

    def element(self, offset: int, size: int) -> tuple[int, int]:
        """Which element of its variable lies there, and of how many.

        Of 0 where that is not known, since several variables have the same size.
        """
        return 0, 0

    def named(self, offset: int, size: int) -> tuple[str, int, int]:
        """What the nearest variable is called, which element of it lies there, and of how many.

        Of 0 where there is no variable near.
        """
        return "", 0, 0


class GlobalRegion(MemoryRegion):
    """Global memory; also what ``.const`` variables lie in. Offsets count from BASE_ADDRESS."""

    def __init__(self, memory: GlobalMemory) -> None:
        self.space = Space.GLOBAL
        self.memory = memory
        self.data = memory.data
        self.written = memory.written

    def flat(self, offsets: Index | int, lanes: Lanes) -> Index | int:
        return np.full(lanes.count, offsets) if isinstance(offsets, int) else offsets

    def inside(self, first: int, last: int) -> bool:
        return self.memory.within_one(first, last)

    def outside(self, offsets: Index, size: int) -> NDArray[np.bool_]:
        return self.memory.outside(offsets.view(np.uint64), size)

    def named(self, offset: int, size: int) -> tuple[str, int, int]:
        near = self._nearest(offset)
        if near is None:
            return "", 0, 0
        name = self.memory.names.get(near.start, "")
        return name, (offset - near.start) // size, near.size // size

    def _nearest(self, offset: int) -> Allocation | None:
        before, after = self.memory.before(offset), self.memory.after(offset)
        near = before
        if after is not None and (before is None or after.start - offset < offset - before.stop):
            near = after
        return near if -self.memory.window < offset < 2 * self.memory.window else None

    def locate(self, offset: int, size: int) -> tuple[int, int | None, str]:
        address = BASE_ADDRESS + offset & (1 << 64) - 1
        near = self._nearest(offset)
        if near is None:
            return address, None, f"address {address:#x}, where there is no buffer"
        cell = (offset - near.start) // size
        cells = near.size / size
        count = f"{cells:.0f}" if cells == int(cells) else f"{cells:.2f}"
        name = self.memory.names.get(near.start)
        if name is None:
            return address, cell, f"cell {cell} of a buffer of {count} cells"
        has = "" if 0 <= cell < cells else f", which has {count}"
        return address, cell, f"element {cell} of {name}{has}"


class SlottedRegion(MemoryRegion):
    """Shared or local memory: variables at fixed places with gaps between them.

    Args:
        space: SHARED or LOCAL.
        layout: The variables.
        stripes: How many blocks (shared) or lanes (local) have one of their own.
        stripe_of: Stripe of each lane.
        tracked: Whether to remember which bytes were written.
    """

    def __init__(
        self, space: Space, layout: MemoryLayout, stripes: int, stripe_of: Index, *, tracked: bool
    ) -> None:
        self.space = space
        self.slots = list(layout.slots)
        self.size = layout.size
        self._gap = layout.gap
        self._stripes = stripes
        self._stripe_of = stripe_of
        self._filled = 0
        self.stride = -(-layout.size // 16) * 16
        self.base = stripe_of * self.stride
        total = max(self.stride * stripes, 16)
        self.data = views(np.zeros(total, dtype=np.uint8))
        self.written = views(np.zeros(total, dtype=np.uint8)) if tracked else None
        self._index()

    def _index(self) -> None:
        self._starts = np.array([s.start for s in self.slots] or [0], dtype=np.int64)
        self._stops = np.array([s.stop for s in self.slots] or [0], dtype=np.int64)

    def grow(self, slots: list[Slot]) -> int:
        """Place these variables once more. Returns the distance from their first place."""
        moved = -(-(self.size + self._gap) // 16) * 16 - slots[0].start
        self.slots += [replace(s, start=s.start + moved, stop=s.stop + moved) for s in slots]
        self.size = slots[-1].stop + moved
        self._index()
        if self.size > self.stride:
            self._widen(2 * -(-self.size // 16) * 16)
        return moved

    def _widen(self, stride: int) -> None:
        """Make the stripes longer and keep their contents."""
        for old in (self.data, self.written):
            if old is None:
                continue
            new = views(np.zeros(stride * self._stripes, dtype=np.uint8))
            if old is self.data:
                new[4].fill(self._filled)
            rows = new[1].reshape(self._stripes, stride)
            rows[:, : self.stride] = old[1].reshape(self._stripes, self.stride)
            old.update(new)
        self.stride = stride
        self.base = self._stripe_of * stride

    def reset(self, fill: int) -> None:
        """Forget everything; all words hold ``fill``."""
        self._filled = fill
        self.data[4].fill(fill)
        if self.written is not None:
            self.written[8].fill(0)

    def flat(self, offsets: Index | int, lanes: Lanes) -> Index | int:
        result: Index = offsets + lanes.take(self.base)
        return result

    def inside(self, first: int, last: int) -> bool:
        return any(slot.start <= first and last < slot.stop for slot in self.slots)

    def outside(self, offsets: Index, size: int) -> NDArray[np.bool_]:
        place = np.searchsorted(self._starts, offsets, side="right") - 1
        result: NDArray[np.bool_] = (
            (offsets < 0) | (place < 0) | (offsets > self._stops[place] - size)
        )
        return result

    def locate(self, offset: int, size: int) -> tuple[int, int | None, str]:
        slot = self._nearest(offset)
        if slot is None:
            return offset, None, f"byte {offset} of {self.space} memory, of which there is none"
        cell = (offset - slot.start) // size
        address = slot.compact + offset - slot.start
        cells = (slot.stop - slot.start) // size
        if 0 <= cell < cells:
            return address, cell, f"cell {cell} of {self._array(slot)}"
        return address, cell, f"cell {cell} of {self._array(slot)}, which has {cells} cells"

    def element(self, offset: int, size: int) -> tuple[int, int]:
        slot = self._nearest(offset)
        if slot is None:
            return 0, 0
        extent = slot.stop - slot.start
        alike = sum(each.stop - each.start == extent for each in self.slots)
        return (offset - slot.start) // size, extent // size if alike == 1 else 0

    def named(self, offset: int, size: int) -> tuple[str, int, int]:
        slot = self._nearest(offset)
        if slot is None:
            return "", 0, 0
        extent = slot.stop - slot.start
        return self._array(slot), (offset - slot.start) // size, extent // size

    def _nearest(self, offset: int) -> Slot | None:
        def distance(slot: Slot) -> int:
            return max(slot.start - offset, offset - slot.stop + 1, 0)

        return min(self.slots, key=distance, default=None)

    def _array(self, slot: Slot) -> str:
        if len(self.slots) == 1:
            return f"the {self.space} array"
        names = list(dict.fromkeys(s.name for s in self.slots))
        return f"{self.space} array {names.index(slot.name) + 1}"


class ParamRegion(MemoryRegion):
    """The kernel's own parameters: one copy for all lanes."""

    def __init__(self, size: int) -> None:
        self.space = Space.PARAM
        self.size = size
        self.data = views(np.zeros(max(-(-size // 16) * 16, 16), dtype=np.uint8))

    def flat(self, offsets: Index | int, lanes: Lanes) -> Index | int:
        return offsets

    def inside(self, first: int, last: int) -> bool:
        return 0 <= first <= last < self.size

    def outside(self, offsets: Index, size: int) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = (offsets < 0) | (offsets > self.size - size)
        return result

    def locate(self, offset: int, size: int) -> tuple[int, int | None, str]:
        return offset, offset // size, f"byte {offset} of the kernel's parameters"
