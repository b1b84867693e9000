"""What a machine keeps besides registers and memory: calls, copies, the heap, what is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import OutOfDeviceMemory
from grader.device.lanes import Index, Lanes, Mask
from grader.device.memory import GlobalMemory
from grader.device.simt.regions import Slot, SlottedRegion

PRINT_LIMIT = 65536
"""Characters of ``vprintf`` output that are kept of one launch."""


@dataclass(slots=True)
class Printed:
    """What a launch has printed."""

    parts: list[str] = field(default_factory=list)
    size: int = 0
    conversions: int = 0
    dropped: int = 0
    """Calls of ``vprintf`` after that, which are counted and not formatted."""

    @property
    def text(self) -> str:
        """The text that is kept, and a note on what is not."""
        more = f"\n({self.dropped:,} prints more are left out)\n" if self.dropped else ""
        return "".join(self.parts) + more

    @property
    def full(self) -> bool:
        """Whether nothing more is kept."""
        return self.size >= PRINT_LIMIT or self.conversions >= PRINT_LIMIT

    def add(self, text: str) -> None:
        """Keep ``text``, as far as there is room."""
        self.parts.append(text[: max(PRINT_LIMIT - self.size, 0)])
        self.size += len(self.parts[-1])


class Returns:
    """Where each lane continues after each function, and what is copied then.

    Attributes:
        copies: By the program counter of a call, and what it calls: destinations and sources.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._sites: dict[str, Index] = {}
        self.copies: dict[tuple[int, str], list[tuple[NDArray[Any], NDArray[Any]]]] = {}

    def sites(self, function: str) -> Index:
        """For each lane, the program counter of the call that it is in."""
        if function not in self._sites:
            self._sites[function] = np.zeros(self._total, dtype=np.int64)
        return self._sites[function]


class Frames:
    """The stack of one function: what its activations hold, for each lane.

    Args:
        kept: The function's registers, parameters and return addresses, all lanes first.
        variables: Its local variables, and
        local: the region that they lie in.
        most: How many activations fit on a thread's stack.

    Attributes:
        displacement: Bytes from the function's local variables to those of the activation
            that is under way.
    """

    def __init__(
        self, kept: list[NDArray[Any]], variables: list[Slot], local: SlottedRegion, most: int
    ) -> None:
        self.most = most
        self.displacement: NDArray[np.uint64] = np.zeros(len(kept[0]), dtype=np.uint64)
        self._kept = kept
        self._stacks = [np.zeros((1, *values.shape), dtype=values.dtype) for values in kept]
        self._variables = variables
        self._local = local
        self._displacements: list[int] = [0]
        self._depth: Index = np.zeros(len(kept[0]), dtype=np.int64)

    def reset(self) -> None:
        """Forget all activations."""
        self._depth.fill(0)
        self.displacement.fill(0)

    def without_room(self, lanes: Lanes) -> Lanes | None:
        """The lanes whose stack is full; None where there are none."""
        return lanes.pick(lanes.take(self._depth) >= self.most)

    def enter(self, lanes: Lanes) -> None:
        """Begin one more activation in these lanes, which have room for it."""
        index = lanes.index
        depth = self._depth[index]
        while int(depth.max()) >= len(self._stacks[0]):
            self._stacks = [np.concatenate([s, np.zeros_like(s)]) for s in self._stacks]
        for stack, values in zip(self._stacks, self._kept, strict=True):
            stack[depth, index] = values[index]
        self._depth[index] = depth + 1
        self._move(index, depth)

    def leave(self, lanes: Lanes) -> None:
        """End the last activation of these lanes."""
        index = lanes.index
        depth = self._depth[index] - 1
        for stack, values in zip(self._stacks, self._kept, strict=True):
            values[index] = stack[depth, index]
        self._depth[index] = depth
        self._move(index, np.maximum(depth - 1, 0))

    def _move(self, index: Index, activation: Index) -> None:
        """Point the local variables at those of the ``activation``-th, from 0."""
        if not self._variables:
            return
        while int(activation.max()) >= len(self._displacements):
            self._displacements.append(self._local.grow(self._variables))
        self.displacement[index] = np.array(self._displacements, dtype=np.uint64)[activation]


