"""Loads, stores, atomics and fences.

With ``atom`` and ``red`` threads update a cell one after the other, in the schedule's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.events import MemoryInstruction, Ordering
from grader.device.evidence import Space
from grader.device.lanes import Index, Lanes
from grader.device.ptx.model import TYPE_BYTES, Address, Operand, Symbol, Vector
from grader.device.semantics.operation import DTYPES
from grader.device.simt.addressing import AddressOperand, ResolvedAccess
from grader.device.simt.binding import Binding, BoundStep
from grader.device.simt.program import STRONG

RELEASES = frozenset({"release", "acq_rel"})
ACQUIRES = frozenset({"acquire", "acq_rel"})
SPACES = {
    "global": Space.GLOBAL,
    "shared": Space.SHARED,
    "local": Space.LOCAL,
    "const": Space.CONST,
    "param": Space.PARAM,
}
CLUSTER = "shared::cluster"
"""The space of the shared memory of all blocks of a cluster."""
OWN_BLOCK = "cta"
"""The scope of an access or fence that concerns the thread's own block only."""
SCOPES = frozenset({"cta", "cluster", "gpu", "sys"})
_HINTS = frozenset({"weak", "ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc"})


@dataclass(slots=True)
class Form:
    """What the opcode of a load or store says."""

    space: Space | None
    type: str
    elements: int
    strong: bool
    ordering: Ordering
    cluster: bool = False

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return TYPE_BYTES[self.type]


def read_form(binding: Binding) -> Form:
    """Read an opcode. Cache hints are allowed and have no effect.

    Raises:
        UnsupportedByDevice: A modifier is unknown.
    """
    *parts, type_ = binding.site.instruction.modifiers or ("",)
    form = Form(None, type_, 1, strong=False, ordering=ordering(parts))
    if TYPE_BYTES.get(type_, 16) > 8:
        raise binding.site.unsupported()
    for part in parts:
        head, _, tail = part.partition("::")
        if head in SPACES and tail in ("", "cta", "entry", "func"):
            form.space = SPACES[head]
        elif part == CLUSTER:
            form.space, form.cluster = Space.SHARED, True
        elif part in ("v2", "v4"):
            form.elements = int(part[1])
        elif part in STRONG:
            form.strong = True
        elif part in SCOPES or part in _HINTS or (head in ("L1", "L2") and tail != "cache_hint"):
            continue
        else:
            raise binding.site.unsupported()
    if form.size * form.elements > 16:
        raise binding.error("an access of more than 16 bytes")
    return form


def _access(binding: Binding, form: Form, kind: str) -> MemoryInstruction:
    return MemoryInstruction(binding.site.pc, kind, form.size, form.elements, form.strong)


def bind_load(binding: Binding) -> BoundStep:
    """``ld`` and ``ldu``."""
    form = read_form(binding)
    destination, source = binding.operands(2)
    targets = [
        binding.destination(item, DTYPES[form.type]).view(f"u{form.size}")
        for item in _elements(binding, destination, form)
    ]
    if not isinstance(source, Address):
        raise binding.error("no address")
    if form.space is Space.PARAM:
        columns = _param_columns(binding, source, form)
        if columns is not None:
            return binding.step(_copies(binding, targets, columns))
    access = _access(binding, form, "read")
    address = AddressOperand(binding, source, form.space, access, cluster=form.cluster)

    def run(lanes: Lanes) -> None:
        for resolved in address.resolve(lanes):
            for k, target in enumerate(targets):
                at = resolved.flat + k * form.size if k else resolved.flat
                address.watch(resolved, at, k)
                resolved.lanes.put(target, address.gather(resolved, at, k))
            if form.strong:
                address.strong(resolved, form.ordering)

    return binding.step(BoundStep(partial(run, binding.machine.everyone), run))


def bind_store(binding: Binding) -> BoundStep:
    """``st``."""
    form = read_form(binding)
    destination, source = binding.operands(2)
    if not isinstance(destination, Address):
        raise binding.error("no address")
    values = [
        binding.source(item, DTYPES[form.type]).view(f"u{form.size}")
        for item in _elements(binding, source, form)
    ]
    if form.space is Space.PARAM:
        columns = _param_columns(binding, destination, form)
        if columns is None:
            raise binding.site.unsupported("stores to the kernel's parameters")
        return binding.step(_copies(binding, columns, values))
    if form.space is Space.CONST:
        raise binding.error("a store to constant memory")
    access = _access(binding, form, "write")
    address = AddressOperand(binding, destination, form.space, access, cluster=form.cluster)

    def run(lanes: Lanes) -> None:
        for resolved in address.resolve(lanes):
            for k, value in enumerate(values):
                at = resolved.flat + k * form.size if k else resolved.flat
                taken = resolved.lanes.take(value) if isinstance(value, np.ndarray) else value
                address.watch(resolved, at, k, taken)
                address.scatter(resolved, at, taken)
            if form.strong:
                address.strong(resolved, form.ordering)

    return binding.step(BoundStep(partial(run, binding.machine.everyone), run))


