"""Which threads run when: carries a schedule out for one wave.

All schedules are *fair*: the blocks in flight are resident, so a thread that waits in a loop for
another one lets that one run after a while. Blocks that are not resident at once start in the order
of their numbers in every schedule, as they do on a GPU. `grader.device.schedules` has the numbers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from grader.device.lanes import Index
from grader.device.schedules import FIRST_RANDOM, PLAIN, REVERSED

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

    Args:
        number: Which schedule.
        blocks: Blocks of the wave.
        threads: Threads of a block.
        talk: Whether threads may communicate, by strong accesses.
    """

    def __init__(self, number: int, blocks: int, threads: int, *, talk: bool = False) -> None:
        self._number = number
        self.team: Index | None = None
        self.ranks: Index | None = None
        self.teams = 1
        self._turns = [_TURN]
        self._longest = _TURN
        self._chosen = self._other = 0
        self._patience = _PATIENCE if number == PLAIN and not talk else _LEAST_PATIENCE
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
