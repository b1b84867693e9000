"""Runs the lanes of a wave, and decides which threads run when.

In the plain schedule it is always the group at the lowest program counter. Groups that meet at a
program counter become one. Within a basic block nothing is masked while all lanes are together. In
other schedules (`grader.device.schedules` has their numbers) the wave is divided into teams, which
take turns; groups of different teams do not meet.

All schedules are *fair*: the blocks in flight are resident, so a thread that waits in a loop for
another one lets that one run after a while. Blocks that are not resident at once start in the order
of their numbers in every schedule, as they do on a GPU.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.device.cuda import CudaResult, KernelFault
from grader.device.lanes import Index, Lanes
from grader.device.schedules import FIRST_AHEAD, FIRST_RANDOM, MOST, PLAIN, REVERSED
from grader.device.simt.binding import Full, Some
from grader.device.simt.cluster_operations import ClusterBarriers
from grader.device.simt.control import BlockBarriers, Transfer
from grader.device.simt.instructions import bind_step, bind_transfer
from grader.device.simt.machine import Machine
from grader.device.simt.program import ENDS_BLOCK
from grader.device.simt.warps import WarpWaits
from grader.errors import UnsupportedByDevice

_TEAMS = 8
"""Most parts that a wave is divided into. Each costs as much time as all together."""
_RANDOM_TEAMS = 4
_TURN = 256
"""Basic blocks that a team runs in one turn. A team that has used up a turn probably waits for
another team, so its next turns are shorter."""
_LEAST_TURN = 16
_RANDOM_TURNS = (1, 4, 24)
"""Lengths of random turns. In short turns threads see what is there only for a moment; in long ones
a team gets far ahead of the others."""
_TURNS_AHEAD = 64
"""Turns that the first block has before the others, where it runs ahead: a bound for one that waits
for them in a loop."""
_PATIENCE = 2048
"""Basic blocks that run before a group of threads other than the lowest has its turn, so that a
thread that spins on a flag does not keep the thread that will set it from running. After the first
time this happens sooner. It happens soon from the start where threads communicate, since a thread
that runs for long there probably waits."""
_LEAST_PATIENCE = 128
_OTHERS = 32
"""Basic blocks of that turn."""


class Schedule:
    """The order of one wave.

    Attributes:
        teams: How many parts of the wave take turns.
        team: For each lane, its team; None where there is only one.
        ranks: For each lane, when its turn is within one instruction; None: as the lanes are.
        ahead: How many lanes, the first ones, run ahead of the others.

    Args:
        number: Which schedule.
        blocks: Blocks of the wave.
        threads: Threads of a block.
        communicates: Whether threads may communicate, by strong accesses.
    """

    def __init__(
        self, number: int, blocks: int, threads: int, *, communicates: bool = False
    ) -> None:
        self.ahead = threads if number >= FIRST_AHEAD else 0
        self._number = number = number % MOST
        self.team: Index | None = None
        self.ranks: Index | None = None
        self.teams = 1
        self._turns = [_TURN]
        self._longest = _TURN
        self._chosen = self._other = 0
        self._patience = _PATIENCE if number == PLAIN and not communicates else _LEAST_PATIENCE
        self._random = random.Random(number)  # noqa: S311 - of an order, not of a secret
        if number == PLAIN:
            return
        lanes = np.arange(blocks * threads, dtype=np.int64)
        if number < FIRST_RANDOM:
            self.teams = min(blocks, _TEAMS)
            self.team = lanes // threads * self.teams // blocks
            if number == REVERSED:
                self.team = self.teams - 1 - self.team
                self.ranks = lanes[::-1].copy()
        else:
            self._deal(lanes, threads)
        self._turns = [_TURN] * self.teams

    def _deal(self, lanes: Index, threads: int) -> None:
        """Deal blocks, warps or threads to the teams at random."""
        numbers = np.random.default_rng(self._number)
        whole = self._random.choice(
            [lanes // threads, lanes // threads * 32 + lanes % threads // 32, lanes]
        )
        self._longest = self._random.choice(_RANDOM_TURNS)
        _, part = np.unique(whole, return_inverse=True)
        self.teams = min(int(part.max()) + 1, _RANDOM_TEAMS)
        dealt = numbers.permutation(int(part.max()) + 1) % self.teams
        self.team = dealt[part].astype(np.int64)
        self.ranks = numbers.permutation(len(lanes)).astype(np.int64)

    def turn(self, team: int) -> int:
        """How many basic blocks a team may run now."""
        if self._number >= FIRST_RANDOM:
            return 1 + self._random.randrange(self._longest)
        return self._turns[team]

    def following(self, team: int, ready: Sequence[int], *, used_up: bool) -> int:
        """The team that runs next, out of those that are ready."""
        if self._number >= FIRST_RANDOM:
            return self._random.choice(ready)
        if not used_up:
            return ready[0]
        self._turns[team] = max(self._turns[team] // 4, _LEAST_TURN)
        return next((other for other in ready if other > team), ready[0])

    def choose(self, counters: list[int]) -> int:
        """Where a team goes on, of the program counters at which it has threads.

        The lowest brings threads together again soonest. The highest is just as legal: threads that
        took the later branch run first. From time to time another one has its turn.
        """
        self._chosen += 1
        if self._chosen > self._patience:
            if self._chosen > self._patience + _OTHERS:
                self._chosen = 0
                self._patience = max(self._patience // 2, _LEAST_PATIENCE)
                self._other += 1
            return sorted(counters)[self._other % len(counters)]
        if self._number >= FIRST_RANDOM:
            return self._random.choice(counters)
        return max(counters) if self._number == REVERSED else min(counters)


_LONGEST_BLOCK = 256
"""Most instructions of a basic block, before others may run."""
_CHECK_EVERY = 64
"""Basic blocks between two checks of the clock and of a thread's budget."""
_LAST_WORDS = 20_000
"""Basic blocks that others may still run after a thread has stopped the launch."""


