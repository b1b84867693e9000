"""Where lanes go after a basic block: jumps, ends, and barriers of a block.

A *transfer* takes the lanes that reached the end of a block and tells the scheduler where they go
on: at other program counters, later, or not at all. It may also end the launch.

At a barrier, lanes wait until all that must arrive have arrived. Threads that have ended do not
count (PTX ISA, ``exit``: "If the exiting threads are holding up the barrier, the barrier is
released"). Threads that wait at another barrier do count. The barriers remember where each lane
waits, so that a wait that can never end is found and does not hang. Which meetings are errors is
for a check to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.events import BarrierPassed
from grader.device.cuda import WARP, CudaResult, KernelFault
from grader.device.lanes import Index, Lanes, Mask
from grader.device.ptx.model import Immediate, Operand, Register, Target, Targets
from grader.device.simt.binding import Binding
from grader.device.simt.machine import Machine

Transfer = Callable[[Lanes], None]


class Router(Protocol):
    """The scheduler, as transfers see it."""

    def go(self, pc: int, lanes: Lanes) -> None:
        """Let these lanes go on at ``pc``."""

    def leave(self, lanes: Lanes) -> None:
        """Take these threads out: they have ended."""

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
        if yes is not None and no is not None:
            for tell in binding.machine.observers.split:
                tell(binding.site.pc, yes, no)
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


BARRIERS = 16
_SCOPES = frozenset({"cta", "sync", "aligned", "red", "arrive"})


class BlockBarriers:
    """Who waits at which of the 16 barriers of each block.

    Attributes:
        waiting_at: Program counter where each lane waits, or -1.
    """

    def __init__(self, machine: Machine, router: Router) -> None:
        self.machine = machine
        self.router = router
        total = machine.total
        self.waiting_at: Index = np.full(total, -1, dtype=np.int64)
        self._barrier: Index = np.zeros(total, dtype=np.int64)
        self._expected: Index = np.zeros(total, dtype=np.int64)
        self._extra: Index = np.zeros((BARRIERS, machine.shape.blocks), dtype=np.int64)
        self._reductions: dict[int, Reduction] = {}
        self._all_blocks: Index = np.arange(machine.shape.blocks, dtype=np.int64)
        self.waiting = 0

    def reset(self) -> None:
        """Forget who waits."""
        if self.waiting or self._extra.any():
            self.waiting_at.fill(-1)
            self._extra.fill(0)
        self.waiting = 0

    def arrive_and_wait(
        self, pc: int, lanes: Lanes, barrier: Any, expected: Any, reduction: Reduction | None
    ) -> None:
        """Let lanes wait at ``barrier`` for ``expected`` threads (0: all of the block)."""
        if reduction is not None:
            self._reductions[pc] = reduction
            reduction.arrive(lanes)
        alone = lanes.full and self.waiting == 0 and np.ndim(barrier) == 0
        if alone and np.all(expected == 0) and not self._extra[int(barrier)].any():
            self._complete(lanes, [(pc, lanes)], pc, whole=self._all_blocks)
            return
        index = lanes.index
        self.waiting_at[index] = pc
        self._barrier[index] = barrier
        self._expected[index] = expected
        self.waiting += lanes.count
        self.release(lanes)

    def arrive(self, lanes: Lanes, barrier: int) -> None:
        """Count lanes as arrived at ``barrier``; they do not wait."""
        blocks = self.machine.block[lanes.index]
        self._extra[barrier] += np.bincount(blocks, minlength=self.machine.shape.blocks)
        self.release(lanes)

    def release(self, lanes: Lanes) -> None:
        """Release the lanes of these lanes' blocks that have waited for enough others."""
        if not self.waiting:
            return
        blocks = np.unique(self.machine.block[lanes.index])
        threads = self.machine.threads
        at = self.waiting_at.reshape(-1, threads)[blocks]
        waits = at >= 0
        if not waits.any():
            return
        barrier = self._barrier.reshape(-1, threads)[blocks]
        wanted = self._expected.reshape(-1, threads)[blocks]
        exited = self.machine.exited.reshape(-1, threads)[blocks]
        alive = threads - exited.sum(axis=1)
        for number in np.unique(barrier[waits]).tolist():
            mine = waits & (barrier == number)
            need = np.where(mine, wanted, 0).max(axis=1)
            counted = np.where(need == 0, mine.sum(axis=1), _by_warps(mine, exited))
            arrived = counted + self._extra[number, blocks]
            everybody = need == 0
            need = np.where(everybody, alive, need)
            done = mine.any(axis=1) & (arrived >= need)
            if done.any():
                self._let_go(blocks[done], mine[done], number, whole=blocks[done & everybody])

    def _let_go(self, blocks: Index, mine: Mask, number: int, *, whole: Index) -> None:
        mask = np.zeros(self.machine.total, dtype=np.bool_)
        mask.reshape(-1, self.machine.threads)[blocks] = mine
        released = Lanes.where(mask)
        places = self.waiting_at[released.index]
        self.waiting_at[released.index] = -1
        self._extra[number, blocks] = 0
        self.waiting -= released.count
        self._complete(released, groups(released, places), places, whole=whole)

    def _complete(
        self, lanes: Lanes, groups: list[tuple[int, Lanes]], places: Index | int, *, whole: Index
    ) -> None:
        self.machine.mbarriers.acted(lanes.index)
        told = self.machine.observers.barrier
        if told:
            counted = self._expected[lanes.index] != 0 if len(groups) > 1 else False
            passed = BarrierPassed(lanes, places, len(groups) > 1, counted, whole)
            for tell in told:
                tell(passed)
        for pc, group in groups:
            reduction = self._reductions.get(pc)
            if reduction is not None:
                reduction.finish(group, lanes)
            self.router.go(pc + 1, group)


