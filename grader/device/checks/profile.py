"""What each instruction of a launch costs, as NVIDIA's profiler counts it. It reports nothing.

It has no name, so that it is not among the checks that watch each launch.

The rules are those of Nsight Compute ("Memory Tables", "Memory Chart"): a *request* is one
instruction of a warp that accesses memory; global memory answers in *sectors* of 32 bytes; shared
memory has 32 banks of 4 bytes, and in one *wavefront* each bank gives one word to all who want it.
Threads that access 8 or 16 bytes do so by halves or quarters of a warp.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from grader.device.checks.check import LaunchCheck
from grader.device.checks.events import MemoryAccess, Watched
from grader.device.cuda import WARP
from grader.device.evidence import MOST_PROFILED, InstructionCounts, Space
from grader.device.lanes import Index, Lanes

SECTOR = 32
"""Bytes in which global memory answers."""
BANKS = 32
WORD = 4
"""Bytes that a bank gives in one wavefront."""


@dataclass(slots=True)
class _Cost:
    requests: int = 0
    transfers: int = 0
    least: int = 0
    bytes: int = 0


class Profiler(LaunchCheck):
    """Counts what each instruction costs."""

    def __init__(self, watched: Watched) -> None:
        super().__init__(watched)
        self._runs: dict[tuple[int, int], list[int]] = {}
        """By where a run of instructions begins and how many they are: warps and threads."""
        self._costs: dict[int, dict[Space, _Cost]] = {}
        """By program counter, and memory: a copy accesses two."""
        self._diverged: dict[int, int] = {}
        watched.recorder.profile = self._profile

    def run(self, pc: int, count: int, lanes: Lanes) -> None:
        seen = self._runs.setdefault((pc, count), [0, 0])
        seen[0] += self._warps(lanes.index)
        seen[1] += lanes.count

    def split(self, pc: int, yes: Lanes, no: Lanes) -> None:
        warp = self.wave.warp
        both = np.intersect1d(warp[yes.index], warp[no.index])
        self._diverged[pc] = self._diverged.get(pc, 0) + len(both)

    def load(self, access: MemoryAccess) -> None:
        # Each element of a vector is told; they are one request.
        if access.element or access.space not in (Space.GLOBAL, Space.SHARED):
            return
        lanes = access.lanes.index
        size = access.instruction.size * access.instruction.elements
        first = np.broadcast_to(np.asarray(access.offsets, dtype=np.int64), lanes.shape)
        costs = self._costs.setdefault(access.instruction.pc, {})
        cost = costs.setdefault(access.space, _Cost())
        cost.requests += self._warps(lanes)
        count = self._sectors if access.space is Space.GLOBAL else self._wavefronts
        transfers, least = count(lanes, first, size)
        cost.transfers += transfers
        cost.least += least
        cost.bytes += len(lanes) * size

    store = load
    atomic = load

    def _warps(self, lanes: Index) -> int:
        """How many warps have one of these lanes, which are in ascending order."""
        warps = self.wave.warp[lanes]
        return 1 + int(np.count_nonzero(np.diff(warps))) if len(warps) else 0

    def _sectors(self, lanes: Index, first: Index, size: int) -> tuple[int, int]:
        # An access is aligned to its size, which divides a sector or is one: it lies within one.
        warps = self.wave.warp[lanes]
        touched = np.unique(np.stack([warps, first // SECTOR]), axis=1)[0]
        _, sectors = np.unique(touched, return_counts=True)
        _, threads = np.unique(warps, return_counts=True)
        # The least is what Nsight Compute calls ideal: as many as the threads' bytes fill, side by
        # side, or fewer where threads share them.
        least = np.minimum(sectors, -(-threads * size // SECTOR))
        return int(sectors.sum()), int(least.sum())

    def _wavefronts(self, lanes: Index, first: Index, size: int) -> tuple[int, int]:
        words = max(size // WORD, 1)
        together = WARP // words
        team = self.wave.warp[lanes] * WARP + lanes % self.wave.threads % WARP // together
        wanted = first[:, None] // WORD + np.arange(words)
        teams = np.broadcast_to(team[:, None], wanted.shape)
        # A word is given to all who want it at once.
        pairs = np.unique(np.stack([teams.ravel(), wanted.ravel()]), axis=1)
        banks = pairs[0] * BANKS + pairs[1] % BANKS
        bank, ways = np.unique(banks, return_counts=True)
        begins = np.flatnonzero(np.diff(bank // BANKS, prepend=-1))
        return int(np.maximum.reduceat(ways, begins).sum()), len(begins)

    def _profile(self) -> tuple[InstructionCounts, ...]:
        executed: dict[int, list[int]] = {}
        for (pc, count), (warps, threads) in self._runs.items():
            for each in range(pc, pc + count):
                seen = executed.setdefault(each, [0, 0])
                seen[0] += warps
                seen[1] += threads
        told = (self._told(pc, *executed[pc]) for pc in sorted(executed))
        return tuple(islice(chain.from_iterable(told), MOST_PROFILED))

    def _told(self, pc: int, warps: int, threads: int) -> Iterator[InstructionCounts]:
        """What an instruction cost; of a copy, its stores behind its loads."""
        place = self.watched.place(pc)
        costs: list[tuple[Space | None, _Cost]] = [*self._costs.get(pc, {}).items()]
        for space, cost in costs or [(None, _Cost())]:
            yield InstructionCounts(
                ptx_line=place.line,
                opcode=place.opcode,
                source=place.source,
                executed=warps,
                threads=threads,
                space=space,
                requests=cost.requests,
                transfers=cost.transfers,
                least=cost.least,
                bytes=cost.bytes,
                diverged=self._diverged.get(pc, 0),
            )
            warps = threads = 0
