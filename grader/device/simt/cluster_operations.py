"""Instructions of a cluster: ``barrier.cluster``, ``mapa`` and ``getctarank``."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.events import PhaseArrival
from grader.device.cuda import CudaResult, KernelFault
from grader.device.lanes import Index, Lanes, Mask
from grader.device.simt.binding import Binding, BoundStep
from grader.device.simt.clusters import RANK_SHIFT, split_address
from grader.device.simt.control import Router, Transfer, conditional, groups
from grader.device.simt.machine import Machine
from grader.device.simt.regions import SHARED_WINDOW

_U32 = np.dtype(np.uint32)
_ARRIVES = frozenset({"cluster", "arrive", "release", "relaxed", "aligned"})
_WAITS = frozenset({"cluster", "wait", "acquire", "aligned"})


class ClusterBarriers:
    """Who has arrived at the barrier of each cluster, and who waits there.

    A thread arrives, and waits later for "all non-exited threads of the cluster to perform
    barrier.cluster.arrive" (PTX ISA, ``barrier.cluster``).

    Attributes:
        waiting_at: Program counter where each lane waits, or -1.
    """

    def __init__(self, machine: Machine, router: Router) -> None:
        self.machine = machine
        self.router = router
        total = machine.total
        self._cluster: Index = machine.clusters.cluster[machine.block]
        self.waiting_at: Index = np.full(total, -1, dtype=np.int64)
        self._arrived: Mask = np.zeros(total, dtype=np.bool_)
        self._place: Index = np.zeros(total, dtype=np.int64)
        """Where each lane arrived last."""
        self._due: Index = np.zeros(total, dtype=np.int64)
        """How many phases must be over before the lane's wait is; 0 where it has not arrived."""
        self._over: Index = np.zeros(machine.clusters.count, dtype=np.int64)
        """How many phases of each cluster are over."""

    def reset(self) -> None:
        """Forget who has arrived."""
        self.waiting_at.fill(-1)
        self._arrived.fill(False)
        self._due.fill(0)
        self._over.fill(0)

    def arrive(self, pc: int, lanes: Lanes, *, release: bool) -> None:
        """Count lanes as arrived."""
        index = lanes.index
        self._refuse(
            pc, index[self._due[index] != 0], "arrived at the barrier of its cluster twice"
        )
        self._place[index] = pc
        self._arrived[index] = True
        self._due[index] = self._over[self._cluster[index]] + 1
        for number, group in groups(lanes, self._cluster[index]):
            phase = self._phase(number, int(self._over[number]))
            before = self._phase(number, int(self._over[number]) - 1)
            arrival = PhaseArrival(phase, before, group.index, release, across=True)
            for tell in self.machine.observers.phase_arrival:
                tell(arrival)
        self.router.go(pc + 1, lanes)
        self.release(lanes)

    def wait(self, pc: int, lanes: Lanes) -> None:
        """Let lanes go on once all of their cluster have arrived."""
        index = lanes.index
        what = "waits at the barrier of its cluster and has not arrived there"
        self._refuse(pc, index[self._due[index] == 0], what)
        self.waiting_at[index] = pc
        self._let_go(lanes)

    def release(self, lanes: Lanes) -> None:
        """Let those go on who waited for the last of these, which have arrived or ended."""
        if not self._arrived.any():
            return
        touched = np.unique(self._cluster[lanes.index])
        missing = np.bincount(
            self._cluster, ~(self._arrived | self.machine.exited), minlength=len(self._over)
        )
        there = np.bincount(self._cluster, self._arrived, minlength=len(self._over))
        done = touched[(missing[touched] == 0) & (there[touched] > 0)]
        if not len(done):
            return
        arrived = np.flatnonzero(self._arrived & np.isin(self._cluster, done))
        self._over[done] += 1
        self._arrived[arrived] = False
        for tell in self.machine.observers.cluster_barrier:
            tell(arrived, self._place[arrived])
        waits = arrived[self.waiting_at[arrived] >= 0]
        if len(waits):
            self._let_go(Lanes(waits, lanes.total))

    def _let_go(self, lanes: Lanes) -> None:
        cluster = self._cluster[lanes.index]
        free = lanes.pick(self._due[lanes.index] <= self._over[cluster])
        if free is None:
            return
        index = free.index
        self.machine.mbarriers.acted(index)
        for number, group in groups(free, self._cluster[index]):
            phase = self._phase(number, int(self._due[group.index[0]]) - 1)
            for tell in self.machine.observers.phase_passed:
                tell(phase, group.index, acquire=True)
        places = self.waiting_at[index]
        self.waiting_at[index] = -1
        self._due[index] = 0
        for pc, group in groups(free, places):
            self.router.go(pc + 1, group)

    def _phase(self, cluster: int, number: int) -> int:
        """What the checks call a phase: below 0, unlike those of mbarriers; 0 for none."""
        return -1 - cluster - number * len(self._over) if number >= 0 else 0

    def _refuse(self, pc: int, lanes: Index, what: str) -> None:
        """End the launch where PTX leaves undefined what these lanes do."""
        if len(lanes):
            for tell in self.machine.observers.uneven:
                tell(pc, lanes, what)
            raise KernelFault(CudaResult.LAUNCH_FAILED)


