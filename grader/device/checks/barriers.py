"""Barriers that threads of a block reach in different ways, or never."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.device.checks.check import LaunchCheck
from grader.device.checks.events import BarrierPassed
from grader.device.evidence import FindingKind
from grader.device.lanes import Index


class BarrierCheck(LaunchCheck):
    """Reports threads that do not all come to the same barrier.

    Threads that have ended do not count (PTX ISA, ``exit``: "If the exiting threads are holding
    up the barrier, the barrier is released"). That is noted. A meeting at different instructions
    is an error: an aligned barrier, which ``bar`` always is, says "that all threads in CTA will
    execute the same" one, "otherwise behavior is undefined" (PTX ISA, ``barrier``). Where a
    barrier has a count of threads, the manual's own examples put warps at different instructions;
    there it must be the same for the threads of a warp.
    """

    name = "barriers"

    def barrier(self, passed: BarrierPassed) -> None:
        if self.wave.exited.any():
            self._look_for_exited(passed)
        if passed.several:
            self._look_for_mixed(passed)

    def stuck(self, lanes: Index, places: Index) -> None:
        first = int(lanes[0])
        same_block = self.wave.block[lanes] == self.wave.block[first]
        others = np.flatnonzero(same_block & (places != places[0]))
        did = "waits for other threads that never arrive"
        facts: dict[str, Any] = {}
        if len(others):
            other = int(others[0])
            block, thread, name = self._who(int(lanes[other]))
            there = self.watched.place(int(places[other]))
            did = f"waits at a barrier for {_thread(name)}, which waits at another one"
            facts = {
                "other_block": block,
                "other_thread": thread,
                "other_ptx_line": there.line,
                "other_source": there.source,
            }
        self._report(
            FindingKind.BARRIER_DIVERGENCE, int(places[0]), first, did, count=len(lanes), **facts
        )

    def uneven(self, pc: int, lanes: Index, what: str) -> None:
        self._report(FindingKind.BARRIER_DIVERGENCE, pc, int(lanes[0]), what, count=len(lanes))

    def cluster_barrier(self, lanes: Index, places: Index) -> None:
        # PTX ISA, barrier.cluster: with .aligned, "all threads in the warp must execute the same"
        # instruction. A whole cluster need not.
        warp = self.wave.warp[lanes]
        mixed = np.flatnonzero((warp[1:] == warp[:-1]) & (places[1:] != places[:-1]))
        if len(mixed):
            k = int(mixed[0])
            here = (int(places[k + 1]), int(lanes[k + 1]))
            self._mixed(*here, int(places[k]), int(lanes[k]), len(mixed), "warp")

    def _look_for_exited(self, passed: BarrierPassed) -> None:
        """Threads of the blocks that passed which had ended before."""
        threads = self.wave.threads
        exited = self.wave.exited.reshape(-1, threads)[passed.whole]
        short = exited.any(axis=1)
        if not short.any():
            return
        block = int(passed.whole[short][0])
        gone = block * threads + int(exited[short][0].argmax())
        k = int(np.argmax(self.wave.block[passed.lanes.index] == block))
        other_block, other_thread, name = self._who(int(passed.lanes.index[k]))
        self._report(
            FindingKind.EXITED_BEFORE_BARRIER,
            _place(passed, k),
            gone,
            f"had ended before a barrier that {_thread(name)} passed",
            count=int(exited[short].sum()),
            other_block=other_block,
            other_thread=other_thread,
        )

    def _look_for_mixed(self, passed: BarrierPassed) -> None:
        """Threads that must be at the same ``.aligned`` barrier instruction and are at two."""
        index = passed.lanes.index
        warp, block = self.wave.warp[index], self.wave.block[index]
        team = np.where(passed.counted, warp, -1 - block)
        places = np.broadcast_to(passed.places, index.shape)
        mixed = np.flatnonzero((team[1:] == team[:-1]) & (places[1:] != places[:-1]))
        if not len(mixed):
            return
        k = int(mixed[0])
        group = "warp" if warp[k] == warp[k + 1] else "block"
        here = (int(places[k + 1]), int(index[k + 1]))
        self._mixed(*here, int(places[k]), int(index[k]), len(mixed), group)

    def _mixed(self, pc: int, lane: int, other: int, by: int, count: int, group: str) -> None:
        """Report that a lane met another one, ``by``, which was at another instruction."""
        here, there = self.watched.place(pc), self.watched.place(other)
        if not (_is_aligned(here.opcode) and _is_aligned(there.opcode)):
            return
        other_block, other_thread, name = self._who(by)
        self._report(
            FindingKind.BARRIER_DIVERGENCE,
            pc,
            lane,
            f"and {_thread(name)}, which are in one {group}, met at different barriers; all "
            f"threads of a {group} must reach the same one",
            count=count,
            other_block=other_block,
            other_thread=other_thread,
            other_ptx_line=there.line,
            other_source=there.source,
        )


def _place(passed: BarrierPassed, k: int) -> int:
    return passed.places if isinstance(passed.places, int) else int(passed.places[k])


def _thread(name: str) -> str:
    """A thread in words, without its block."""
    return name.rpartition(" of block ")[0]


def _is_aligned(opcode: str) -> bool:
    base, *parts = opcode.split(".")
    return base == "bar" or "aligned" in parts
