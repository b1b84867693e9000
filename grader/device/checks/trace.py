"""Every access of one block, for a case that is to be explained. It reports nothing.

It has no name, so that it is not among the checks that watch each launch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import numpy as np

from grader.device.checks.check import LaunchCheck
from grader.device.checks.events import (
    FaultyAccess,
    MemoryAccess,
    MemoryInstruction,
    Watched,
    WatchedRegion,
    Wave,
)
from grader.device.evidence import AccessTrace, Dim3, Space, TracedAccess
from grader.device.memory import unravel

MOST_TRACED = 4096
"""Accesses of a block that are kept."""
_SPACES = (Space.GLOBAL, Space.SHARED)


class AccessTracer(LaunchCheck):
    """Keeps the accesses of a block; a subclass has its index."""

    block: ClassVar[Dim3] = (0, 0, 0)

    def __init__(self, watched: Watched) -> None:
        super().__init__(watched)
        self._lanes = range(0)
        """Those of the block, while it is in flight."""
        self._accesses: list[TracedAccess] = []
        self._cut = False
        self._places: dict[int, int] = {}
        """The number of each instruction's place, by its program counter."""

    def begin(self, wave: Wave) -> None:
        grid, first = self.watched.recorder.grid, wave.first_block
        for number in range(len(wave.block) // wave.threads):
            if unravel(first + number, grid) == self.block:
                self._lanes = range(number * wave.threads, (number + 1) * wave.threads)
                self.watched.recorder.trace = self._trace
                return
        self._lanes = range(0)

    def load(self, access: MemoryAccess) -> None:
        if access.space not in _SPACES or not self._lanes or self._cut:
            return
        lanes, instruction = access.lanes.index, access.instruction
        own = (lanes >= self._lanes.start) & (lanes < self._lanes.stop)
        for k in np.flatnonzero(own).tolist():
            self._keep(int(lanes[k]), instruction, access.region, access.offset(k))

    store = load
    atomic = load

    def outside(self, access: FaultyAccess) -> None:
        lane = int(access.lanes[0])
        if access.space in _SPACES and lane in self._lanes:
            self._keep(lane, access.instruction, access.region, access.offset)

    def _keep(
        self, lane: int, instruction: MemoryInstruction, region: WatchedRegion, offset: int
    ) -> None:
        if len(self._accesses) >= MOST_TRACED:
            self._cut = True
            return
        thread = unravel(lane - self._lanes.start, self.watched.recorder.block)
        place = self._places.setdefault(instruction.pc, len(self._places))
        array, cell, cells = region.named(offset, instruction.size)
        self._accesses.append(
            TracedAccess(
                thread, instruction.kind, region.space, array, cell, cells, instruction.size, place
            )
        )

    def _trace(self) -> AccessTrace:
        return AccessTrace(
            block=self.block,
            accesses=tuple(self._accesses),
            places=tuple(self.watched.place(pc).source for pc in self._places),
            cut=self._cut,
        )


@lru_cache(maxsize=64)
def tracer_of(block: Dim3) -> type[AccessTracer]:
    """A check that keeps the accesses of a block."""
    return type("AccessTracerOfBlock", (AccessTracer,), {"block": block})