def bind_cluster_barrier(binding: Binding, router: Router, barriers: ClusterBarriers) -> Transfer:
    """``barrier.cluster.arrive`` and ``wait``."""
    pc, parts = binding.site.pc, set(binding.site.instruction.modifiers)
    binding.operands(0)
    if "arrive" in parts and parts <= _ARRIVES:
        release = "relaxed" not in parts
        return conditional(
            binding, router, lambda lanes: barriers.arrive(pc, lanes, release=release)
        )
    if "wait" in parts and parts <= _WAITS:
        return conditional(binding, router, lambda lanes: barriers.wait(pc, lanes))
    raise binding.site.unsupported()


def _form(binding: Binding) -> tuple[np.dtype[Any], int]:
    """Type of the address, and where shared memory begins in its space."""
    *space, type_ = binding.site.instruction.modifiers or ("",)
    if type_ not in ("u32", "u64") or space not in ([], ["shared::cluster"]):
        raise binding.site.unsupported()
    if not space and type_ == "u32":
        raise binding.site.unsupported()
    return np.dtype(f"u{int(type_[1:]) // 8}"), 0 if space else SHARED_WINDOW


def _many(lanes: Lanes, values: Any) -> NDArray[np.int64]:
    own = lanes.take(values) if isinstance(values, np.ndarray) else values
    return np.broadcast_to(np.asarray(own).astype(np.int64), (lanes.count,))


def bind_mapa(binding: Binding) -> BoundStep:
    """``mapa``: the address of a variable in the shared memory of another block of the cluster."""
    dtype, window = _form(binding)
    destination, address, rank = binding.operands(3)
    out = binding.destination(destination, dtype)
    of, wanted = binding.source(address, dtype), binding.source(rank, _U32)

    def run(lanes: Lanes) -> None:
        _, own = split_address(_many(lanes, of) - window)
        lanes.put(out, (own + (_many(lanes, wanted) + 1 << RANK_SHIFT) + window).astype(dtype))

    return binding.step(BoundStep(partial(run, binding.machine.everyone), run))


def bind_getctarank(binding: Binding) -> BoundStep:
    """``getctarank``: the rank of the block whose shared memory an address lies in."""
    dtype, window = _form(binding)
    destination, address = binding.operands(2)
    out, of = binding.destination(destination, _U32), binding.source(address, dtype)
    machine = binding.machine

    def run(lanes: Lanes) -> None:
        ranks, _ = split_address(_many(lanes, of) - window)
        mine = machine.clusters.rank[machine.block[lanes.index]]
        lanes.put(out, np.where(ranks == 0, mine, ranks - 1).astype(np.uint32))

    return binding.step(BoundStep(partial(run, binding.machine.everyone), run))
