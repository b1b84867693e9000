"""What checks are told (launch, blocks in flight, events), and where they report findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.device.evidence import (
    AccessTrace,
    Dim3,
    Finding,
    FindingKind,
    InstructionCounts,
    SourcePlace,
    Space,
    Touch,
    of_file,
)
from grader.device.lanes import Index, Lanes, Mask
from grader.device.memory import GlobalMemory, unravel

EXACT_LANES = 1024
"""Up to so many threads in flight, checks follow what each thread knows of each other one."""
MOST_FINDINGS = 50
"""Distinct findings kept of one launch."""
MOST_TOUCHED = 1024
"""Occurrences of a finding that are kept one by one."""

Touches = Callable[[int], Iterable[Touch]]
"""The first occurrences of a finding, at most as many as asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlace:
    """An instruction of the PTX, and where it comes from."""

    line: int
    opcode: str
    text: str
    source: tuple[SourcePlace, ...]
    """See `Finding.source`."""
    own_file: str
    """The file that the kernel is in; empty where that is not known."""


class Recorder:
    """The findings of one launch.

    Args:
        kernel: The entry's name.
        grid: The launch's blocks, and
        block: the threads of one.
    """

    def __init__(self, kernel: str, grid: Dim3, block: Dim3) -> None:
        self.kernel = kernel
        self.grid = grid
        self.block = block
        self.threads = block[0] * block[1] * block[2]
        self.trace: Callable[[], AccessTrace | None] = lambda: None
        """The accesses of one block, where a check keeps them."""
        self.profile: Callable[[], tuple[InstructionCounts, ...]] = tuple
        """What each instruction cost, where a check counts it."""
        self._found: dict[tuple[object, ...], Finding] = {}
        self._counts: dict[tuple[object, ...], int] = {}
        self._touched: dict[tuple[object, ...], list[Touch]] = {}

    def add(
        self,
        kind: FindingKind,
        place: CodePlace | None,
        count: int,
        make: Callable[[], Finding],
        *,
        space: Space | None = None,
        access: str | None = None,
        touches: Touches | None = None,
    ) -> None:
        """Count ``count`` occurrences; ``make`` describes the first, if it is a new finding."""
        key = (kind, place.line if place else 0, space, access)
        if key in self._counts:
            self._counts[key] += count
        elif len(self._found) < MOST_FINDINGS:
            self._counts[key] = count
            finding = make()
            if place is not None:
                own = of_file(place.source, lambda file: file == place.own_file)
                finding = msgspec.structs.replace(
                    finding,
                    ptx_line=place.line,
                    ptx_text=place.text,
                    source=place.source,
                    source_file=own.file if own else None,
                    source_line=own.line if own else None,
                )
            self._found[key] = finding
        if touches is not None and key in self._found:
            kept = self._touched.setdefault(key, [])
            if len(kept) < MOST_TOUCHED:
                kept += touches(MOST_TOUCHED - len(kept))

    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order in which they were first made."""
        return tuple(
            msgspec.structs.replace(
                finding, count=self._counts[key], touched=tuple(self._touched.get(key, ()))
            )
            for key, finding in self._found.items()
        )

    def who(self, block: int, thread: int) -> tuple[Dim3, Dim3, str]:
        """A thread by linear indices: its block, itself, and ``thread 3 of block 1``."""
        block_index = unravel(block, self.grid)
        thread_index = unravel(thread, self.block)
        return (
            block_index,
            thread_index,
            f"thread {_index(thread_index, self.block)} of block {_index(block_index, self.grid)}",
        )


def _index(index: Dim3, shape: Dim3) -> str:
    if shape[1] == shape[2] == 1:
        return str(index[0])
    if shape[2] == 1:
        return f"({index[0]}, {index[1]})"
    return f"({index[0]}, {index[1]}, {index[2]})"


MBARRIER_SIZE = 8
"""Bytes of an mbarrier, and its alignment (PTX ISA, "Size and alignment of mbarrier object")."""
PAST = {"read": "read", "write": "wrote", "atomic": "updated atomically"}


@dataclass(frozen=True, slots=True)
class MemoryInstruction:
    """An instruction that accesses memory.

    Attributes:
        pc: Its program counter.
        kind: ``"read"``, ``"write"`` or ``"atomic"``.
        size: Bytes of one element, and
        elements: how many each thread accesses.
        strong: Whether it may race with other strong accesses (atomic, volatile, relaxed).
    """

    pc: int
    kind: str
    size: int
    elements: int = 1
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Ordering:
    """What a strong access says of order.

    Attributes:
        device: Whether it concerns other blocks too, or (scope ``.cta``) only its own.
        release: Whether it releases by itself; else only what was fenced before is released.
        acquire: Whether it acquires by itself; else what it found is acquired by a fence.
    """

    device: bool = True
    release: bool = False
    acquire: bool = False


class WatchedRegion(Protocol):
    """A state space, as far as checks ask."""

    space: Space
    data: dict[int, NDArray[Any]]
    """Its bytes, as words of 1, 2, 4 and 8 bytes."""

    def locate(self, offset: int, size: int) -> tuple[int, int | None, str]:
        """Address as reported, cell within its variable, and words that say where it is."""

    def element(self, offset: int, size: int) -> tuple[int, int]:
        """Which element of its array lies there, and of how many; 0 where that is not known."""

    def named(self, offset: int, size: int) -> tuple[str, int, int]:
        """What the nearest array is called, which element of it lies there, and of how many."""


@dataclass(slots=True)
class MemoryAccess:
    """One element of a memory instruction, of each of some lanes.

    Attributes:
        region: The memory behind the address.
        space: The state space as reported: constant memory lies in global memory.
        offsets: Where in the space each lane's whole access begins.
        at: Index of the element's first byte in the region's data, for each lane.
        element: Its number within the instruction, from 0.
        values: What a store is about to write.
    """

    instruction: MemoryInstruction
    region: WatchedRegion
    space: Space
    lanes: Lanes
    offsets: Index | int
    at: Any
    element: int = 0
    values: Any = None

    def offset(self, k: int) -> int:
        """Where in the space the k-th lane's element begins."""
        first = self.offsets if isinstance(self.offsets, int) else int(self.offsets[k])
        return first + self.element * self.instruction.size

    def locate(self, k: int) -> tuple[int, int | None, str]:
        """The k-th lane's address, cell, and words that say where it is."""
        return self.region.locate(self.offset(k), self.instruction.size)

    def array(self, k: int) -> str:
        """What `locate` calls the k-th lane's array; empty where it has no name."""
        return self.region.named(self.offset(k), self.instruction.size)[0]

    def leaves(self, winners: Index | None) -> Mask:
        """Which lanes of a store leave what is there.

        Args:
            winners: For each lane, one that writes there with the same instruction: whether it
                writes the same. None for what memory holds before.
        """
        values = np.broadcast_to(self.values, (self.lanes.count,))
        if winners is not None:
            # Lanes that nobody wins over may name one that is not here.
            places = np.searchsorted(self.lanes.index, winners)
            there = np.take(values, np.minimum(places, self.lanes.count - 1))
        else:
            size = self.instruction.size
            there = self.region.data[size][np.asarray(self.at) // size]
        return np.asarray(values == there)


@dataclass(slots=True)
class FaultyAccess:
    """A memory instruction that ends the launch.

    Attributes:
        lanes: Those whose access is at fault.
        offset: Where in the space the first of them begins.
    """

    instruction: MemoryInstruction
    region: WatchedRegion
    space: Space
    lanes: Index
    offset: int


@dataclass(slots=True)
class StrongAccess:
    """A strong access that was made (PTX ISA, "Memory Consistency Model").

    Attributes:
        at: Index of each lane's first byte in the region, in the order of the lanes' turns.
        lanes: The lanes in the same order.
        wrote: Of an atomic: which of them changed the cell.
    """

    instruction: MemoryInstruction
    space: Space
    at: Index
    lanes: Index
    ordering: Ordering
    wrote: Mask | None = None


@dataclass(frozen=True, slots=True)
class PhaseArrival:
    """Arrivals at an mbarrier, or the barrier of a cluster, in one phase.

    Attributes:
        phase: A number that no other phase of any barrier has among the blocks in flight.
        before: That of the phase before it; 0 where it is the first.
        lanes: Who arrived.
        release: Whether what they did before is released by that.
        copies: Whether their asynchronous copies arrived, and not they themselves.
        across: Whether threads of other blocks are concerned, too.
    """

    phase: int
    before: int
    lanes: Index
    release: bool = True
    copies: bool = False
    across: bool = False


@dataclass(slots=True)
class BarrierPassed:
    """A barrier of one or more blocks that has let its threads go.

    Attributes:
        lanes: Who passed it.
        places: For each of them, the program counter of its barrier instruction.
        several: Whether these differ.
        counted: For each of them, whether its barrier has a count of threads.
        whole: The blocks, by their place in the wave, of which it let all live threads go.
    """

    lanes: Lanes
    places: Index | int
    several: bool
    counted: Mask | bool
    whole: Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The launch that a check watches.

    Attributes:
        recorder: Takes findings.
        memory: The device's.
        place: What is said of the instruction at a program counter.
        global_granule, shared_granule: Bytes of the smallest access to the space; no two
            accesses straddle so many.
        fences: Whether the kernel orders what its threads do by fences, releases, acquires or
            mbarriers.
        communicates: Whether threads of different blocks may communicate, by strong accesses.
        copies: Whether it copies asynchronously.
        clusters: Whether blocks form clusters, so that some share each other's shared memory.
        heap: Whether it uses ``malloc``.
    """

    recorder: Recorder
    memory: GlobalMemory
    place: Callable[[int], CodePlace]
    global_granule: int
    shared_granule: int
    fences: bool
    communicates: bool
    copies: bool
    clusters: bool
    heap: bool


@dataclass(slots=True, kw_only=True)
class Wave:
    """The blocks in flight. A lane is one of their threads: all of the first block, and so on.

    Attributes:
        first_block: Linear index of the first.
        threads: Threads of a block.
        block: For each lane, its block's place in the wave.
        warp: For each lane, a number that only its warp has.
        exited: For each lane, whether the thread has ended.
        shared_bytes: The size of shared memory's data, all blocks together.
        copying: Whether asynchronous copies of any of the lanes in a mask are under way.
        mbarriers: The mbarriers that are valid now, by the index of their first byte in shared
            memory's data.
        kept: What checks keep for further waves of the same number of blocks.
    """

    first_block: int
    threads: int
    block: Index
    warp: Index
    exited: Mask
    shared_bytes: int
    copying: Callable[[Mask], bool]
    mbarriers: Mapping[int, object]
    kept: dict[object, Any] = field(default_factory=dict)
