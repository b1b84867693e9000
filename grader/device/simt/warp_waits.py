"""Lanes that wait for others of their warp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.lanes import Index, Lanes
from grader.device.results import CudaResult, KernelFault
from grader.device.simt.control import Router
from grader.device.simt.machine import Machine
from grader.device.simt.program import STARTS_BLOCK, CodeSite

Bits = NDArray[np.int64]


Action = Callable[[Lanes, Any], None]


class WarpWaits:
    """Lanes that wait for others of their warp.

    Attributes:
        warp: Number of each lane's warp among those in flight.
        bit: ``1 << laneid`` of each lane.
    """

    def __init__(self, machine: Machine, router: Router) -> None:
        self.machine = machine
        self.router = router
        self.warp: Index = machine.warp
        self.laneid: Index = machine.thread % 32
        self.bit: Bits = np.left_shift(np.int64(1), self.laneid)
        self.warps = int(machine.warp[-1]) + 1
        self._everyone = self.bits(machine.everyone.index)
        self._waiting: dict[int, tuple[Lanes, Any, Action]] = {}

    def reset(self) -> None:
        """Nobody waits."""
        self._waiting.clear()

    @staticmethod
    def is_transfer(site: CodeSite) -> bool:
        """Whether an instruction is one of those that wait."""
        return site.instruction.base in STARTS_BLOCK

    def bits(self, index: Index) -> Bits:
        """For each warp, the bits of these lanes."""
        weights = np.bincount(self.warp[index], weights=self.bit[index], minlength=self.warps)
        return weights.astype(np.int64)

    def meet(self, pc: int, lanes: Lanes, mask: Any, action: Action) -> None:
        """Run ``action`` for each lane once the lanes that its ``mask`` names are there.

        Args:
            mask: One uint32 for all, or an array over all lanes.
        """
        if lanes.full:
            action(lanes, mask)
            self.router.go(pc + 1, lanes)
            return
        before = self._waiting.pop(pc, None)
        if before is not None:
            lanes = lanes.join(before[0])
        wanted = lanes.take(mask) if np.ndim(mask) else mask
        warp = self.warp[lanes.index]
        missing = self._alive()[warp] & ~self.bits(lanes.index)[warp] & wanted
        there, not_there = lanes.split(missing == 0)
        if not_there is not None:
            self._waiting[pc] = (not_there, mask, action)
        if there is not None:
            action(there, mask)
            self.router.go(pc + 1, there)

    def release(self) -> None:
        """Threads have ended; whoever waited only for them goes on."""
        for pc in list(self._waiting):
            lanes, mask, action = self._waiting.pop(pc)
            self.meet(pc, lanes, mask, action)

    def give_up(self) -> bool:
        """Called when nobody else can run. False where nobody waits here.

        Raises:
            KernelFault: Somebody waits, and always would.
        """
        if not self._waiting:
            return False
        pc, (lanes, _, _) = min(self._waiting.items(), key=lambda item: item[0])
        for tell in self.machine.observers.stuck:
            tell(lanes.index, np.full(lanes.count, pc))
        raise KernelFault(CudaResult.LAUNCH_TIMEOUT)

    def _alive(self) -> Bits:
        exited = self.machine.exited
        if not exited.any():
            return self._everyone
        return self.bits(np.flatnonzero(~exited))