def _by_warps(waits: Mask, exited: Mask) -> Index:
    """How many threads count as arrived, for each block, where a barrier has a count of threads.

    A warp counts as a whole when all its live threads wait, also the last warp of a block whose
    size is not a multiple of 32 (PTX ISA, ``barrier``: the count is incremented by the warp size).
    """
    blocks, threads = waits.shape
    beyond = -threads % WARP
    mine = np.pad(waits, ((0, 0), (0, beyond))).reshape(blocks, -1, WARP)
    gone = np.pad(exited, ((0, 0), (0, beyond)), constant_values=True).reshape(blocks, -1, WARP)
    whole = (mine | gone).all(axis=2) & mine.any(axis=2)
    count: Index = np.where(whole, WARP, mine.sum(axis=2)).sum(axis=1)
    return count


class Reduction:
    """What ``bar.red`` computes over the block."""

    def __init__(self, machine: Machine, operation: str, value: Any, out: NDArray[Any]) -> None:
        self.machine = machine
        self.operation = operation
        self.value = value
        self.out = out
        self.arrived: Mask = np.zeros(machine.total, dtype=np.bool_)

    def arrive(self, lanes: Lanes) -> None:
        """Remember what these lanes contribute."""
        value = self.value
        lanes.put(self.arrived, lanes.take(value) if isinstance(value, np.ndarray) else value)

    def finish(self, group: Lanes, everyone: Lanes) -> None:
        """Set the result of ``group``; ``everyone`` took part."""
        blocks = self.machine.block
        taken = self.arrived[everyone.index]
        count = self.machine.shape.blocks
        yes = np.bincount(blocks[everyone.index], weights=taken, minlength=count)
        all_ = np.bincount(blocks[everyone.index], minlength=count)
        results = {"popc": yes, "and": yes == all_, "or": yes > 0}[self.operation]
        group.put(self.out, results[blocks[group.index]].astype(self.out.dtype))


def bind_barrier(binding: Binding, router: Router, barriers: BlockBarriers) -> Transfer:
    """``bar`` and ``barrier``: sync, red and arrive."""
    site = binding.site
    parts = site.instruction.modifiers
    operands: tuple[Operand, ...] = site.instruction.operands
    reduction: Reduction | None = None
    if "red" in parts:
        reduction, operands = _reduction(binding)
    elif not set(parts) <= _SCOPES or not {"sync", "arrive"} & set(parts):
        raise site.unsupported()
    if len(operands) > 2 or not operands:
        raise binding.error(f"{len(operands)} operands")
    barrier = _small(binding, operands[0])
    expected: Any = _small(binding, operands[1]) if len(operands) > 1 else 0
    if "arrive" in parts:
        if np.ndim(barrier) or len(operands) < 2:
            raise site.unsupported()
        number = int(barrier) % BARRIERS

        def arrive(lanes: Lanes) -> None:
            router.go(site.pc + 1, lanes)
            barriers.arrive(lanes, number)

        return conditional(binding, router, arrive)

    def wait(lanes: Lanes) -> None:
        for prepare in binding.before:
            prepare()
        number = lanes.take(barrier) % BARRIERS if np.ndim(barrier) else barrier % BARRIERS
        count = lanes.take(expected) if np.ndim(expected) else expected
        barriers.arrive_and_wait(site.pc, lanes, number, count, reduction)

    return conditional(binding, router, wait)


_REDUCTIONS: dict[tuple[str, ...], str] = {
    ("red", "popc", "u32"): "popc",
    ("red", "and", "pred"): "and",
    ("red", "or", "pred"): "or",
}


def _small(binding: Binding, operand: Operand) -> Any:
    if isinstance(operand, Immediate):
        return operand.value
    if isinstance(operand, Register):
        return binding.source(operand, np.dtype(np.uint32))
    raise binding.error("a barrier that is no number")


def _reduction(binding: Binding) -> tuple[Reduction, tuple[Operand, ...]]:
    parts = tuple(p for p in binding.site.instruction.modifiers if p not in ("cta", "aligned"))
    operation = _REDUCTIONS.get(parts)
    if operation is None:
        raise binding.site.unsupported()
    destination, *numbers, predicate = binding.operands(3, 4)
    dtype = np.dtype(np.uint32 if operation == "popc" else np.bool_)
    out = binding.destination(destination, dtype)
    value = binding.source(predicate, np.dtype(np.bool_))
    return Reduction(binding.machine, operation, value, out), tuple(numbers)
