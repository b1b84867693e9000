"""Barriers of a block: lanes wait until all that must arrive have arrived.

Threads that have ended do not count (PTX ISA, ``exit``: "If the exiting threads are holding up
the barrier, the barrier is released"), and it is noted. Threads at another barrier do count.
They are told apart by where they wait, so that a wait that can never end is found instead of
hanging, and so is a meeting at different instructions: an aligned barrier, which ``bar`` always
is, says "that all threads in CTA will execute the same" one, "otherwise behavior is undefined"
(PTX ISA, ``barrier``). Where a barrier has a count of threads, the manual's own examples put
warps at different instructions; there it must be the same for the threads of a warp.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.attributes import WARP
from grader.device.checks.divergence import report_exited, report_mixed, report_stuck
from grader.device.ptx.model import Immediate, Operand, Register
from grader.device.simt.addressing import SitePlace
from grader.device.simt.binding import Binding
from grader.device.simt.control import Router, Transfer, conditional, groups
from grader.device.simt.lanes import Lanes
from grader.device.simt.machine import Machine

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
        self.waiting_at: NDArray[np.int64] = np.full(total, -1, dtype=np.int64)
        self._barrier: NDArray[np.int64] = np.zeros(total, dtype=np.int64)
        self._expected: NDArray[np.int64] = np.zeros(total, dtype=np.int64)
        self._extra: NDArray[np.int64] = np.zeros((BARRIERS, machine.shape.blocks), dtype=np.int64)
        self._reductions: dict[int, Reduction] = {}
        self.waiting = 0

    def reset(self) -> None:
        """Nobody waits."""
        if self.waiting or self._extra.any():
            self.waiting_at.fill(-1)
            self._extra.fill(0)
        self.waiting = 0

    def arrive_and_wait(
        self, pc: int, lanes: Lanes, barrier: Any, expected: Any, reduction: Reduction | None
    ) -> None:
        """Lanes wait at ``barrier`` for ``expected`` threads (0: all of the block)."""
        if reduction is not None:
            self._reductions[pc] = reduction
            reduction.arrive(lanes)
        alone = lanes.full and self.waiting == 0 and np.ndim(barrier) == 0
        if alone and np.all(expected == 0) and not self._extra[int(barrier)].any():
            self._complete(None, lanes, [(pc, lanes)])
            return
        index = lanes.index
        self.waiting_at[index] = pc
        self._barrier[index] = barrier
        self._expected[index] = expected
        self.waiting += lanes.count
        self.release(lanes)

    def arrive(self, lanes: Lanes, barrier: int) -> None:
        """Lanes arrive at ``barrier`` without waiting."""
        blocks = self.machine.block[lanes.index]
        self._extra[barrier] += np.bincount(blocks, minlength=self.machine.shape.blocks)
        self.release(lanes)

    def release(self, lanes: Lanes) -> None:
        """Let go whoever of these lanes' blocks has waited enough."""
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
                short = done & everybody & (alive < threads)
                if short.any() and self.machine.shape.checks.barriers:
                    self._note_exited(blocks[short], mine[short], exited[short])
                self._let_go(blocks[done], mine[done], number)

    def _note_exited(
        self, blocks: NDArray[np.int64], mine: NDArray[np.bool_], exited: NDArray[np.bool_]
    ) -> None:
        first = int(blocks[0]) * self.machine.threads
        lane, gone = first + int(mine[0].argmax()), first + int(exited[0].argmax())
        place = self._place(int(self.waiting_at[lane]))
        report_exited(self.machine.wave, place, gone, lane, int(exited.sum()))

    def _place(self, pc: int) -> SitePlace:
        program = self.machine.program
        return SitePlace(program.code[pc], program.module.files)

    def _let_go(self, blocks: NDArray[np.int64], mine: NDArray[np.bool_], number: int) -> None:
        mask = np.zeros(self.machine.total, dtype=np.bool_)
        mask.reshape(-1, self.machine.threads)[blocks] = mine
        released = Lanes.where(mask)
        places = self.waiting_at[released.index]
        self.waiting_at[released.index] = -1
        self._extra[number, blocks] = 0
        self.waiting -= released.count
        by_place = groups(released, places)
        if len(by_place) > 1 and self.machine.shape.checks.barriers:
            self._check_mixed(released, places)
        self._complete(blocks, released, by_place)

    def _complete(
        self, blocks: NDArray[np.int64] | None, lanes: Lanes, places: list[tuple[int, Lanes]]
    ) -> None:
        self.machine.order.barrier(None if blocks is None else lanes.index)
        for pc, group in places:
            reduction = self._reductions.get(pc)
            if reduction is not None:
                reduction.finish(group, lanes)
            self.router.go(pc + 1, group)

    def _check_mixed(self, released: Lanes, places: NDArray[np.int64]) -> None:
        """Threads that must be at the same ``.aligned`` barrier instruction are at two."""
        index = released.index
        warp, block = self.machine.order.warp[index], self.machine.block[index]
        team = np.where(self._expected[index] == 0, -1 - block, warp)
        mixed = np.flatnonzero((team[1:] == team[:-1]) & (places[1:] != places[:-1]))
        if not len(mixed):
            return
        k = int(mixed[0])
        pcs = int(places[k + 1]), int(places[k])
        sites = [self.machine.program.code[pc].instruction for pc in pcs]
        if all(site.base == "bar" or "aligned" in site.modifiers for site in sites):
            report_mixed(
                self.machine.wave,
                self._place(pcs[0]),
                int(index[k + 1]),
                int(index[k]),
                sites[1].line,
                len(mixed),
                one_warp=bool(warp[k] == warp[k + 1]),
            )


def _by_warps(waits: NDArray[np.bool_], exited: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many threads count as arrived, for each block, where a barrier has a count of threads.

    A warp of which all that live wait counts whole, also the last one of a block whose size is
    no multiple of 32 (PTX ISA, ``barrier``: the count is incremented by the warp size).
    """
    blocks, threads = waits.shape
    beyond = -threads % WARP
    mine = np.pad(waits, ((0, 0), (0, beyond))).reshape(blocks, -1, WARP)
    gone = np.pad(exited, ((0, 0), (0, beyond)), constant_values=True).reshape(blocks, -1, WARP)
    whole = (mine | gone).all(axis=2) & mine.any(axis=2)
    count: NDArray[np.int64] = np.where(whole, WARP, mine.sum(axis=2)).sum(axis=1)
    return count


class Reduction:
    """What ``bar.red`` computes over the block."""

    def __init__(self, machine: Machine, operation: str, value: Any, out: NDArray[Any]) -> None:
        self.machine = machine
        self.operation = operation
        self.value = value
        self.out = out
        self.arrived: NDArray[np.bool_] = np.zeros(machine.total, dtype=np.bool_)

    def arrive(self, lanes: Lanes) -> None:
        """Take down what these lanes bring along."""
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


def report_deadlock(machine: Machine, barriers: BlockBarriers) -> None:
    """Describe threads that wait for others that will never come."""
    waiting = np.flatnonzero(barriers.waiting_at >= 0)
    first = int(waiting[0])
    block = machine.block[waiting] == machine.block[first]
    places = barriers.waiting_at[waiting]
    others = waiting[block & (places != places[0])]
    code, files = machine.program.code, machine.program.module.files
    other = (
        (int(others[0]), code[int(barriers.waiting_at[others[0]])].line) if len(others) else None
    )
    place = SitePlace(code[int(places[0])], files)
    report_stuck(machine.wave, place, first, other, len(waiting))
