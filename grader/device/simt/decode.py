"""Which function binds which instruction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from grader.device.lanes import Lanes
from grader.device.results import CudaResult, KernelFault
from grader.device.simt.accesses import bind_fence, bind_load, bind_store
from grader.device.simt.arithmetic import bind_cvta, bind_isspacep, bind_mov, bind_operation
from grader.device.simt.async_copies import bind_async_copy
from grader.device.simt.atomics import bind_atomic
from grader.device.simt.barriers import BlockBarriers, bind_barrier
from grader.device.simt.binding import Binding, BoundStep, guarded
from grader.device.simt.calls import bind_call, bind_return
from grader.device.simt.control import (
    Router,
    Transfer,
    bind_exit,
    bind_jump,
    bind_table_jump,
    bind_trap,
)
from grader.device.simt.machine import Machine
from grader.device.simt.program import CodeSite
from grader.device.simt.warp_waits import WarpWaits
from grader.device.simt.warps import bind_warp


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
    machine: Machine, site: CodeSite, router: Router, barriers: BlockBarriers, waits: WarpWaits
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
    if site.instruction.opcode == "bar.warp.sync" or base not in ("bar", "barrier"):
        return bind_warp(binding, router, waits)
    return bind_barrier(binding, router, barriers)
