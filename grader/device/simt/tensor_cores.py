"""``mma``, ``ldmatrix`` and ``stmatrix``: instructions of a whole warp on matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.events import MemoryInstruction
from grader.device.cuda import WARP
from grader.device.evidence import Space
from grader.device.lanes import Index, Lanes
from grader.device.ptx.model import Address, Immediate, Operand, Vector
from grader.device.semantics.matrix import (
    SHAPES,
    Words,
    fragment_to_rows,
    rows_to_fragment,
)
from grader.device.simt.addressing import AddressOperand, ResolvedAccess
from grader.device.simt.binding import Binding
from grader.device.simt.control import Router, Transfer
from grader.device.simt.warps import U32, Action, WarpWaits, waiting

_ALL_LANES = Immediate(0xFFFFFFFF)
_COUNTS = {"x1": 1, "x2": 2, "x4": 4}
_WORDS = 4
"""Words of 32 bits in a row of 8 halves."""
_ROWS = 8


def bind_tensor(binding: Binding, router: Router, waits: WarpWaits) -> Transfer:
    """An instruction on matrices, as a transfer.

    Raises:
        UnsupportedByDevice: Its form is not there.
    """
    parts = binding.site.instruction.modifiers
    if parts[:2] != ("sync", "aligned"):
        raise binding.site.unsupported()
    bind = {"mma": _multiply, "ldmatrix": _load, "stmatrix": _store}[binding.site.instruction.base]
    action = bind(binding, waits, ".".join(parts[2:]))
    return waiting(binding, router, waits, _ALL_LANES, action)


class _Warps:
    """The warps of some lanes, each with a row for each of its 32 threads.

    Tells the checks of warps that are not complete: "the mandatory .aligned qualifier indicates
    that all threads in the warp must execute the same" instruction (PTX ISA, ``mma``). What such a
    warp computes with in place of the missing threads' values is the poison.
    """

    def __init__(self, binding: Binding, waits: WarpWaits, lanes: Lanes) -> None:
        self.lanes = lanes
        self._laneid: Index = waits.laneid[lanes.index]
        self._poison = np.uint32(binding.machine.memory.poison)
        numbers, self._place = np.unique(waits.warp[lanes.index], return_inverse=True)
        self.count = len(numbers)
        self.whole = lanes.count == WARP * self.count
        if not self.whole:
            present = np.bincount(self._place)
            first = lanes.index[present[self._place] < WARP]
            for tell in binding.machine.observers.incomplete:
                tell(binding.site.pc, first, int(present[present < WARP][0]))

    def table(self, columns: list[Any]) -> Words:
        """Values of the lanes by warp, thread, and place in the list."""
        taken = [self._of(column) for column in columns]
        values = np.stack(taken, axis=1)
        if self.whole:
            return values.reshape(self.count, WARP, len(columns))
        result: Words = np.full((self.count, WARP, len(columns)), self._poison, dtype=np.uint32)
        result[self._place, self._laneid] = values
        return result

    def put(self, targets: list[NDArray[Any]], values: Words) -> None:
        """Give each lane its values."""
        own = values[self._place, self._laneid]
        for k, target in enumerate(targets):
            self.lanes.put(target, own[:, k])

    def rows(
        self, address: AddressOperand, count: int
    ) -> Iterator[tuple[ResolvedAccess, Index, Index]]:
        """The rows of ``count`` matrices that threads name, with their warps and numbers."""
        naming = self._laneid < _ROWS * count
        lanes = self.lanes.pick(naming)
        if lanes is None:
            return
        for resolved in address.resolve(lanes):
            own = np.searchsorted(lanes.index, resolved.lanes.index)
            yield resolved, self._place[naming][own], self._laneid[naming][own]

    def _of(self, column: Any) -> NDArray[np.uint32]:
        if isinstance(column, np.ndarray) and column.ndim:
            return self.lanes.take(column)
        return np.full(self.lanes.count, column, dtype=np.uint32)


def _items(binding: Binding, operand: Operand, count: int) -> tuple[Operand, ...]:
    items = operand.items if isinstance(operand, Vector) else (operand,)
    if len(items) != count:
        raise binding.error(f"a fragment of {len(items)} registers in place of {count}")
    return items


def _multiply(binding: Binding, waits: WarpWaits, form: str) -> Action:
    shape = SHAPES.get(form)
    if shape is None:
        raise binding.site.unsupported()
    destination, *sources = binding.operands(4)
    fragments = (shape.a, shape.b, shape.c)
    columns = [
        [binding.source(item, U32) for item in _items(binding, operand, fragment.registers)]
        for operand, fragment in zip(sources, fragments, strict=True)
    ]
    targets = [
        binding.destination(item, U32) for item in _items(binding, destination, shape.c.registers)
    ]

    def action(lanes: Lanes, _: Any) -> None:
        warps = _Warps(binding, waits, lanes)
        a, b, c = (warps.table(each) for each in columns)
        warps.put(targets, shape.multiply(a, b, c))

    return action


def _form(binding: Binding, form: str) -> tuple[int, bool, Space | None]:
    """How many matrices, whether they are transposed, and the state space."""
    shape, count, *rest = form.split(".")
    transposed = rest[:1] == ["trans"]
    space, type_ = rest[transposed:-1], rest[-1:]
    if shape != "m8n8" or count not in _COUNTS or type_ != ["b16"]:
        raise binding.site.unsupported()
    if space not in ([], ["shared"], ["shared::cta"]):
        raise binding.site.unsupported()
    return _COUNTS[count], transposed, Space.SHARED if space else None


def _address(binding: Binding, operand: Operand, space: Space | None, kind: str) -> AddressOperand:
    if not isinstance(operand, Address):
        raise binding.error("no address")
    access = MemoryInstruction(binding.site.pc, kind, U32.itemsize, _WORDS)
    return AddressOperand(binding, operand, space, access)


def _load(binding: Binding, waits: WarpWaits, form: str) -> Action:
    """``ldmatrix``: 8 rows of 16 bytes for each matrix, each named by a thread of its own."""
    count, transposed, space = _form(binding, form)
    destination, source = binding.operands(2)
    targets = [binding.destination(item, U32) for item in _items(binding, destination, count)]
    address = _address(binding, source, space, "read")

    def action(lanes: Lanes, _: Any) -> None:
        warps = _Warps(binding, waits, lanes)
        poison = binding.machine.memory.poison
        rows: Words = np.full((warps.count, count * _ROWS, _WORDS), poison, dtype=np.uint32)
        for resolved, warp, row in warps.rows(address, count):
            for k in range(_WORDS):
                at = resolved.flat + k * U32.itemsize
                address.watch(resolved, at, k)
                rows[warp, row, k] = address.gather(resolved, at, k)
        halves = rows.view(np.uint16).reshape(warps.count, count, _ROWS, 8)
        warps.put(targets, rows_to_fragment(halves, transposed=transposed))

    return action


def _store(binding: Binding, waits: WarpWaits, form: str) -> Action:
    """``stmatrix``: the reverse of ``ldmatrix``."""
    count, transposed, space = _form(binding, form)
    destination, source = binding.operands(2)
    columns = [binding.source(item, U32) for item in _items(binding, source, count)]
    address = _address(binding, destination, space, "write")

    def action(lanes: Lanes, _: Any) -> None:
        warps = _Warps(binding, waits, lanes)
        halves = fragment_to_rows(warps.table(columns), transposed=transposed)
        words = halves.view(np.uint32).reshape(warps.count, count * _ROWS, _WORDS)
        for resolved, warp, row in warps.rows(address, count):
            for k in range(_WORDS):
                at = resolved.flat + k * U32.itemsize
                values = words[warp, row, k]
                address.watch(resolved, at, k, values)
                address.scatter(resolved, at, values)

    return action
