"""Loads and stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.events import MemoryInstruction, Ordering
from grader.device.evidence import Space
from grader.device.lanes import Lanes
from grader.device.ptx.model import TYPE_BYTES, Address, Operand, Symbol, Vector
from grader.device.semantics.operation import DTYPES
from grader.device.simt.addressing import AddressOperand
from grader.device.simt.binding import Binding, BoundStep

STRONG = frozenset({"volatile", "relaxed", "acquire", "release", "acq_rel", "mmio"})
RELEASES = frozenset({"release", "acq_rel"})
ACQUIRES = frozenset({"acquire", "acq_rel"})
SPACES = {
    "global": Space.GLOBAL,
    "shared": Space.SHARED,
    "local": Space.LOCAL,
    "const": Space.CONST,
    "param": Space.PARAM,
}
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
    address = AddressOperand(binding, source, form.space, _access(binding, form, "read"))

    def run(lanes: Lanes) -> None:
        for reach in address.reach(lanes):
            for k, target in enumerate(targets):
                at = reach.flat + k * form.size if k else reach.flat
                address.watch(reach, at, k)
                reach.lanes.put(target, address.gather(reach, at, k))
            if form.strong:
                address.strong(reach, form.ordering)

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
    address = AddressOperand(binding, destination, form.space, _access(binding, form, "write"))

    def run(lanes: Lanes) -> None:
        for reach in address.reach(lanes):
            for k, value in enumerate(values):
                at = reach.flat + k * form.size if k else reach.flat
                taken = reach.lanes.take(value) if isinstance(value, np.ndarray) else value
                address.watch(reach, at, k, taken)
                address.scatter(reach, at, taken)
            if form.strong:
                address.strong(reach, form.ordering)

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
