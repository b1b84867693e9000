"""Runs the lanes of a wave: always the group at the lowest program counter.

Groups that meet at a program counter become one. Within a basic block nothing
is masked while all lanes are together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from grader.device.checks.budget import report_exceeded
from grader.device.results import Result
from grader.device.simt.addressing import SitePlace
from grader.device.simt.barriers import BlockBarriers, report_deadlock
from grader.device.simt.binding import Full, Some
from grader.device.simt.control import Transfer
from grader.device.simt.decode import bind_step, bind_transfer
from grader.device.simt.faults import KernelFault
from grader.device.simt.lanes import Lanes
from grader.device.simt.machine import Machine
from grader.device.simt.program import ENDS_BLOCK
from grader.device.simt.warps import WarpWaits

_PATIENCE = 2048
"""Blocks that run before another group than the lowest gets a turn, so that a thread
that spins on a flag does not keep the one that will set it from running."""
_TURN = 128
_LONGEST_BLOCK = 256
"""Instructions between two looks at the budget."""


class Budget:
    """What a launch may still use."""

    def __init__(self, instructions: int, seconds: float) -> None:
        self.instructions = instructions
        self.used = 0
        self.deadline = time.monotonic() + seconds

    def left(self) -> bool:
        """Whether there is any of it."""
        return self.used <= self.instructions and time.monotonic() < self.deadline


@dataclass(slots=True)
class Block:
    """A basic block, ready to run."""

    size: int
    full: tuple[Full, ...]
    some: tuple[Some, ...]
    transfer: Transfer


class Scheduler:
    """Runs waves of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.barriers = BlockBarriers(machine, self)
        self.warps = WarpWaits(machine, self)
        self._ready: dict[int, Lanes] = {}
        self._blocks: dict[int, Block] = {}
        self._alive = 0

    def run(self, budget: Budget) -> None:
        """Run the wave to its end.

        Raises:
            KernelFault: It ended with an error.
            UnsupportedByDevice: It reached an instruction that the device lacks.
        """
        machine = self.machine
        self._ready.clear()
        self.barriers.reset()
        self.warps.reset()
        self._alive = machine.total
        self.go(machine.program.base[machine.program.entry.name], machine.everyone)
        turns = 0
        ready, blocks = self._ready, self._blocks
        while ready or self._alive:
            if not ready:
                self._stuck()
            pc = min(ready) if len(ready) > 1 else next(iter(ready))
            if turns % _PATIENCE > _PATIENCE - _TURN and len(ready) > 1:
                pc = sorted(ready)[turns // _PATIENCE % len(ready)]
            turns += 1
            lanes = ready.pop(pc)
            block = blocks.get(pc) or self._block(pc)
            budget.used += block.size * lanes.count
            if not budget.left():
                self._exceeded(pc, lanes, budget)
            if lanes.full:
                for step in block.full:
                    step()
            else:
                for step_some in block.some:
                    step_some(lanes)
            block.transfer(lanes)

    def go(self, pc: int, lanes: Lanes) -> None:
        """These lanes go on at ``pc``."""
        there = self._ready.get(pc)
        self._ready[pc] = lanes if there is None else there.join(lanes)

    def leave(self, lanes: Lanes) -> None:
        """These threads have ended."""
        lanes.put(self.machine.exited, True)
        self._alive -= lanes.count
        self.barriers.release(lanes)
        self.warps.release()

    def _block(self, pc: int) -> Block:
        """Bind the basic block at ``pc``."""
        program = self.machine.program
        steps = []
        end = pc
        while True:
            site = program.code[end]
            if site.instruction.base in ENDS_BLOCK or self.warps.is_transfer(site):
                transfer = bind_transfer(self.machine, site, self, self.barriers, self.warps)
                end += 1
                break
            steps.append(bind_step(self.machine, site))
            end += 1
            if end in program.starts or end - pc >= _LONGEST_BLOCK:
                transfer = self._falling_through(end)
                break
        block = Block(
            end - pc, tuple(s.full for s in steps), tuple(s.some for s in steps), transfer
        )
        self._blocks[pc] = block
        return block

    def _falling_through(self, pc: int) -> Callable[[Lanes], None]:
        return lambda lanes: self.go(pc, lanes)

    def _stuck(self) -> None:
        """Nobody can run, and somebody waits."""
        if self.warps.give_up():
            return
        if self.machine.shape.checks.barriers:
            report_deadlock(self.machine, self.barriers)
        raise KernelFault(Result.LAUNCH_TIMEOUT)

    def _exceeded(self, pc: int, lanes: Lanes, budget: Budget) -> None:
        place = SitePlace(self.machine.program.code[pc], self.machine.program.module.files)
        report_exceeded(
            self.machine.wave,
            place,
            int(lanes.index[0]),
            instructions=budget.instructions if budget.used > budget.instructions else None,
        )
        raise KernelFault(Result.LAUNCH_TIMEOUT)
