"""From the address operand of an instruction to checked places in a region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import BASE_ADDRESS
from grader.device.checks.access import Access
from grader.device.checks.bounds import report_misaligned, report_outside
from grader.device.checks.handover import Meaning
from grader.device.checks.races import Detail
from grader.device.checks.uninitialised import report_unwritten
from grader.device.evidence import Space, Touch
from grader.device.ptx.model import Address, Register, Symbol
from grader.device.results import Result
from grader.device.simt.binding import Binding
from grader.device.simt.faults import KernelFault
from grader.device.simt.lanes import Index, Lanes
from grader.device.simt.machine import Machine
from grader.device.simt.program import Site
from grader.device.simt.regions import (
    LOCAL_WINDOW,
    PARAM_WINDOW,
    SHARED_WINDOW,
    WINDOW_SIZE,
    Region,
)

Offsets = Index | int
_BASE = np.uint64(BASE_ADDRESS)
_WINDOWS = (
    (SHARED_WINDOW, Space.SHARED),
    (LOCAL_WINDOW, Space.LOCAL),
    (PARAM_WINDOW, Space.PARAM),
)
_ONES = {1: 0x01, 2: 0x0101, 4: 0x01010101, 8: 0x0101010101010101}


class SitePlace:
    """What findings say of an instruction."""

    def __init__(self, site: Site, files: dict[int, str]) -> None:
        self.line = site.line
        self.text = site.instruction.text
        location = site.location
        self.source_file = files.get(location.file) if location else None
        self.source_line = location.line if location else None


@dataclass(slots=True)
class Reach:
    """An access of some lanes to one region, found to be inside it."""

    region: Region
    space: Space
    lanes: Lanes
    offsets: Offsets
    flat: Any
    """Index of the first byte: one per lane, or one for all (parameters)."""

    def offset(self, k: int) -> int:
        """The offset of the k-th lane."""
        return self.offsets if isinstance(self.offsets, int) else int(self.offsets[k])


class AddressOperand:
    """``[base+offset]`` of one instruction on one machine.

    Args:
        space: The state space, or None for a generic address.
        access: What the instruction does there.
    """

    def __init__(
        self, binding: Binding, operand: Address, space: Space | None, access: Access
    ) -> None:
        self.machine: Machine = binding.machine
        self.access = access
        self.space = space
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
        self.check_unwritten = binding.machine.shape.checks.uninitialised
        self.check_bounds = binding.machine.shape.checks.bounds

    def reach(self, lanes: Lanes) -> Iterator[Reach]:
        """Where the lanes access, one region after the other.

        Raises:
            KernelFault: A lane's address is outside of everything, or misaligned.
        """
        if self.is_global:
            yield self._inside(self.machine.global_, self.space, lanes, self._from_base(lanes))
        elif self.space is not None:
            region = self.machine.region_of(self.space)
            yield self._inside(region, self.space, lanes, self._offsets(lanes))
        else:
            yield from self._generic(lanes)

    def _offsets(self, lanes: Lanes) -> Offsets:
        if self.register is None:
            return self.constant
        # Signed: cell -1 of the first array is 4 bytes before it, not 4 GiB behind.
        register = lanes.take(self.register).view(f"i{self.register.itemsize}")
        offsets: Index = np.add(register, self.constant, dtype=np.int64, casting="unsafe")
        return offsets

    def _from_base(self, lanes: Lanes) -> Offsets:
        if self.register is None:
            return _signed(self.constant - BASE_ADDRESS)
        shift = np.uint64((self.constant - BASE_ADDRESS) & (1 << 64) - 1)
        offsets: Index = np.add(lanes.take(self.register), shift, dtype=np.uint64).view(np.int64)
        return offsets

    def _generic(self, lanes: Lanes) -> Iterator[Reach]:
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
                yield self._inside(self.machine.region_of(space), space, chosen, own)
        if rest.any():
            chosen = lanes.pick(rest)
            assert chosen is not None
            yield self._inside(self.machine.global_, Space.GLOBAL, chosen, offsets[rest])

    def _inside(self, region: Region, space: Space | None, lanes: Lanes, offsets: Offsets) -> Reach:
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
        return Reach(region, space, lanes, offsets, region.flat(offsets, lanes))

    def _outside(self, region: Region, space: Space, lanes: Lanes, offsets: Offsets) -> None:
        many = np.broadcast_to(np.asarray(offsets, dtype=np.int64), (lanes.count,))
        outside = region.outside(many, self.span)
        if not outside.any():
            return
        if self.check_bounds:
            place = int(np.argmax(outside))
            address, cell, where = region.locate(int(many[place]), self.access.size)
            report_outside(
                self.access,
                self.machine.wave,
                lanes.index[outside],
                space=space,
                address=address,
                cell=cell,
                where=where,
            )
        raise KernelFault(Result.ILLEGAL_ADDRESS)

    def _misaligned(self, region: Region, space: Space, lanes: Lanes, offsets: Offsets) -> None:
        many = np.broadcast_to(np.asarray(offsets, dtype=np.int64), (lanes.count,))
        crooked = many & self.span - 1 != 0
        if self.check_bounds:
            address, _, _ = region.locate(int(many[np.argmax(crooked)]), 1)
            report_misaligned(
                self.access, self.machine.wave, lanes.index[crooked], space=space, address=address
            )
        raise KernelFault(Result.MISALIGNED_ADDRESS)

    # What a load or store does with a reach

    def watch(self, reach: Reach, at: Any, element: int, values: Any = None) -> None:
        """Tell the race check of one element.

        Args:
            at: The element's first byte, for each lane.
            values: What a store is about to write.
        """
        race = self.machine.races.get(reach.region.space)
        if race is None:
            return
        size = self.access.size

        def unchanged(k: int, other: int | None) -> bool:
            many = np.broadcast_to(values, (reach.lanes.count,))
            if other is not None:
                return bool(many[k] == many[np.searchsorted(reach.lanes.index, other)])
            return bool(many[k] == reach.region.data[size][int(at[k]) // size])

        detail = Detail(
            lambda k: reach.region.locate(reach.offset(k) + element * size, size), unchanged
        )
        lanes = None if reach.lanes.full else reach.lanes.index
        race.watch(self.access, self.machine.wave, at, lanes, detail)

    def gather(self, reach: Reach, at: Any, element: int) -> Any:
        """The values of one element; reports those that nothing wrote."""
        size = self.access.size
        cell = at >> size.bit_length() - 1
        values = reach.region.data[size][cell]
        written = reach.region.written
        if written is None:
            return values
        state = written[size][cell]
        if np.all(state == _ONES[size]):
            return values
        unwritten = np.asarray(state != _ONES[size])
        moved = reach.space is Space.LOCAL and self.machine.program.traits.heap
        if self.check_unwritten and not moved:
            self._unwritten(reach, unwritten, element)
        if reach.region is self.machine.global_:
            return _poisoned(values, state, at, size, self.machine.memory.poison)
        return values

    def _unwritten(self, reach: Reach, unwritten: NDArray[np.bool_], element: int) -> None:
        size = self.access.size
        offset = reach.offset(int(np.argmax(unwritten))) + element * size
        address, cell, where = reach.region.locate(offset, size)
        lanes = reach.lanes.index[unwritten]
        block = self.machine.block == self.machine.block[lanes[0]]

        def touches(most: int) -> Iterator[Touch]:
            for k, lane in zip(np.flatnonzero(unwritten)[:most], lanes, strict=False):
                block, thread, _ = self.machine.wave.who(int(lane))
                offset = reach.offset(int(k)) + element * size
                yield Touch(block, thread, *self.machine.shared.element(offset, size))

        report_unwritten(
            self.access,
            self.machine.wave,
            lanes,
            space=reach.space,
            address=address,
            cell=cell,
            where=_in_space(where, reach.space),
            copies_under_way=reach.space is Space.SHARED and self.machine.copies.any_of(block),
            touches=touches if reach.space is Space.SHARED else None,
        )

    def turns(self, lanes: Lanes) -> Index | None:
        """The order in which lanes have their turn within one instruction; None: as they are."""
        ranks = self.machine.ranks
        return None if ranks is None else np.argsort(lanes.take(ranks), kind="stable")

    def scatter(self, reach: Reach, at: Any, values: Any) -> None:
        """Store one element; where lanes collide, the one whose turn is last wins."""
        size = self.access.size
        cell = at >> size.bit_length() - 1
        turns = self.turns(reach.lanes)
        if turns is not None:
            cell = cell[turns]
            values = values[turns] if np.ndim(values) else values
        reach.region.data[size][cell] = values
        self.mark(reach, cell, turns)

    def mark(self, reach: Reach, cell: Any, turns: Index | None = None) -> None:
        """Note that these lanes wrote these cells, in the order of their turns."""
        size = self.access.size
        if reach.region.written is not None:
            reach.region.written[size][cell] = _ONES[size]
        if reach.region is self.machine.global_:
            stamps = self.machine.memory.stamps.reshape(-1, size)
            writers = reach.lanes.take(self.machine.stamps)
            stamps[cell] = (writers if turns is None else writers[turns])[:, None]

    # What a strong access means for the order of threads

    def acquire(self, reach: Reach, meaning: Meaning) -> None:
        """These lanes have made a strong read."""
        order = self.machine.order
        if order.handover is not None:
            at, lanes = self._placed(reach, None)
            order.handover.read(reach.region.space, at, lanes, order.now, meaning)

    def release(self, reach: Reach, meaning: Meaning) -> None:
        """These lanes have made a strong write."""
        order = self.machine.order
        if order.handover is not None:
            at, lanes = self._placed(reach, self.turns(reach.lanes))
            order.handover.write(reach.region.space, at, lanes, order.now, meaning)

    def update(self, reach: Reach, meaning: Meaning, wrote: NDArray[np.bool_]) -> None:
        """These lanes have made an atomic update, where ``wrote``."""
        order = self.machine.order
        if order.handover is not None:
            turns = self.turns(reach.lanes)
            at, lanes = self._placed(reach, turns)
            wrote = wrote if turns is None else wrote[turns]
            order.handover.update(reach.region.space, at, lanes, wrote, order.now, meaning)

    @staticmethod
    def _placed(reach: Reach, turns: Index | None) -> tuple[Index, Index]:
        at = np.broadcast_to(np.asarray(reach.flat, dtype=np.int64), (reach.lanes.count,))
        return (at, reach.lanes.index) if turns is None else (at[turns], reach.lanes.index[turns])


def _signed(address: int) -> int:
    """An address modulo 2**64, as a signed number."""
    return (address + (1 << 63)) % (1 << 64) - (1 << 63)


def _in_space(where: str, space: Space) -> str:
    return where if str(space) in where else f"{where} in {space} memory"


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
