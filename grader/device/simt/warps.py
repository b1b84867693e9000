"""Instructions of a warp: shuffle, vote, match, redux, elect, and ``bar.warp.sync``.

Each waits until all threads that its mask names, and that have not ended, are
there (PTX ISA, "shfl.sync" and the like).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.cuda import CudaResult, KernelFault
from grader.device.lanes import Index, Lanes, Mask
from grader.device.ptx.model import Operand, OperandPair, Sink
from grader.device.simt.binding import Binding
from grader.device.simt.control import Router, Transfer, conditional
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
        """Forget who waits."""
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

    def waiting(self) -> Mask:
        """Which lanes wait here."""
        mask = np.zeros(self.machine.total, dtype=np.bool_)
        for lanes, _, _ in self._waiting.values():
            mask[lanes.index] = True
        return mask

    def release(self) -> None:
        """Let those go on who waited only for threads that have ended."""
        for pc in list(self._waiting):
            lanes, mask, action = self._waiting.pop(pc)
            self.meet(pc, lanes, mask, action)

    def give_up(self) -> bool:
        """End the launch where somebody waits here: nobody else can run. Returns False elsewhere.

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


U32 = np.dtype(np.uint32)
PREDICATE = np.dtype(np.bool_)


def bind_warp(binding: Binding, router: Router, waits: WarpWaits) -> Transfer:
    """An instruction of a warp, as a transfer."""
    instruction = binding.site.instruction
    if instruction.opcode == "activemask.b32":
        return _activemask(binding, router, waits)
    if instruction.opcode == "bar.warp.sync":
        (operand,) = binding.operands(1)
        machine = binding.machine

        def passed(lanes: Lanes, _: Any) -> None:
            machine.mbarriers.acted(lanes.index)
            for tell in machine.observers.warp_barrier:
                tell(lanes.index)

        return waiting(binding, router, waits, operand, passed)
    bind = _FAMILIES.get(instruction.base)
    if bind is None or "sync" not in instruction.modifiers:
        raise binding.site.unsupported()
    mask, action = bind(binding, waits)
    return waiting(binding, router, waits, mask, action)


def waiting(
    binding: Binding, router: Router, waits: WarpWaits, operand: Operand, action: Action
) -> Transfer:
    """Let ``action`` run once the lanes that the mask ``operand`` names have met."""
    mask = binding.source(operand, U32)
    pc = binding.site.pc
    wanted = mask.astype(np.int64) if isinstance(mask, np.ndarray) else np.int64(mask)

    def run(lanes: Lanes, now: Any) -> None:
        for prepare in binding.before:
            prepare()
        action(lanes, now)
        for finish in binding.after:
            finish.some(lanes)

    def arrive(lanes: Lanes) -> None:
        now = mask.astype(np.int64) if isinstance(mask, np.ndarray) else wanted
        waits.meet(pc, lanes, now, run)

    return conditional(binding, router, arrive)


def _activemask(binding: Binding, router: Router, waits: WarpWaits) -> Transfer:
    (destination,) = binding.operands(1)
    out = binding.destination(destination, U32)

    def run(lanes: Lanes) -> None:
        bits = waits.bits(lanes.index)[waits.warp[lanes.index]]
        lanes.put(out, bits.astype(np.uint32))
        for finish in binding.after:
            finish.some(lanes)
        router.go(binding.site.pc + 1, lanes)

    return conditional(binding, router, run)


def _pair(binding: Binding, operand: Operand) -> tuple[Operand, Operand]:
    return (
        (operand.first, operand.second) if isinstance(operand, OperandPair) else (operand, Sink())
    )


def _shuffle(binding: Binding, waits: WarpWaits) -> tuple[Operand, Action]:
    parts = binding.site.instruction.modifiers
    if len(parts) != 3 or parts[1] not in _SOURCES or parts[2] != "b32":
        raise binding.site.unsupported()
    destination, a, b, c, mask = binding.operands(5)
    wanted, valid = _pair(binding, destination)
    value, offset, clamp = (binding.source(operand, U32) for operand in (a, b, c))
    out = binding.destination(wanted, U32)
    predicate = binding.destination(valid, PREDICATE)
    source_of = _SOURCES[parts[1]]
    machine = binding.machine
    pc = binding.site.pc

    def action(lanes: Lanes, _: Any) -> None:
        lane = waits.laneid[lanes.index]
        step = _of(lanes, offset).astype(np.int64) & 31
        bound = _of(lanes, clamp).astype(np.int64)
        segment = bound >> 8 & 31
        lowest = lane & segment
        highest = lowest | bound & 31 & ~segment
        source, good = source_of(lane, step, lowest, highest, segment)
        source = np.where(good, source, lane)
        taken = lanes.index - lane + source
        in_block = machine.thread[lanes.index] - lane + source < machine.threads
        taken = np.where(in_block, taken, lanes.index)
        active = lanes.mask[taken] & in_block
        values = np.broadcast_to(value, (machine.total,))[taken]
        values = np.where(active, values, np.uint32(machine.memory.poison))
        lanes.put(out, values)
        lanes.put(predicate, good)
        if machine.observers.inactive_lane and not (active | ~good).all():
            which = good & ~active
            for tell in machine.observers.inactive_lane:
                tell(pc, lanes.index[which], source[which])

    return mask, action


def _of(lanes: Lanes, value: Any) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return lanes.take(value)
    return np.full(lanes.count, value)


def _up(lane: Index, step: Index, low: Index, high: Index, segment: Index) -> Any:
    return lane - step, lane - step >= high


def _down(lane: Index, step: Index, low: Index, high: Index, segment: Index) -> Any:
    return lane + step, lane + step <= high


