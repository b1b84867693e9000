"""The state of the blocks in flight: registers, memory, and what is under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.check import Observers
from grader.device.checks.events import Wave
from grader.device.cuda import MULTIPROCESSORS, WARP
from grader.device.evidence import Dim3, Space
from grader.device.lanes import Index, Lanes
from grader.device.memory import THREAD_BITS, GlobalMemory, kernel_stamp
from grader.device.ptx.model import TYPE_BYTES
from grader.device.simt.clusters import ALONE, ClusterLayout
from grader.device.simt.phases import Mbarriers
from grader.device.simt.program import STACK_BYTES, CodeSite, KernelProgram
from grader.device.simt.regions import (
    GlobalRegion,
    MemoryLayout,
    MemoryRegion,
    ParamRegion,
    Slot,
    SlottedRegion,
)
from grader.device.simt.state import Frames, Heap, PendingCopies, Printed, Returns

_CLUSTER_DIMENSIONS = ("clusterid", "nclusterid", "cluster_ctaid", "cluster_nctaid")
REGISTER_TYPES: dict[int, Any] = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


@dataclass(frozen=True, slots=True)
class MachineShape:
    """What a machine is made for.

    Attributes:
        blocks: Blocks in flight at once.
        dynamic_shared: Dynamic shared memory of a block, in bytes.
        tracked: Whether to remember which bytes of shared and local memory were written.
        cluster: Blocks of a cluster in x, y, z; None where the launch asks for none.
    """

    grid: Dim3
    block: Dim3
    blocks: int
    dynamic_shared: int
    tracked: bool
    cluster: Dim3 | None = None

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.block[0] * self.block[1] * self.block[2]


class Machine:
    """State for ``shape.blocks`` blocks of a program; used again for later waves and launches.

    Attributes:
        observers: The checks of the launch that it serves now.
        everyone: All lanes.
        params: Bytes of variables in parameter space, one row per lane.
        entry_params: The kernel's own parameters.
        symbols: Address of each variable in its space, by ``function:name``.
        carry: ``CC.CF`` of each lane.
        ranks: For each lane, its turn among those that access one cell with one instruction;
            None: in the order of lanes.
    """

    def __init__(
        self,
        program: KernelProgram,
        shape: MachineShape,
        memory: GlobalMemory,
        symbols: dict[str, int],
        heap: Heap,
    ) -> None:
        self.program = program
        self.shape = shape
        self.memory = memory
        self.heap = heap
        self.threads = shape.threads
        self.total = shape.blocks * self.threads
        self.everyone = Lanes.all(self.total)
        self.thread: Index = self.everyone.index % self.threads
        self.block: Index = self.everyone.index // self.threads
        self.warp: Index = self.block * -(-self.threads // WARP) + self.thread // WARP
        self.clusters = ClusterLayout(shape.grid, shape.cluster or ALONE, shape.blocks)
        layout, dynamic = _with_dynamic(program, shape.dynamic_shared)
        self.shared = SlottedRegion(
            Space.SHARED, layout, shape.blocks, self.block, tracked=shape.tracked
        )
        self.local = SlottedRegion(
            Space.LOCAL,
            program.local,
            self.total,
            self.everyone.index,
            tracked=shape.tracked,
        )
        self.global_ = GlobalRegion(memory)
        self.entry_params = ParamRegion(program.entry_params.size)
        self.params: NDArray[np.uint8] = np.zeros(
            (self.total, -(-program.params.size // 16) * 16), dtype=np.uint8
        )
        self.symbols = dict(symbols)
        self.symbols.update({name: slot.start for name, slot in program.spaces.items()})
        if dynamic is not None:
            self.symbols.update(dict.fromkeys(program.dynamic_names, dynamic.start))
        self._registers: dict[str, NDArray[Any]] = {}
        self.carry: NDArray[np.bool_] = np.zeros(self.total, dtype=np.bool_)
        self._scratch: dict[tuple[Any, int], NDArray[Any]] = {}
        self.exited: NDArray[np.bool_] = np.zeros(self.total, dtype=np.bool_)
        self.first_block = 0
        self.observers: Observers
        self._kept_by_checks: dict[object, Any] = {}
        self.stamps: NDArray[np.uint64] = np.zeros(self.total, dtype=np.uint64)
        self.returns = Returns(self.total)
        self._frames: dict[str, Frames] = {}
        self.special: dict[str, NDArray[Any]] = {}
        self.copies = PendingCopies(self.total)
        self.mbarriers = Mbarriers(self.total)
        self.clock = 0
        self.ranks: Index | None = None
        self.printed = Printed()

    def begin_wave(
        self,
        observers: Observers,
        first_block: int,
        *,
        launch: int,
        fill: int,
        printed: Printed,
    ) -> None:
        """Begin with other blocks; forget all of those before."""
        self.printed = printed
        self.observers = observers
        self.first_block = first_block
        for array in self._registers.values():
            array.fill(0)
        self.carry.fill(False)
        if self.shared.size:
            self.shared.reset(fill)
        if self.local.size:
            self.local.reset(fill)
        for frames in self._frames.values():
            frames.reset()
        self.exited.fill(False)
        self.copies.reset()
        self.mbarriers.reset()
        first = kernel_stamp(launch, first_block)
        np.add(self.block << THREAD_BITS, self.thread, out=self.stamps, casting="unsafe")
        self.stamps += np.uint64(first)
        for name, array in self.special.items():
            array[...] = self._special(name)
        observers.begin(
            Wave(
                first_block=first_block,
                threads=self.threads,
                block=self.block,
                warp=self.warp,
                exited=self.exited,
                shared_bytes=len(self.shared.data[1]) if self.shared.size else 0,
                copying=self.copies.any_of,
                mbarriers=self.mbarriers.valid,
                kept=self._kept_by_checks,
            )
        )

    def register(self, site: CodeSite, name: str) -> NDArray[Any]:
        """The lanes of a register, as unsigned integers (or bool) of its width."""
        key = f"{site.function}:{name}"
        found = self._registers.get(key)
        if found is None:
            function = self.program.module.functions[site.function]
            type_ = function.registers[name]
            found = np.zeros(self.total, dtype=register_dtype(type_, site))
            self._registers[key] = found
        return found

    def frames_of(self, name: str) -> Frames | None:
        """The stack of a function that may call itself; None for other functions."""
        if name not in self.program.recursive:
            return None
        if name not in self._frames:
            site = self.program.code[self.program.base[name]]
            registers = self.program.module.functions[name].registers
            kept = [self.register(site, register) for register in registers]
            slots = self.program.params_of(name)
            kept += [self.params[:, slot.start : slot.stop] for slot in slots]
            self._frames[name] = Frames(
                [*kept, self.returns.sites(name)],
                self.program.locals_of(name),
                self.local,
                max(STACK_BYTES // self.program.frame_bytes(name), 1),
            )
        return self._frames[name]

    def scratch(self, dtype: Any, slot: int) -> NDArray[Any]:
        """Space for one value per lane, for use within one instruction.

        Instructions share it. Otherwise a long kernel would need one for each instruction.
        """
        key = (np.dtype(dtype), slot)
        if key not in self._scratch:
            self._scratch[key] = np.zeros(self.total, dtype=dtype)
        return self._scratch[key]

    def special_register(self, name: str) -> NDArray[Any] | None:
        """The values of a special register that is constant in a wave, by lane; None if unknown."""
        found = self.special.get(name)
        if found is None:
            values = self._special(name)
            if values is None:
                return None
            found = self.special[name] = np.broadcast_to(values, (self.total,)).copy()
        return found

    def _special(self, name: str) -> Any:
        base, _, axis = name[1:].partition(".")
        if base in ("tid", "ntid", "ctaid", "nctaid") and axis in ("x", "y", "z"):
            return self._dimension(base, "xyz".index(axis))
        if base in _CLUSTER_DIMENSIONS and axis in ("x", "y", "z"):
            return self._cluster_dimension(base, "xyz".index(axis))
        if name == "%cluster_ctarank":
            return self.clusters.rank[self.block].astype(np.uint32)
        lane = (self.thread % 32).astype(np.uint32)
        one = np.uint32(1)
        simple: dict[str, Any] = {
            "%laneid": lane,
            "%warpid": (self.thread // 32).astype(np.uint32),
            "%nwarpid": np.uint32(-(-self.threads // 32)),
            "%smid": ((self.first_block + self.block) % MULTIPROCESSORS).astype(np.uint32),
            "%nsmid": np.uint32(MULTIPROCESSORS),
            "%gridid": np.uint64(1),
            "%lanemask_eq": one << lane,
            "%lanemask_lt": (one << lane) - one,
            "%lanemask_le": (one << lane) | ((one << lane) - one),
            "%lanemask_gt": ~((one << lane) | ((one << lane) - one)),
            "%lanemask_ge": ~((one << lane) - one),
            "%cluster_nctarank": np.uint32(self.clusters.size),
            "%is_explicit_cluster": np.bool_(self.shape.cluster is not None),
            "%dynamic_smem_size": np.uint32(self.shape.dynamic_shared),
            "%total_smem_size": np.uint32(
                self.program.shared.compact_size + self.shape.dynamic_shared
            ),
        }
        return simple.get(name)

    def _dimension(self, base: str, axis: int) -> Any:
        if base == "ntid":
            return np.uint32(self.shape.block[axis])
        if base == "nctaid":
            return np.uint32(self.shape.grid[axis])
        shape = self.shape.block if base == "tid" else self.shape.grid
        linear = self.thread if base == "tid" else self.block + self.first_block
        before = 1
        for size in shape[:axis]:
            before *= size
        return (linear // before % shape[axis]).astype(np.uint32)

    def _cluster_dimension(self, base: str, axis: int) -> Any:
        size = (self.shape.cluster or ALONE)[axis]
        if base == "cluster_nctaid":
            return np.uint32(size)
        if base == "nclusterid":
            return np.uint32(self.shape.grid[axis] // size)
        block = self._dimension("ctaid", axis)
        return block // np.uint32(size) if base == "clusterid" else block % np.uint32(size)

    def region_of(self, space: Space) -> MemoryRegion:
        """The region behind an explicit state space."""
        regions: dict[Space, MemoryRegion] = {
            Space.SHARED: self.shared,
            Space.LOCAL: self.local,
            Space.PARAM: self.entry_params,
        }
        return regions.get(space, self.global_)


def register_dtype(type_: str, site: CodeSite) -> Any:
    """The dtype that holds a register of a PTX type."""
    if type_ == "pred":
        return np.bool_
    size = TYPE_BYTES[type_]
    if size not in REGISTER_TYPES:
        raise site.unsupported(f"registers of type .{type_}")
    return REGISTER_TYPES[size]


def _with_dynamic(program: KernelProgram, size: int) -> tuple[MemoryLayout, Slot | None]:
    """The shared variables, and dynamic memory behind them."""
    static = program.shared
    if not program.dynamic_names and size == 0:
        return static, None
    layout = MemoryLayout(
        static.gap, list(static.slots), dict(static.named), static.size, static.compact_size
    )
    return layout, layout.add("dynamic shared memory", size, program.dynamic_align)
