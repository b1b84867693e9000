"""Kernels that stop themselves: ``trap`` and failed assertions."""

from __future__ import annotations

from grader.device.checks.traps import report_trap
from grader.device.results import Result
from grader.device.simt.addressing import SitePlace
from grader.device.simt.binding import Binding
from grader.device.simt.control import Router, Transfer, conditional
from grader.device.simt.faults import KernelFault
from grader.device.simt.lanes import Lanes


def bind_trap(binding: Binding, router: Router) -> Transfer:
    """``trap``: the launch fails."""

    def stop(lanes: Lanes) -> None:
        stopped(binding, lanes, "stopped the kernel (trap)", Result.LAUNCH_FAILED)

    return conditional(binding, router, stop)


def stopped(binding: Binding, lanes: Lanes, what: str, result: Result) -> None:
    """Report that these lanes stopped the launch, and stop it."""
    machine = binding.machine
    place = SitePlace(binding.site, machine.program.module.files)
    report_trap(machine.wave, place, int(lanes.index[0]), lanes.count, what)
    raise KernelFault(result)
