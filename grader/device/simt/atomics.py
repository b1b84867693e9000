"""``atom`` and ``red``: threads update a cell one after the other, in the schedule's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.events import MemoryInstruction
from grader.device.evidence import Space
from grader.device.lanes import Index, Lanes
from grader.device.ptx.model import Address
from grader.device.semantics.operation import DTYPES
from grader.device.simt.accesses import SCOPES, SPACES, STRONG, ordering
from grader.device.simt.addressing import AddressOperand, Reach
from grader.device.simt.binding import Binding, BoundStep

Array = NDArray[Any]
Combine = Callable[[Array, Array, Any], Array]
"""New values from the old ones and the operands b and c."""

_INTEGERS = ("u32", "s32", "u64", "s64")
_TYPES = {
    "add": ("u32", "s32", "u64", "s64", "f32", "f64", "f16", "f16x2"),
    "min": _INTEGERS,
    "max": _INTEGERS,
    "and": ("b32", "b64"),
    "or": ("b32", "b64"),
    "xor": ("b32", "b64"),
    "exch": ("b32", "b64"),
    "cas": ("b16", "b32", "b64"),
    "inc": ("u32",),
    "dec": ("u32",),
}
_UFUNCS = {
    "add": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}


def _add_halves(old: Array, b: Array, c: Any) -> Array:
    result: Array = (
        np.ascontiguousarray(old).view(np.float16) + np.ascontiguousarray(b).view(np.float16)
    ).view(np.uint32)
    return result


_COMBINE: dict[str, Combine] = {
    "add halves": _add_halves,
    "exch": lambda old, b, c: b,
    "cas": lambda old, b, c: np.where(old == b, c, old),
    "inc": lambda old, b, c: np.where(old >= b, np.uint32(0), old + np.uint32(1)),
    "dec": lambda old, b, c: np.where((old == 0) | (old > b), b, old - np.uint32(1)),
}


@dataclass(slots=True)
class _Form:
    space: Space | None
    operation: str
    type: str


def _read_form(binding: Binding) -> _Form:
    *parts, type_ = binding.site.instruction.modifiers or ("",)
    form = _Form(None, "", type_)
    for part in parts:
        head, _, tail = part.partition("::")
        if head in SPACES and tail in ("", "cta") and head in ("global", "shared"):
            form.space = SPACES[head]
        elif part in _TYPES and not form.operation:
            form.operation = part
        elif part not in STRONG and part not in SCOPES and part != "noftz":
            raise binding.site.unsupported()
    if type_ not in _TYPES.get(form.operation, ()):
        raise binding.site.unsupported()
    if type_ == "f16x2":
        form.operation = "add halves"
    return form


def bind_atomic(binding: Binding) -> BoundStep:
    """``atom`` (gives the old value) and ``red`` (does not).

    Raises:
        UnsupportedByDevice: The operation or type is not there.
    """
    form = _read_form(binding)
    dtype = DTYPES[form.type]
    operands = binding.site.instruction.operands
    target = None
    if binding.site.instruction.base == "atom":
        binding.operands(3, 4)
        target, operands = binding.destination(operands[0], dtype), operands[1:]
    if len(operands) != (3 if form.operation == "cas" else 2):
        raise binding.error(f"{len(operands)} operands")
    if not isinstance(operands[0], Address):
        raise binding.error("no address")
    sources = [binding.source(operand, dtype) for operand in operands[1:]]
    access = MemoryInstruction(binding.site.pc, "atomic", dtype.itemsize, strong=True)
    address = AddressOperand(binding, operands[0], form.space, access)
    order = ordering(binding.site.instruction.modifiers)

    def run(lanes: Lanes) -> None:
        for reach in address.reach(lanes):
            b, *rest = [_of(reach.lanes, source) for source in sources]
            old = _update(address, reach, form.operation, dtype, b, rest[0] if rest else None)
            if target is not None:
                reach.lanes.put(target, old)
            failed = old != b if form.operation == "cas" else np.zeros(len(old), dtype=np.bool_)
            address.strong(reach, order, ~failed)

    return binding.step(BoundStep(partial(run, binding.machine.everyone), run))


def _of(lanes: Lanes, source: Any) -> Array:
    return lanes.take(source) if isinstance(source, np.ndarray) else np.full(lanes.count, source)


def _update(
    address: AddressOperand,
    reach: Reach,
    operation: str,
    dtype: np.dtype[Any],
    b: Array,
    c: Array | None,
) -> Array:
    address.watch(reach, reach.flat, 0)
    size = dtype.itemsize
    cell = reach.flat >> size.bit_length() - 1
    words = reach.region.data[size]
    # What was never written reads as the poison: put it there before it takes part.
    words[cell] = address.gather(reach, reach.flat, 0)
    turns = address.turns(reach.lanes)
    if turns is None:
        old = combined(operation, words.view(dtype), cell, b, c)
    else:
        old = np.empty(len(cell), dtype=dtype)
        last = None if c is None else c[turns]
        old[turns] = combined(operation, words.view(dtype), cell[turns], b[turns], last)
        cell = cell[turns]
    address.mark(reach, cell, turns)
    return old


def combined(operation: str, data: Array, cell: Index, b: Array, c: Array | None) -> Array:
    """Update ``data[cell]`` one after the other; the values that each found."""
    ufunc = _UFUNCS.get(operation)
    combine = _COMBINE.get(operation) or _by_ufunc(operation)
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    if len(starts) == len(cell):
        old = data[cell]
        data[cell] = combine(old, b, c)
        return old
    lengths = np.diff(starts, append=len(cell))
    rounds = int(lengths.max())
    old = np.empty(len(cell), dtype=data.dtype)
    if ufunc is not None and len(starts) < rounds:
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            lanes = order[start : start + length]
            place = int(ordered[start])
            values = ufunc.accumulate(np.concatenate([data[place : place + 1], b[lanes]]))
            old[lanes] = values[:-1]
            data[place] = values[-1]
        return old
    # One lane of each cell per round: those cells differ, so a round is one array operation.
    rank = np.arange(len(cell)) - np.repeat(starts, lengths)
    by_rank = np.argsort(rank, kind="stable")
    edges = np.searchsorted(rank[by_rank], np.arange(rounds + 1))
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        lanes = order[by_rank[first:last]]
        at = cell[lanes]
        old[lanes] = data[at]
        data[at] = combine(data[at], b[lanes], None if c is None else c[lanes])
    return old


def _by_ufunc(operation: str) -> Combine:
    ufunc = _UFUNCS[operation]
    return lambda old, b, c: ufunc(old, b)