def ordering(parts: Sequence[str]) -> Ordering:
    """What an access says of order by its modifiers."""
    return Ordering(
        device=OWN_BLOCK not in parts,
        release=not RELEASES.isdisjoint(parts),
        acquire=not ACQUIRES.isdisjoint(parts),
    )


def bind_fence(binding: Binding) -> BoundStep:
    """``fence`` and ``membar``: the checks are told, unless it is a fence of proxies."""
    machine = binding.machine
    parts = binding.site.instruction.modifiers
    device = OWN_BLOCK not in parts
    # Such a fence is between kinds of memory accesses of one thread, not between threads.
    proxy = any(part.startswith("proxy") for part in parts)

    def run(lanes: Lanes) -> None:
        for tell in () if proxy else machine.observers.fence:
            tell(lanes.index, device=device)

    return binding.step(BoundStep(partial(run, machine.everyone), run))


def _elements(binding: Binding, operand: Operand, form: Form) -> tuple[Operand, ...]:
    if form.elements == 1 and not isinstance(operand, Vector):
        return (operand,)
    if not isinstance(operand, Vector) or len(operand.items) != form.elements:
        raise binding.error("a vector of the wrong length")
    return operand.items


def _param_columns(binding: Binding, address: Address, form: Form) -> list[NDArray[Any]] | None:
    """A call's parameter as one view per element over all lanes; None for the kernel's own."""
    program = binding.machine.program
    if not isinstance(address.base, Symbol):
        if binding.site.function != program.entry.name:
            raise binding.site.unsupported("a parameter of a function by its address")
        return None
    name = f"{binding.site.function}:{address.base.name}"
    if name in program.entry_params.named:
        return None
    slot = program.params.named.get(name)
    if slot is None:
        raise binding.error(f"unknown parameter {address.base.name[:60]}")
    start = slot.start + address.offset
    if address.offset < 0 or start + form.size * form.elements > slot.stop:
        raise binding.error("an access past the end of a parameter")
    rows = binding.machine.params
    starts = [start + k * form.size for k in range(form.elements)]
    return [rows[:, s : s + form.size].view(f"u{form.size}")[:, 0] for s in starts]


def _copies(binding: Binding, targets: list[Any], values: list[Any]) -> BoundStep:
    def run(lanes: Lanes) -> None:
        for target, value in zip(targets, values, strict=True):
            lanes.put(target, lanes.take(value) if isinstance(value, np.ndarray) else value)

    return BoundStep(partial(run, binding.machine.everyone), run)


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
    cluster: bool = False


def _read_form(binding: Binding) -> _Form:
    *parts, type_ = binding.site.instruction.modifiers or ("",)
    form = _Form(None, "", type_)
    for part in parts:
        head, _, tail = part.partition("::")
        if head in SPACES and tail in ("", "cta") and head in ("global", "shared"):
            form.space = SPACES[head]
        elif part == CLUSTER:
            form.space, form.cluster = Space.SHARED, True
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
    address = AddressOperand(binding, operands[0], form.space, access, cluster=form.cluster)
    order = ordering(binding.site.instruction.modifiers)

    def run(lanes: Lanes) -> None:
        for resolved in address.resolve(lanes):
            b, *rest = [_of(resolved.lanes, source) for source in sources]
            old = _update(address, resolved, form.operation, dtype, b, rest[0] if rest else None)
            if target is not None:
                resolved.lanes.put(target, old)
            failed = old != b if form.operation == "cas" else np.zeros(len(old), dtype=np.bool_)
            address.strong(resolved, order, ~failed)

    return binding.step(BoundStep(partial(run, binding.machine.everyone), run))


def _of(lanes: Lanes, source: Any) -> Array:
    return lanes.take(source) if isinstance(source, np.ndarray) else np.full(lanes.count, source)


def _update(
    address: AddressOperand,
    resolved: ResolvedAccess,
    operation: str,
    dtype: np.dtype[Any],
    b: Array,
    c: Array | None,
) -> Array:
    address.watch(resolved, resolved.flat, 0)
    size = dtype.itemsize
    cell = resolved.flat >> size.bit_length() - 1
    words = resolved.region.data[size]
    # What was never written reads as the poison: put it there before it takes part.
    words[cell] = address.gather(resolved, resolved.flat, 0)
    turns = address.turns(resolved.lanes)
    if turns is None:
        old = combined(operation, words.view(dtype), cell, b, c)
    else:
        old = np.empty(len(cell), dtype=dtype)
        last = None if c is None else c[turns]
        old[turns] = combined(operation, words.view(dtype), cell[turns], b[turns], last)
        cell = cell[turns]
    address.mark(resolved, cell, turns)
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
