"""Where lanes go after a basic block.

A *transfer* takes the lanes that reached the end of a block and tells the scheduler where they go
on: at other program counters, later, or not at all. It may also end the launch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from grader.device.lanes import Index, Lanes
from grader.device.ptx.model import Target, Targets
from grader.device.results import CudaResult, KernelFault
from grader.device.simt.binding import Binding

Transfer = Callable[[Lanes], None]


class Router(Protocol):
    """The scheduler, as transfers see it."""

    def go(self, pc: int, lanes: Lanes) -> None:
        """These lanes go on at ``pc``."""

    def leave(self, lanes: Lanes) -> None:
        """These threads have ended."""

    def put_off(self, pc: int, lanes: Lanes) -> bool:
        """Let these lanes go on at ``pc`` when no others can.

        Returns False and does nothing where no others can, or where the others had enough time.
        """


def bind_jump(binding: Binding, router: Router) -> Transfer:
    """``bra``, with or without a guard."""
    (operand,) = binding.operands(1)
    if not isinstance(operand, Target) or set(binding.site.instruction.modifiers) - {"uni"}:
        raise binding.site.unsupported()
    target = _absolute(binding, operand)
    return conditional(binding, router, lambda lanes: router.go(target, lanes))


def bind_table_jump(binding: Binding, router: Router) -> Transfer:
    """``brx.idx``: a jump through a table. An index outside of it ends the launch, as on a GPU."""
    index, table = binding.operands(2)
    if not isinstance(table, Targets) or binding.site.instruction.modifiers[:1] != ("idx",):
        raise binding.site.unsupported()
    targets = [_absolute(binding, choice) for choice in table.choices]
    values = binding.source(index, np.dtype(np.uint32))

    def jump(lanes: Lanes) -> None:
        chosen = lanes.take(np.broadcast_to(values, (lanes.total,)))
        for value in np.unique(chosen).tolist():
            group = lanes.pick(chosen == value)
            assert group is not None
            if value >= len(targets):
                what = f"jumped to entry {value} of a table of {len(targets)}"
                stopped(binding, group, what, CudaResult.INVALID_PC)
            router.go(targets[value], group)

    return conditional(binding, router, jump)


def bind_exit(binding: Binding, router: Router) -> Transfer:
    """``exit``, and ``ret`` of the kernel itself."""
    return conditional(binding, router, router.leave)


def bind_trap(binding: Binding, router: Router) -> Transfer:
    """``trap``: the launch fails. Failed assertions end this way.

    Other threads may first finish what they do: one of them may be about to print why.
    """

    def stop(lanes: Lanes) -> None:
        if router.put_off(binding.site.pc, lanes):
            return
        stopped(binding, lanes, "stopped the kernel (trap)", CudaResult.LAUNCH_FAILED)

    return conditional(binding, router, stop)


def stopped(binding: Binding, lanes: Lanes, what: str, result: CudaResult) -> None:
    """Tell the checks that these lanes stop the launch, and stop it."""
    for tell in binding.machine.observers.trap:
        tell(binding.site.pc, lanes, what)
    raise KernelFault(result)


def conditional(binding: Binding, router: Router, taken: Transfer) -> Transfer:
    """``taken`` for the lanes whose guard holds; the others go on behind it."""
    guard = binding.site.instruction.guard
    if guard is None:
        return taken
    predicate = binding.machine.register(binding.site, guard.register.name)
    if predicate.dtype != np.bool_:
        raise binding.error("a guard that is no predicate")
    following, negated = binding.site.pc + 1, guard.negated

    def transfer(lanes: Lanes) -> None:
        yes, no = lanes.split(lanes.take(predicate))
        if negated:
            yes, no = no, yes
        if yes is not None:
            taken(yes)
        if no is not None:
            router.go(following, no)

    return transfer


def _absolute(binding: Binding, target: Target) -> int:
    return binding.machine.program.base[binding.site.function] + target.index


def groups(lanes: Lanes, keys: Index) -> list[tuple[int, Lanes]]:
    """Lanes by key, keys ascending."""
    found = []
    for key in np.unique(keys).tolist():
        group = lanes.pick(keys == key)
        assert group is not None
        found.append((key, group))
    return found
