"""From the address operand of an instruction to checked places in a region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import BASE_ADDRESS
from grader.device.checks.events import (
    FaultyAccess,
    MemoryAccess,
    MemoryInstruction,
    Ordering,
    StrongAccess,
)
from grader.device.cuda import CudaResult, KernelFault
from grader.device.evidence import Space
from grader.device.lanes import Index, Lanes, Mask
from grader.device.ptx.model import Address, Register, Symbol
from grader.device.simt.binding import Binding
from grader.device.simt.clusters import OWN_LIMIT, split_address
from grader.device.simt.machine import Machine
from grader.device.simt.regions import (
    LOCAL_WINDOW,
    PARAM_WINDOW,
    SHARED_WINDOW,
    WINDOW_SIZE,
    MemoryRegion,
)
from grader.errors import UnsupportedByDevice

Offsets = Index | int
_WINDOWS = (
    (SHARED_WINDOW, Space.SHARED),
    (LOCAL_WINDOW, Space.LOCAL),
    (PARAM_WINDOW, Space.PARAM),
)
_ONES = {1: 0x01, 2: 0x0101, 4: 0x01010101, 8: 0x0101010101010101}


@dataclass(slots=True)
class ResolvedAccess:
    """An access of some lanes to one region, found to be inside it."""

    region: MemoryRegion
    space: Space
    lanes: Lanes
    offsets: Offsets
    flat: Any
    """Index of the first byte: one per lane, or one for all (parameters)."""


class AddressOperand:
    """``[base+offset]`` of one instruction on one machine.

    Args:
        space: The state space, or None for a generic address.
        access: What the instruction does there.
        cluster: Whether it is ``.shared::cluster``, and so may be another block's.
    """

    def __init__(
        self,
        binding: Binding,
        operand: Address,
        space: Space | None,
        access: MemoryInstruction,
        *,
        cluster: bool = False,
    ) -> None:
        self.machine: Machine = binding.machine
        self.access = access
        self.space = space
        self.cluster = cluster
        self.span = access.size * access.elements
        self.register: NDArray[Any] | None = None
        self.constant = operand.offset
        if isinstance(operand.base, Symbol):
            self.constant += binding.address_of(operand.base)
            self.register = binding.moved(operand.base)
        elif isinstance(operand.base, Register):
            register = binding.machine.register(binding.site, operand.base.name)
            if register.dtype not in (np.uint32, np.uint64):
                raise binding.error("an address in a register of the wrong type")
            self.register = register
        self.constant = _signed(self.constant)
        self.is_global = space in (Space.GLOBAL, Space.CONST)

    def resolve(self, lanes: Lanes) -> Iterator[ResolvedAccess]:
        """The places that the lanes access, one region after the other.

        Raises:
            KernelFault: A lane's address is outside of everything, or misaligned.
        """
        if self.is_global:
            yield self._inside(self.machine.global_, self.space, lanes, self._from_base(lanes))
        elif self.cluster:
            offsets = np.asarray(self._offsets(lanes), dtype=np.int64)
            yield self._in_cluster(lanes, np.broadcast_to(offsets, (lanes.count,)))
        elif self.space is not None:
            region = self.machine.region_of(self.space)
            yield self._inside(region, self.space, lanes, self._offsets(lanes))
        else:
            yield from self._generic(lanes)

    def _offsets(self, lanes: Lanes) -> Offsets:
        if self.register is None:
            return self.constant
        # Signed: cell -1 of the first array is 4 bytes before it, not 4 GiB after it.
        register = lanes.take(self.register).view(f"i{self.register.itemsize}")
        offsets: Index = np.add(register, self.constant, dtype=np.int64, casting="unsafe")
        return offsets

    def _from_base(self, lanes: Lanes) -> Offsets:
        if self.register is None:
            return _signed(self.constant - BASE_ADDRESS)
        shift = np.uint64((self.constant - BASE_ADDRESS) & (1 << 64) - 1)
        offsets: Index = np.add(lanes.take(self.register), shift, dtype=np.uint64).view(np.int64)
        return offsets

    def _generic(self, lanes: Lanes) -> Iterator[ResolvedAccess]:
        """Split lanes by the window that their address lies in."""
        offsets = self._from_base(lanes)
        if isinstance(offsets, int):
            offsets = np.full(lanes.count, offsets, dtype=np.int64)
        if int(offsets.min()) >= 0 and int(offsets.max()) < self.machine.memory.window:
            yield self._inside(self.machine.global_, Space.GLOBAL, lanes, offsets)
            return
        rest = np.ones(lanes.count, dtype=np.bool_)
        for window, space in _WINDOWS:
            inside = (offsets >= window - BASE_ADDRESS) & (
                offsets < window - BASE_ADDRESS + WINDOW_SIZE
            )
            if inside.any():
                rest &= ~inside
                chosen = lanes.pick(inside)
                assert chosen is not None
                own = offsets[inside] + (BASE_ADDRESS - window)
                if space is Space.SHARED:
                    yield self._in_cluster(chosen, own)
                    continue
                yield self._inside(self.machine.region_of(space), space, chosen, own)
        if rest.any():
            chosen = lanes.pick(rest)
            assert chosen is not None
            yield self._inside(self.machine.global_, Space.GLOBAL, chosen, offsets[rest])

    def _in_cluster(self, lanes: Lanes, offsets: Index) -> ResolvedAccess:
        """Shared memory, of the own block or of another one of the cluster."""
        machine = self.machine
        if int(offsets.max()) < OWN_LIMIT:
            return self._inside(machine.shared, Space.SHARED, lanes, offsets)
        ranks, within = split_address(offsets)
        blocks = machine.clusters.blocks(machine.block[lanes.index], ranks)
        nowhere = blocks < 0
        if nowhere.any():
            for tell in machine.observers.outside:
                tell(self._faulty(machine.shared, Space.SHARED, lanes, offsets, nowhere))
            raise KernelFault(CudaResult.ILLEGAL_ADDRESS)
        resolved = self._inside(machine.shared, Space.SHARED, lanes, within)
        resolved.flat = within + blocks * machine.shared.stride
        for tell_remote in machine.observers.remote:
            tell_remote(self.element(resolved, resolved.flat, 0), blocks)
        return resolved

    def _inside(
        self, region: MemoryRegion, space: Space | None, lanes: Lanes, offsets: Offsets
    ) -> ResolvedAccess:
        assert space is not None
        if isinstance(offsets, int):
            first = last = bits = offsets
        else:
            first, last = int(offsets.min()), int(offsets.max())
            bits = int(np.bitwise_or.reduce(offsets))
        if bits & self.span - 1:
            self._misaligned(region, space, lanes, offsets)
        if not region.inside(first, last + self.span - 1):
            self._outside(region, space, lanes, offsets)
        return ResolvedAccess(region, space, lanes, offsets, region.flat(offsets, lanes))

    def _outside(self, region: MemoryRegion, space: Space, lanes: Lanes, offsets: Offsets) -> None:
        many = np.broadcast_to(np.asarray(offsets, dtype=np.int64), (lanes.count,))
        outside = region.outside(many, self.span)
        if not outside.any():
            return
        first = BASE_ADDRESS + int(many[np.argmax(outside)]) & (1 << 64) - 1
        if space is Space.GLOBAL and self.machine.memory.is_on_host(first):
            raise UnsupportedByDevice("a kernel uses the host's pinned memory by its address")
        for tell in self.machine.observers.outside:
            tell(self._faulty(region, space, lanes, many, outside))
        raise KernelFault(CudaResult.ILLEGAL_ADDRESS)

    def _misaligned(
        self, region: MemoryRegion, space: Space, lanes: Lanes, offsets: Offsets
    ) -> None:
        many = np.broadcast_to(np.asarray(offsets, dtype=np.int64), (lanes.count,))
        crooked = many & self.span - 1 != 0
        for tell in self.machine.observers.misaligned:
            tell(self._faulty(region, space, lanes, many, crooked))
        raise KernelFault(CudaResult.MISALIGNED_ADDRESS)

    def _faulty(
        self, region: MemoryRegion, space: Space, lanes: Lanes, offsets: Index, which: Mask
    ) -> FaultyAccess:
        first = int(offsets[np.argmax(which)])
        return FaultyAccess(self.access, region, space, lanes.index[which], first)

    # What a load or store does with a resolved access

    def watch(self, resolved: ResolvedAccess, at: Any, element: int, values: Any = None) -> None:
        """Tell the checks of one element, before memory changes.

        Args:
            at: The element's first byte, for each lane.
            values: What a store is about to write.
        """
        told = self.machine.observers.accesses[self.access.kind]
        if told:
            access = self.element(resolved, at, element, values)
            for tell in told:
                tell(access)

    def element(
        self, resolved: ResolvedAccess, at: Any, element: int, values: Any = None
    ) -> MemoryAccess:
        """What the checks are told of one element, as `watch` tells it."""
        return MemoryAccess(
            self.access,
            resolved.region,
            resolved.space,
            resolved.lanes,
            resolved.offsets,
            at,
            element,
            values,
        )

    def gather(self, resolved: ResolvedAccess, at: Any, element: int) -> Any:
        """The values of one element."""
        size = self.access.size
        cell = at >> size.bit_length() - 1
        values = resolved.region.data[size][cell]
        written = resolved.region.written
        if written is None:
            return values
        state = written[size][cell]
        if np.all(state == _ONES[size]):
            return values
        for tell in self.machine.observers.unwritten:
            tell(self.element(resolved, at, element), np.asarray(state != _ONES[size]))
        if resolved.region is self.machine.global_:
            return _poisoned(values, state, at, size, self.machine.memory.poison)
        return values

    def turns(self, lanes: Lanes) -> Index | None:
        """The order in which lanes take their turns within one instruction; None: ascending."""
        ranks = self.machine.ranks
        return None if ranks is None else np.argsort(lanes.take(ranks), kind="stable")

    def scatter(self, resolved: ResolvedAccess, at: Any, values: Any) -> None:
        """Store one element; where lanes collide, the one whose turn is last wins."""
        size = self.access.size
        cell = at >> size.bit_length() - 1
        turns = self.turns(resolved.lanes)
        if turns is not None:
            cell = cell[turns]
            values = values[turns] if np.ndim(values) else values
        resolved.region.data[size][cell] = values
        self.mark(resolved, cell, turns)

    def mark(self, resolved: ResolvedAccess, cell: Any, turns: Index | None = None) -> None:
        """Note that these lanes wrote these cells, in the order of their turns."""
        size = self.access.size
        if resolved.region.written is not None:
            resolved.region.written[size][cell] = _ONES[size]
        if resolved.region is self.machine.global_:
            stamps = self.machine.memory.stamps.reshape(-1, size)
            writers = resolved.lanes.take(self.machine.stamps)
            stamps[cell] = (writers if turns is None else writers[turns])[:, None]

    def strong(
        self, resolved: ResolvedAccess, ordering: Ordering, wrote: Mask | None = None
    ) -> None:
        """Tell the checks of a strong access that these lanes have made.

        Args:
            wrote: Of an atomic: which of the lanes changed the cell.
        """
        self.machine.mbarriers.acted(resolved.lanes.index)
        told = self.machine.observers.strong
        if not told:
            return
        at = np.broadcast_to(np.asarray(resolved.flat, dtype=np.int64), (resolved.lanes.count,))
        lanes = resolved.lanes.index
        turns = None if self.access.kind == "read" else self.turns(resolved.lanes)
        if turns is not None:
            at, lanes = at[turns], lanes[turns]
            wrote = None if wrote is None else wrote[turns]
        access = StrongAccess(self.access, resolved.region.space, at, lanes, ordering, wrote)
        for tell in told:
            tell(access)


def _signed(address: int) -> int:
    """An address modulo 2**64, as a signed number."""
    return (address + (1 << 63)) % (1 << 64) - (1 << 63)


def _poisoned(
    values: NDArray[Any], state: NDArray[Any], at: NDArray[Any], size: int, poison: int
) -> NDArray[Any]:
    """``values`` with the poison in those bytes that nothing wrote."""
    bytes_of = np.frombuffer((poison | poison << 32).to_bytes(8, "little"), dtype=np.uint8)
    place = (np.asarray(at)[..., None] + np.arange(size)) % 4
    fill = np.ascontiguousarray(bytes_of[place]).view(values.dtype)[..., 0]
    mask = state * np.array(255, dtype=values.dtype)
    result: NDArray[Any] = values & mask | fill & ~mask
    return result
