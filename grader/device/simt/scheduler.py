"""Runs the lanes of a wave: in the plain schedule, always the group at the lowest program counter.

Groups that meet at a program counter become one. Within a basic block nothing
is masked while all lanes are together. In other schedules the wave is divided into
teams, which take turns; groups of different teams do not meet.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.device.lanes import Lanes
from grader.device.results import CudaResult, KernelFault
from grader.device.schedules import PLAIN
from grader.device.simt.barriers import BlockBarriers
from grader.device.simt.binding import Full, Some
from grader.device.simt.control import Transfer
from grader.device.simt.decode import bind_step, bind_transfer
from grader.device.simt.machine import Machine
from grader.device.simt.program import ENDS_BLOCK
from grader.device.simt.turns import Schedule
from grader.device.simt.warp_waits import WarpWaits
from grader.errors import UnsupportedByDevice

_LONGEST_BLOCK = 256
"""Most instructions of a basic block, before others may run."""
_LOOK = 64
"""Basic blocks between two checks of the clock and of a thread's budget."""
_LAST_WORDS = 20_000
"""Basic blocks that others may still run after a thread has stopped the launch."""


class LaunchBudget:
    """What a launch may use, and what it has used.

    Args:
        instructions: Of all threads together.
        of_a_thread: Instructions of any one thread.
        seconds: Of this machine's time.

    Attributes:
        hits: By where a basic block begins: how often threads ran it.
    """

    def __init__(self, instructions: int, of_a_thread: int, seconds: float) -> None:
        self.instructions = instructions
        self.of_a_thread = of_a_thread
        self.seconds = seconds
        self.used = 0
        self.hits: dict[int, int] = {}
        self.deadline = time.monotonic() + seconds


class StepCounts:
    """Instructions that each thread of a wave has executed."""

    def __init__(self, total: int) -> None:
        self._all = 0
        self._some: NDArray[np.int64] = np.zeros(total, dtype=np.int64)

    def reset(self) -> None:
        """A wave begins."""
        self._all = 0
        self._some.fill(0)

    def add(self, lanes: Lanes, count: int) -> None:
        """These lanes execute ``count`` instructions each."""
        if lanes.full:
            self._all += count
        else:
            self._some[lanes.index] += count

    def most(self) -> tuple[int, int]:
        """The lane that has executed most, and how many."""
        lane = int(self._some.argmax())
        return lane, self._all + int(self._some[lane])


@dataclass(slots=True)
class BasicBlock:
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
        self._teams: list[dict[int, Lanes]] = [{}]
        """For each team, the lanes that can run, by program counter."""
        self._schedule = Schedule(PLAIN, 1, machine.total)
        self._blocks: dict[int, BasicBlock] = {}
        self._last: set[int] = set()
        """Where lanes wait until no others can run."""
        self._waited = 0
        self._alive = 0
        self._steps = StepCounts(machine.total)

    def run(self, budget: LaunchBudget, schedule: Schedule) -> None:
        """Run the wave to its end.

        Raises:
            KernelFault: It ended with an error.
            UnsupportedByDevice: It reached an instruction that the device lacks.
        """
        machine = self.machine
        machine.ranks = schedule.ranks
        self._schedule = schedule
        self._teams = [{} for _ in range(schedule.teams)]
        self.barriers.reset()
        self.warps.reset()
        self._steps.reset()
        self._alive = machine.total
        self._last.clear()
        self._waited = 0
        self.go(machine.program.base[machine.program.entry.name], machine.everyone)
        if schedule.team is None:
            while self._alive:
                self._run_team(0, None, budget)
        else:
            self._take_turns(budget)

    def _take_turns(self, budget: LaunchBudget) -> None:
        team, used_up = 0, False
        while self._alive:
            ready = [number for number, there in enumerate(self._teams) if there]
            if ready:
                team = self._schedule.following(team, ready, used_up=used_up)
            used_up = self._run_team(team, self._schedule.turn(team), budget)

    def _run_team(self, team: int, most: int | None, budget: LaunchBudget) -> bool:
        """Run a team until it can't, or for ``most`` basic blocks. True where it still can."""
        ready, blocks, hits = self._teams[team], self._blocks, budget.hits
        schedule, turns = self._schedule, 0
        if not ready:
            self._stuck()
        while ready and turns != most:
            pc = schedule.choose(self._choices(ready)) if len(ready) > 1 else next(iter(ready))
            turns += 1
            lanes = ready.pop(pc)
            block = blocks.get(pc) or self._block(pc)
            budget.used += block.size * lanes.count
            self._steps.add(lanes, block.size)
            if turns % _LOOK == 1 or budget.used > budget.instructions:
                self._look(pc, lanes, budget)
            hits[pc] = hits.get(pc, 0) + lanes.count
            if lanes.full:
                for step in block.full:
                    step()
            else:
                for step_some in block.some:
                    step_some(lanes)
            block.transfer(lanes)
        return bool(ready)

    def go(self, pc: int, lanes: Lanes) -> None:
        """These lanes go on at ``pc``."""
        team = self._schedule.team
        if team is None:
            self._join(0, pc, lanes)
            return
        of = lanes.take(team)
        if (of == of[0]).all():
            self._join(int(of[0]), pc, lanes)
            return
        for number in np.unique(of).tolist():
            part = lanes.pick(of == number)
            assert part is not None
            self._join(number, pc, part)

    def _join(self, team: int, pc: int, lanes: Lanes) -> None:
        ready = self._teams[team]
        there = ready.get(pc)
        ready[pc] = lanes if there is None else there.join(lanes)

    def leave(self, lanes: Lanes) -> None:
        """These threads have ended."""
        lanes.put(self.machine.exited, True)
        for tell in self.machine.observers.exit:
            tell(lanes)
        self._alive -= lanes.count
        self.barriers.release(lanes)
        self.warps.release()

    def put_off(self, pc: int, lanes: Lanes) -> bool:
        """See `Router`."""
        others = any(there.keys() - self._last for there in self._teams)
        if not others or self._waited >= _LAST_WORDS:
            return False
        self._last.add(pc)
        self._waited += 1
        self.go(pc, lanes)
        return True

    def _choices(self, ready: dict[int, Lanes]) -> list[int]:
        """Where a team can go on. Lanes that wait for all others come last."""
        if not self._last or self._waited >= _LAST_WORDS:
            return list(ready)
        self._waited += 1
        return [pc for pc in ready if pc not in self._last] or list(ready)

    def _block(self, pc: int) -> BasicBlock:
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
        block = BasicBlock(
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
        self.barriers.stuck()
        raise KernelFault(CudaResult.LAUNCH_TIMEOUT)

    def _look(self, pc: int, lanes: Lanes, budget: LaunchBudget) -> None:
        """Check that the launch may go on.

        Raises:
            KernelFault: It has used up a budget of instructions.
            UnsupportedByDevice: It has used up the time, which depends on this machine.
        """
        lane, steps = self._steps.most()
        if budget.used > budget.instructions:
            lane, limit = int(lanes.index[0]), f"{budget.instructions:,} instructions"
        elif steps > budget.of_a_thread:
            limit = f"{budget.of_a_thread:,} instructions of one thread"
        elif time.monotonic() > budget.deadline:
            raise UnsupportedByDevice(
                f"the launch has executed {budget.used:,} instructions in {budget.seconds:.0f} s "
                "and has not ended; a GPU is much faster",
                remedy="Grade it on a GPU.",
            )
        else:
            return
        for tell in self.machine.observers.exceeded:
            tell(pc, lane, limit)
        raise KernelFault(CudaResult.LAUNCH_TIMEOUT)
