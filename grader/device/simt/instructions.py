"""Which function binds which instruction; those that compute or move values are bound here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import BASE_ADDRESS
from grader.device.cuda import CudaResult, KernelFault
from grader.device.lanes import Lanes
from grader.device.ptx.model import TYPE_BYTES, Operand, OperandPair, Vector
from grader.device.semantics import PtxOperation, lookup
from grader.device.simt.accesses import CLUSTER, bind_atomic, bind_fence, bind_load, bind_store
from grader.device.simt.async_copies import bind_async_copy
from grader.device.simt.binding import Binding, BoundStep, guarded, windows
from grader.device.simt.calls import bind_call, bind_return
from grader.device.simt.cluster_operations import (
    ClusterBarriers,
    bind_cluster_barrier,
    bind_getctarank,
    bind_mapa,
)
from grader.device.simt.clusters import OWN_LIMIT
from grader.device.simt.control import (
    BlockBarriers,
    Router,
    Transfer,
    bind_barrier,
    bind_exit,
    bind_jump,
    bind_table_jump,
    bind_trap,
)
from grader.device.simt.machine import Machine
from grader.device.simt.mbarriers import bind_mbarrier
from grader.device.simt.program import CodeSite
from grader.device.simt.regions import WINDOW_SIZE
from grader.device.simt.tensor_cores import bind_tensor
from grader.device.simt.warps import WarpWaits, bind_warp

Array = NDArray[Any]


def bind_operation(binding: Binding) -> BoundStep:
    """An instruction of the catalogue.

    Raises:
        UnsupportedByDevice: The catalogue does not have it.
    """
    operation = lookup(binding.site.instruction.opcode)
    if operation is None:
        raise binding.site.unsupported()
    operands = binding.site.instruction.operands
    if not operands:
        raise binding.error("no operands")
    first, rest = operands[0], operands[1:]
    wanted: tuple[Operand, ...] = (first,)
    if isinstance(first, OperandPair):
        wanted = (first.first, first.second)
    most = len(operation.destinations) - operation.writes_carry
    if not most - operation.optional_destinations <= len(wanted) <= most:
        raise binding.error("a wrong number of destinations")
    if len(rest) != len(operation.sources) - operation.reads_carry:
        raise binding.error(f"{len(rest)} source operands")
    sources = tuple(
        binding.source(operand, dtype)
        for operand, dtype in zip(rest, operation.sources, strict=False)
    )
    out = tuple(
        binding.destination(operand, dtype)
        for operand, dtype in zip(wanted, operation.destinations, strict=False)
    )
    carry = binding.machine.carry
    if operation.reads_carry:
        sources = (*sources, carry)
    if operation.writes_carry:
        out = (*out, carry)
    return binding.step(elementwise(operation, out, sources))


def elementwise(
    operation: PtxOperation, out: tuple[Array, ...], sources: tuple[Any, ...]
) -> BoundStep:
    """``operation`` over arrays of all lanes."""
    apply = operation.apply

    def some(lanes: Lanes) -> None:
        if lanes.dense:
            apply(out, sources, lanes.mask)
            return
        index = lanes.index
        picked = tuple(s[index] if isinstance(s, np.ndarray) and s.ndim else s for s in sources)
        results = tuple(np.empty(len(index), dtype=o.dtype) for o in out)
        apply(results, picked, True)
        for target, result in zip(out, results, strict=True):
            target[index] = result

    return BoundStep(partial(apply, out, sources, True), some)


def _copy(out: Array, source: Any) -> BoundStep:
    def full() -> None:
        out[...] = source

    def some(lanes: Lanes) -> None:
        index = lanes.index
        out[index] = source[index] if isinstance(source, np.ndarray) else source

    return BoundStep(full, some)


def bind_mov(binding: Binding) -> BoundStep:
    """``mov``: between registers, from constants and addresses, and to and from vectors."""
    parts = binding.site.instruction.modifiers
    if len(parts) != 1 or parts[0] not in (*TYPE_BYTES, "pred") or parts[0] == "b128":
        raise binding.site.unsupported()
    destination, source = binding.operands(2)
    if isinstance(source, Vector):
        return _pack(binding, destination, source, TYPE_BYTES[parts[0]])
    if isinstance(destination, Vector):
        return _unpack(binding, destination, source, TYPE_BYTES[parts[0]])
    dtype = np.dtype(np.bool_ if parts[0] == "pred" else f"u{TYPE_BYTES[parts[0]]}")
    value = binding.source(source, dtype)
    return binding.step(_copy(binding.destination(destination, dtype), value))


def _lanes_of(array: Array, count: int) -> list[Array]:
    """The ``count`` equal parts of each value, lowest bits first, as strided views."""
    part = array.view(f"u{array.itemsize // count}")
    return [part[k::count] for k in range(count)]


def _pack(binding: Binding, destination: Operand, source: Vector, size: int) -> BoundStep:
    count = len(source.items)
    if count not in (2, 4) or size % count:
        raise binding.error(f"a vector of {count}")
    part = np.dtype(f"u{size // count}")
    values = [binding.source(item, part) for item in source.items]
    scratch = binding.scratch(f"u{size}")
    out = binding.destination(destination, scratch.dtype)
    parts = _lanes_of(scratch, count)

    def full() -> None:
        # By way of scratch: the destination may be one of the sources.
        for target, value in zip(parts, values, strict=True):
            target[...] = value
        out[...] = scratch

    def some(lanes: Lanes) -> None:
        for target, value in zip(parts, values, strict=True):
            target[...] = value
        out[lanes.index] = scratch[lanes.index]

    return binding.step(BoundStep(full, some))


def _unpack(binding: Binding, destination: Vector, source: Operand, size: int) -> BoundStep:
    count = len(destination.items)
    if count not in (2, 4) or size % count:
        raise binding.error(f"a vector of {count}")
    part = np.dtype(f"u{size // count}")
    value = binding.source(source, np.dtype(f"u{size}"))
    scratch = binding.scratch(f"u{size}")
    parts = _lanes_of(scratch, count)
    targets = [binding.destination(item, part) for item in destination.items]

    def full() -> None:
        scratch[...] = value
        for target, piece in zip(targets, parts, strict=True):
            target[...] = piece

    def some(lanes: Lanes) -> None:
        scratch[...] = value
        for target, piece in zip(targets, parts, strict=True):
            target[lanes.index] = piece[lanes.index]

    return binding.step(BoundStep(full, some))


def bind_cvta(binding: Binding) -> BoundStep:
    """``cvta``: between an address in a state space and a generic one."""
    parts = binding.site.instruction.modifiers
    to = parts[:1] == ("to",)
    rest = parts[1:] if to else parts
    if len(rest) != 2 or rest[0].partition("::")[0] not in windows() or rest[1] != "u64":
        raise binding.site.unsupported()
    shift = windows()[rest[0].partition("::")[0]]
    dtype = np.dtype(np.uint64)
    destination, source = binding.operands(2)
    value = binding.source(source, dtype)
    out = binding.destination(destination, dtype)
    constant = np.uint64(shift)
    ufunc: np.ufunc = np.subtract if to else np.add

    def apply(out: Any, sources: Any, where: Any) -> None:
        ufunc(*sources, out=out[0], where=where)

    operation = PtxOperation("cvta", (dtype, dtype), (dtype,), apply)
    return binding.step(elementwise(operation, (out,), (value, constant)))


def bind_isspacep(binding: Binding) -> BoundStep:
    """``isspacep``: whether a generic address lies in a state space."""
    parts = binding.site.instruction.modifiers
    space = parts[0].partition("::")[0] if len(parts) == 1 else ""
    if space not in windows():
        raise binding.site.unsupported()
    dtype = np.dtype(np.uint64)
    destination, source = binding.operands(2)
    value = binding.source(source, dtype)
    out = binding.destination(destination, np.dtype(np.bool_))
    start = np.uint64(windows()[space] or BASE_ADDRESS)
    extent = WINDOW_SIZE if windows()[space] else binding.machine.memory.window
    if space == "shared" and parts[0] != CLUSTER:
        extent = OWN_LIMIT
    size = np.uint64(extent)

    def apply(out: Any, sources: Any, where: Any) -> None:
        inside = sources[0] - start < size
        np.copyto(out[0], inside, where=where)

    operation = PtxOperation("isspacep", (dtype,), (np.dtype(np.bool_),), apply)
    return binding.step(elementwise(operation, (out,), (value,)))


def _nothing(binding: Binding) -> BoundStep:
    """An instruction that has no effect here: prefetches, hints."""
    return BoundStep(lambda: None, lambda _: None)


def _breakpoint(binding: Binding) -> BoundStep:
    def stop(lanes: Lanes) -> None:
        raise KernelFault(CudaResult.LAUNCH_FAILED)

    return BoundStep(partial(stop, binding.machine.everyone), stop)


_STEPS: dict[str, Callable[[Binding], BoundStep]] = {
    "mov": bind_mov,
    "cvta": bind_cvta,
    "isspacep": bind_isspacep,
    "ld": bind_load,
    "ldu": bind_load,
    "st": bind_store,
    "atom": bind_atomic,
    "red": bind_atomic,
    "cp": bind_async_copy,
    "mbarrier": bind_mbarrier,
    "mapa": bind_mapa,
    "getctarank": bind_getctarank,
    "membar": bind_fence,
    "fence": bind_fence,
    "prefetch": _nothing,
    "prefetchu": _nothing,
    "applypriority": _nothing,
    "discard": _nothing,
    "nanosleep": _nothing,
    "pmevent": _nothing,
    "griddepcontrol": _nothing,
    "brkpt": _breakpoint,
}


def bind_step(machine: Machine, site: CodeSite) -> BoundStep:
    """An instruction after which every lane goes on.

    Raises:
        UnsupportedByDevice: The device lacks it.
        PtxError: It is not sound.
    """
    bind = _STEPS.get(site.instruction.base, bind_operation)
    return guarded(machine, site, bind(Binding(machine, site)))


def bind_transfer(
    machine: Machine,
    site: CodeSite,
    router: Router,
    barriers: BlockBarriers,
    clusters: ClusterBarriers,
    waits: WarpWaits,
) -> Transfer:
    """An instruction after which lanes may be elsewhere, or wait.

    Raises:
        UnsupportedByDevice: The device lacks it.
        PtxError: It is not sound.
    """
    binding = Binding(machine, site)
    base = site.instruction.base
    if base == "bra":
        return bind_jump(binding, router)
    if base == "brx":
        return bind_table_jump(binding, router)
    if base == "call":
        return bind_call(binding, router)
    if base == "ret" and site.function != machine.program.entry.name:
        return bind_return(binding, router)
    if base in ("ret", "exit"):
        return bind_exit(binding, router)
    if base == "trap":
        return bind_trap(binding, router)
    if base in ("mma", "ldmatrix", "stmatrix"):
        return bind_tensor(binding, router, waits)
    if site.instruction.opcode == "bar.warp.sync" or base not in ("bar", "barrier"):
        return bind_warp(binding, router, waits)
    if site.instruction.opcode.startswith("barrier.cluster"):
        return bind_cluster_barrier(binding, router, clusters)
    return bind_barrier(binding, router, barriers)