class LaunchBudget:
    """What a launch may use, and what it has used.

    Args:
        instructions: Of all threads together.
        of_a_thread: Instructions of any one thread.
        processor_s: Of a processor; of those that this machine has, it may give us little.
        wall_s: On the clock.

    Attributes:
        hits: By where a basic block begins: how often threads ran it.
    """

    def __init__(
        self, instructions: int, of_a_thread: int, processor_s: float, wall_s: float
    ) -> None:
        self.instructions = instructions
        self.of_a_thread = of_a_thread
        self.used = 0
        self.hits: dict[int, int] = {}
        self._processor_s = processor_s
        self._wall_s = wall_s
        self._began = time.thread_time(), time.monotonic()

    @property
    def late(self) -> str:
        """How long the launch has taken, where that is too long; empty where it is not.

        Asked in the thread that runs the launch.
        """
        processor, clock = self._began
        if time.thread_time() - processor > self._processor_s:
            return f"{self._processor_s:.0f} s of a processor"
        return f"{self._wall_s:.0f} s" if time.monotonic() - clock > self._wall_s else ""


class StepCounts:
    """Instructions that each thread of a wave has executed."""

    def __init__(self, total: int) -> None:
        self._all = 0
        self._some: NDArray[np.int64] = np.zeros(total, dtype=np.int64)

    def reset(self) -> None:
        """Start counting for a new wave."""
        self._all = 0
        self._some.fill(0)

    def add(self, lanes: Lanes, count: int) -> None:
        """Count ``count`` instructions for each of these lanes."""
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
        self.clusters = ClusterBarriers(machine, self)
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
        self.clusters.reset()
        self.warps.reset()
        self._steps.reset()
        self._alive = machine.total
        self._last.clear()
        self._waited = 0
        start = machine.program.base[machine.program.entry.name]
        others: Lanes | None = machine.everyone
        if schedule.ahead:
            ahead, others = machine.everyone.split(np.arange(machine.total) < schedule.ahead)
            if ahead is not None:
                self.go(start, ahead)
                self._run_ahead(budget)
        if others is not None:
            self.go(start, others)
        if schedule.team is None:
            while self._alive:
                self._run_team(0, None, budget)
        else:
            self._take_turns(budget)

    def _run_ahead(self, budget: LaunchBudget) -> None:
        """Let those who have begun run, until they have ended or wait, or have run for long."""
        for _ in range(_TURNS_AHEAD):
            ready = [number for number, there in enumerate(self._teams) if there]
            if not ready:
                return
            self._run_team(ready[0], _TURN, budget)

    def _take_turns(self, budget: LaunchBudget) -> None:
        team, used_up = 0, False
        while self._alive:
            ready = [number for number, there in enumerate(self._teams) if there]
            if ready:
                team = self._schedule.following(team, ready, used_up=used_up)
            used_up = self._run_team(team, self._schedule.turn(team), budget)

    def _run_team(self, team: int, most: int | None, budget: LaunchBudget) -> bool:
        """Run a team until it can't, or for ``most`` basic blocks; returns whether it still can."""
        ready, blocks, hits = self._teams[team], self._blocks, budget.hits
        schedule, turns = self._schedule, 0
        told = self.machine.observers.run
        if not ready:
            self._stuck()
        while ready and turns != most:
            pc = schedule.choose(self._choices(ready)) if len(ready) > 1 else next(iter(ready))
            turns += 1
            lanes = ready.pop(pc)
            block = blocks.get(pc) or self._block(pc)
            budget.used += block.size * lanes.count
            self._steps.add(lanes, block.size)
            if turns % _CHECK_EVERY == 1 or budget.used > budget.instructions:
                self._check_budget(pc, lanes, budget)
            hits[pc] = hits.get(pc, 0) + lanes.count
            for tell in told:
                tell(pc, block.size, lanes)
            if lanes.full:
                for step in block.full:
                    step()
            else:
                for step_some in block.some:
                    step_some(lanes)
            block.transfer(lanes)
        return bool(ready)

    def go(self, pc: int, lanes: Lanes) -> None:
        """Let these lanes go on at ``pc``."""
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
        """Take these threads out: they have ended."""
        lanes.put(self.machine.exited, True)
        for tell in self.machine.observers.exit:
            tell(lanes)
        self._alive -= lanes.count
        self.barriers.release(lanes)
        self.clusters.release(lanes)
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
                transfer = bind_transfer(
                    self.machine, site, self, self.barriers, self.clusters, self.warps
                )
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
        """End the launch: nobody can run, and somebody waits."""
        if self.warps.give_up():
            return
        places = np.maximum(self.barriers.waiting_at, self.clusters.waiting_at)
        waiting = np.flatnonzero(places >= 0)
        for tell in self.machine.observers.stuck:
            tell(waiting, places[waiting])
        raise KernelFault(CudaResult.LAUNCH_TIMEOUT)

    def _look_for_stuck(self) -> None:
        """End the launch where all that are left wait at mbarriers for each other."""
        machine = self.machine
        waiting = np.maximum(self.barriers.waiting_at, self.clusters.waiting_at) >= 0
        waiting |= self.warps.waiting()
        found = machine.mbarriers.stuck(machine.exited, waiting)
        if found is not None:
            for tell in machine.observers.stuck:
                tell(*found)
            raise KernelFault(CudaResult.LAUNCH_TIMEOUT)

    def _check_budget(self, pc: int, lanes: Lanes, budget: LaunchBudget) -> None:
        """Check that the launch may go on.

        Raises:
            KernelFault: It has used up a budget of instructions.
            UnsupportedByDevice: It has used up the time, which depends on this machine.
        """
        if self.machine.mbarriers.asked:
            self._look_for_stuck()
        lane, steps = self._steps.most()
        if budget.used > budget.instructions:
            lane, limit = int(lanes.index[0]), f"{budget.instructions:,} instructions"
        elif steps > budget.of_a_thread:
            limit = f"{budget.of_a_thread:,} instructions of one thread"
        elif late := budget.late:
            raise UnsupportedByDevice(
                f"the launch has executed {budget.used:,} instructions in {late} "
                "and has not ended; a GPU is much faster",
                remedy="Grade it on a GPU.",
            )
        else:
            return
        for tell in self.machine.observers.exceeded:
            tell(pc, lane, limit)
        raise KernelFault(CudaResult.LAUNCH_TIMEOUT)