Arrive = Callable[[NDArray[np.bool_]], None]
"""Writes what some of the lanes asked for. Takes one bool for each lane that asked."""


@dataclass(slots=True)
class _Copy:
    """Copies that lanes asked for with one instruction.

    Attributes:
        number: Of the instruction among those that copied.
        group: For each of these lanes, which of its groups they belong to.
        waits: For each of these lanes, whether they are still under way.
    """

    lanes: Lanes
    arrive: Arrive
    number: int
    group: NDArray[np.int64]
    waits: NDArray[np.bool_]


class PendingCopies:
    """The copies that are under way.

    Args:
        total: Lanes in flight.

    Attributes:
        begun: How many instructions have asked for copies.
    """

    def __init__(self, total: int) -> None:
        self.begun = 0
        self._committed: NDArray[np.int64] = np.zeros(total, dtype=np.int64)
        """How many groups each lane has made."""
        self._copies: list[_Copy] = []

    def reset(self) -> None:
        """Forget all copies: other blocks take over the lanes."""
        self._committed.fill(0)
        self._copies.clear()

    def begin(self, lanes: Lanes, arrive: Arrive) -> None:
        """Note a copy for each lane; ``arrive`` is called once for each of them, or never."""
        group = lanes.take(self._committed).copy()
        waits = np.ones(lanes.count, dtype=np.bool_)
        self.begun += 1
        self._copies.append(_Copy(lanes, arrive, self.begun, group, waits))

    def commit(self, lanes: Lanes) -> None:
        """Make a group of what these lanes have asked for since their last commit."""
        lanes.put(self._committed, lanes.take(self._committed) + 1)

    def wait(self, lanes: Lanes, *, but: int) -> None:
        """Let the groups of these lanes arrive, except for the last ``but``."""
        before = self._committed - but
        self._let_arrive(lambda copy: copy.group < before[copy.lanes.index], lanes.mask)

    def wait_for_all(self, lanes: Lanes) -> None:
        """Let all copies of these lanes arrive, in a group or not."""
        self._let_arrive(lambda _: True, lanes.mask)

    def arrive_of(self, lanes: Index, most: int) -> None:
        """Let those copies of these lanes arrive that were among the first ``most``."""
        mask = np.zeros(len(self._committed), dtype=np.bool_)
        mask[lanes] = True
        self._let_arrive(lambda copy: copy.number <= most, mask)

    def any_of(self, lanes: NDArray[np.bool_]) -> bool:
        """Whether a copy that one of these lanes asked for is under way."""
        return any((copy.waits & lanes[copy.lanes.index]).any() for copy in self._copies)

    def _let_arrive(self, chosen: Callable[[_Copy], Mask | bool], lanes: Mask) -> None:
        for copy in self._copies:
            arrived = copy.waits & lanes[copy.lanes.index] & chosen(copy)
            if arrived.any():
                copy.waits &= ~arrived
                copy.arrive(arrived)
        self._copies = [copy for copy in self._copies if copy.waits.any()]


HEAP_BYTES = 8 << 20
"""CUDA C++ Programming Guide, "Dynamic Global Memory Allocation": the heap's size by default."""


class Heap:
    """What kernels have allocated on one device memory."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._used = 0

    def allocate(self, memory: GlobalMemory, size: int) -> int:
        """The address of ``size`` new bytes; 0 where there is no room."""
        size = max(size, 1)
        if self._used + size > HEAP_BYTES:
            return 0
        try:
            address = memory.allocate(size)
        except OutOfDeviceMemory:
            return 0
        self._sizes[address] = size
        self._used += size
        return address

    def free(self, memory: GlobalMemory, address: int) -> bool:
        """Free an allocation; returns False where it is not one, or was freed before."""
        size = self._sizes.pop(address, None)
        if size is None:
            return False
        self._used -= size
        memory.free(address)
        return True