def _butterfly(lane: Index, step: Index, low: Index, high: Index, segment: Index) -> Any:
    return lane ^ step, lane ^ step <= high


def _indexed(lane: Index, step: Index, low: Index, high: Index, segment: Index) -> Any:
    source = low | step & ~segment
    return source, source <= high


_SOURCES: dict[str, Callable[..., Any]] = {
    "up": _up,
    "down": _down,
    "bfly": _butterfly,
    "idx": _indexed,
}


def _teams(lanes: Lanes, waits: WarpWaits, mask: Any) -> Index:
    """A number for each lane, equal for lanes of one warp that named the same mask."""
    warp: Index = waits.warp[lanes.index]
    if np.ndim(mask) == 0:
        return warp
    taken = lanes.take(mask)
    if (taken == taken[0]).all():
        return warp
    return np.unique(warp << 32 | taken, return_inverse=True)[1].astype(np.int64)


def _vote(binding: Binding, waits: WarpWaits) -> tuple[Operand, Action]:
    parts = binding.site.instruction.modifiers
    if parts not in _VOTES:
        raise binding.site.unsupported()
    kind = parts[1]
    destination, a, mask = binding.operands(3)
    out = binding.destination(destination, U32 if kind == "ballot" else PREDICATE)
    value = binding.source(a, PREDICATE)

    def action(lanes: Lanes, mask: Any) -> None:
        team = _teams(lanes, waits, mask)
        yes = _of(lanes, value)
        if kind == "ballot":
            bits = np.bincount(team, weights=waits.bit[lanes.index] * yes)
            lanes.put(out, bits.astype(np.int64)[team].astype(np.uint32))
            return
        votes = np.bincount(team, weights=yes)[team]
        voters = np.bincount(team)[team]
        all_ = votes == voters
        result = {"all": all_, "any": votes > 0, "uni": all_ | (votes == 0)}[kind]
        lanes.put(out, result)

    return mask, action


_VOTES = {
    ("sync", "all", "pred"),
    ("sync", "any", "pred"),
    ("sync", "uni", "pred"),
    ("sync", "ballot", "b32"),
}


def _match(binding: Binding, waits: WarpWaits) -> tuple[Operand, Action]:
    parts = binding.site.instruction.modifiers
    if len(parts) != 3 or parts[0] not in ("any", "all") or parts[2] not in ("b32", "b64"):
        raise binding.site.unsupported()
    destination, a, mask = binding.operands(3)
    wanted, same = _pair(binding, destination)
    out, predicate = binding.destination(wanted, U32), binding.destination(same, PREDICATE)
    value = binding.source(a, np.dtype(f"u{int(parts[2][1:]) // 8}"))

    def action(lanes: Lanes, mask: Any) -> None:
        team = _teams(lanes, waits, mask)
        number = np.unique(_of(lanes, value), return_inverse=True)[1]
        equals = np.unique(team * (number.max() + 1) + number, return_inverse=True)[1]
        bit = waits.bit[lanes.index]
        bits = np.bincount(equals, weights=bit).astype(np.int64)[equals]
        if parts[0] == "all":
            alike = bits == np.bincount(team, weights=bit).astype(np.int64)[team]
            bits = np.where(alike, bits, 0)
            lanes.put(predicate, alike)
        lanes.put(out, bits.astype(np.uint32))

    return mask, action


def _redux(binding: Binding, waits: WarpWaits) -> tuple[Operand, Action]:
    parts = binding.site.instruction.modifiers
    if len(parts) != 3 or (parts[1], parts[2]) not in _REDUCTIONS:
        raise binding.site.unsupported()
    ufunc, dtype = _REDUCTIONS[parts[1], parts[2]]
    destination, a, mask = binding.operands(3)
    out = binding.destination(destination, np.dtype(dtype))
    value = binding.source(a, np.dtype(dtype))

    def action(lanes: Lanes, mask: Any) -> None:
        team = _teams(lanes, waits, mask)
        order = np.argsort(team, kind="stable")
        starts = np.flatnonzero(np.diff(team[order], prepend=-1))
        results = ufunc.reduceat(_of(lanes, value)[order], starts, dtype=dtype)
        place = np.empty(lanes.count, dtype=np.int64)
        place[order] = np.cumsum(np.diff(team[order], prepend=-1) != 0) - 1
        lanes.put(out, results[place])

    return mask, action


_REDUCTIONS: dict[tuple[str, str], tuple[np.ufunc, Any]] = {
    **{
        (op, t): (ufunc, dtype)
        for op, ufunc in (("add", np.add), ("min", np.minimum), ("max", np.maximum))
        for t, dtype in (("u32", np.uint32), ("s32", np.int32))
    },
    **{
        (op, "b32"): (ufunc, np.uint32)
        for op, ufunc in (("and", np.bitwise_and), ("or", np.bitwise_or), ("xor", np.bitwise_xor))
    },
}


def _elect(binding: Binding, waits: WarpWaits) -> tuple[Operand, Action]:
    destination, mask = binding.operands(2)
    wanted, chosen = _pair(binding, destination)
    out, predicate = binding.destination(wanted, U32), binding.destination(chosen, PREDICATE)

    def action(lanes: Lanes, mask: Any) -> None:
        team = _teams(lanes, waits, mask)
        bits = np.bincount(team, weights=waits.bit[lanes.index]).astype(np.int64)[team]
        lowest = bits & -bits
        leader = np.log2(lowest).astype(np.uint32)
        lanes.put(out, leader)
        lanes.put(predicate, lowest == waits.bit[lanes.index])

    return mask, action


_FAMILIES: dict[str, Callable[[Binding, WarpWaits], tuple[Operand, Action]]] = {
    "shfl": _shuffle,
    "vote": _vote,
    "match": _match,
    "redux": _redux,
    "elect": _elect,
}
