"""One kernel launch, from its arguments to the evidence."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from grader.device.case import SIGNALLING_NAN, LaunchLimits
from grader.device.checks import all_checks
from grader.device.checks.check import CheckTypes, Observers, listens
from grader.device.checks.events import EXACT_LANES, Recorder, Watched
from grader.device.cuda import (
    MAX_CLUSTER,
    MAX_SHARED_PER_BLOCK,
    MULTIPROCESSORS,
    CudaResult,
    KernelFault,
    occupancy,
)
from grader.device.evidence import Dim3, Launch
from grader.device.memory import GlobalMemory
from grader.device.ptx import PtxError
from grader.device.schedules import PLAIN
from grader.device.simt.clusters import ALONE, slab
from grader.device.simt.loading import LoadedModule
from grader.device.simt.machine import MachineShape
from grader.device.simt.program import KernelProgram
from grader.device.simt.refusals import refusal
from grader.device.simt.scheduler import LaunchBudget, Schedule
from grader.device.simt.state import Printed
from grader.errors import UnsupportedByDevice

_WAVE_LANES = 32768
"""Lanes in flight: enough to make NumPy worthwhile, few enough for the caches."""
_WAVE_BYTES = 512 << 20
_MOST_BLOCK_BYTES = 1 << 30


def launch(
    module: LoadedModule,
    entry: str,
    *,
    grid: Dim3,
    block: Dim3,
    dynamic_shared_bytes: int,
    params: Sequence[bytes],
    memory: GlobalMemory,
    index: int,
    checks: CheckTypes | None = None,
    shared_fill: int = SIGNALLING_NAN,
    dynamic_shared_limit: int = MAX_SHARED_PER_BLOCK,
    limits: LaunchLimits | None = None,
    schedule: int = PLAIN,
    cluster: Dim3 | None = None,
    cluster_limit: int = MAX_CLUSTER,
) -> Launch:
    """Run a kernel to its end and say what happened.

    Args:
        module: The loaded module.
        entry: Name of the kernel in it.
        grid: Blocks in x, y, z.
        block: Threads of a block in x, y, z.
        dynamic_shared_bytes: Dynamic shared memory of each block, in bytes.
        params: The kernel's arguments as raw bytes, one per ``.param``, of exactly its size.
        memory: The device memory.
        index: ``Launch.index`` of this launch.
        checks: Which checks watch; all in `grader.device.checks` where None. They may come from
            elsewhere.
        shared_fill: 32-bit pattern that shared and local memory hold before anything is
            written; 0 for zeros.
        dynamic_shared_limit: The function's MAX_DYNAMIC_SHARED_SIZE_BYTES attribute.
        limits: Bounds on the work; the defaults where None.
        schedule: The order in which blocks and threads run; see `grader.device.schedules`.
        cluster: Blocks of a cluster in x, y, z; None where the launch does not say.
        cluster_limit: The most blocks of a cluster that the function is allowed.

    Raises:
        KeyError: The module has no such kernel.
        UnsupportedByDevice: The kernel reached an instruction that the device lacks.
        PtxError: The kernel is not sound PTX, or ``params`` do not fit it.
    """
    started = time.perf_counter()
    checks = all_checks() if checks is None else checks
    limits = limits or LaunchLimits()
    program = module.program(entry)
    recorder = Recorder(entry, grid, block)
    budget = LaunchBudget(
        max(limits.instruction_budget, limits.per_thread * math.prod((*grid, *block))),
        limits.thread_budget,
        limits.processor_s,
        limits.wall_clock_s,
    )
    printed = Printed()
    wrong = refusal(
        program,
        grid,
        block,
        cluster,
        cluster_limit=cluster_limit,
        dynamic=dynamic_shared_bytes,
        dynamic_limit=dynamic_shared_limit,
    )
    cluster = cluster or program.entry.required_cluster
    watched = _watched(program, memory, recorder, clusters=math.prod(cluster or ALONE) > 1)
    observers = Observers(checks, watched)
    missing = program.missing
    if wrong:
        result = CudaResult.INVALID_VALUE
        for tell_refused in observers.refused:
            tell_refused(wrong)
    elif missing:
        result = CudaResult.INVALID_PTX
        for tell in observers.missing:
            for pc, name in missing.items():
                tell(pc, name)
    else:
        memory.begin_launch(index, grid, block)
        run = _AcceptedLaunch(
            module=module,
            program=program,
            recorder=recorder,
            budget=budget,
            printed=printed,
            observers=observers,
            tracked=listens(checks, "unwritten"),
            shared_fill=shared_fill,
            dynamic_shared=dynamic_shared_bytes,
            schedule=schedule,
            cluster=cluster,
        )
        result = run.all_waves(index, _param_bytes(program, params))
    return Launch(
        index=index,
        kernel=entry,
        module=module.number,
        grid=grid,
        block=block,
        cluster=cluster,
        shared_bytes=program.shared.compact_size + dynamic_shared_bytes,
        instructions=budget.used,
        path=zlib.crc32(repr(sorted(budget.hits.items())).encode()),
        seconds=time.perf_counter() - started,
        result=int(result),
        findings=recorder.findings(),
        printed=printed.text,
        trace=recorder.trace(),
        profile=recorder.profile(),
    )


@dataclass(slots=True, kw_only=True)
class _AcceptedLaunch:
    """A launch that the device accepted."""

    module: LoadedModule
    program: KernelProgram
    recorder: Recorder
    budget: LaunchBudget
    printed: Printed
    observers: Observers
    tracked: bool
    shared_fill: int
    dynamic_shared: int
    schedule: int
    cluster: Dim3 | None

    def all_waves(self, index: int, params: bytes) -> CudaResult:
        """Run wave after wave; the first error ends the launch."""
        for first, blocks in self._waves():
            shape = MachineShape(
                self.recorder.grid,
                self.recorder.block,
                blocks,
                self.dynamic_shared,
                self.tracked,
                self.cluster,
            )
            scheduler = self.module.scheduler(self.program.entry.name, shape)
            machine = scheduler.machine
            machine.entry_params.data[1][: len(params)] = np.frombuffer(params, dtype=np.uint8)
            machine.begin_wave(
                self.observers,
                first,
                launch=index,
                fill=self.shared_fill,
                printed=self.printed,
            )
            try:
                with np.errstate(all="ignore"):
                    order = Schedule(
                        self.schedule,
                        blocks,
                        self.recorder.threads,
                        communicates=self._communicates or self._exact,
                    )
                    scheduler.run(self.budget, order)
            except KernelFault as fault:
                return fault.result
        return CudaResult.SUCCESS

    def _waves(self) -> Iterator[tuple[int, int]]:
        """First block and number of blocks of each wave.

        Where blocks do not communicate, the numbers differ by one at most, or one slab of clusters.
        """
        grid, threads = self.recorder.grid, self.recorder.threads
        together = slab(grid, self.cluster or ALONE)
        total = math.prod(grid) // together
        cost = self.program.block_bytes(threads, self.dynamic_shared)
        if cost > _MOST_BLOCK_BYTES:
            raise UnsupportedByDevice(
                f"One block of {self.program.entry.name} needs {cost >> 20} MiB to be simulated.",
                remedy="Use fewer threads per block or less local memory.",
            )
        at_once = self._resident(threads) if self._communicates else self._lanes // threads
        most = max(min(at_once, _WAVE_BYTES // max(cost, 1)) // together, 1)
        waves = -(-total // most)
        first = 0
        for wave in range(waves):
            after = min(first + most, total) if self._communicates else total * (wave + 1) // waves
            yield first * together, (after - first) * together
            first = after

    @property
    def _exact(self) -> bool:
        """Whether the checks are to know exactly what its barriers order."""
        return self.program.traits.mbarriers or math.prod(self.cluster or ALONE) > 1

    @property
    def _lanes(self) -> int:
        """Lanes in flight, where blocks do not communicate beyond their cluster."""
        return EXACT_LANES if self._exact else _WAVE_LANES

    @property
    def _communicates(self) -> bool:
        """Whether its threads may communicate."""
        return self.program.traits.strong_global

    def _resident(self, threads: int) -> int:
        """The number of blocks that an A100 runs at once.

        Blocks that communicate must be in flight together. It can't be more either: a block that
        waits for one that is not resident waits for ever.
        """
        shared = self.program.shared.compact_size + self.dynamic_shared
        return MULTIPROCESSORS * occupancy(threads, shared)


def _watched(
    program: KernelProgram, memory: GlobalMemory, recorder: Recorder, *, clusters: bool
) -> Watched:
    return Watched(
        recorder=recorder,
        memory=memory,
        place=program.place,
        global_granule=program.traits.global_granule,
        shared_granule=program.traits.shared_granule,
        fences=program.traits.fences or clusters,
        communicates=program.traits.strong_global,
        copies=program.traits.copies,
        clusters=clusters,
        heap=program.traits.heap,
    )


def _param_bytes(program: KernelProgram, params: Sequence[bytes]) -> bytes:
    declared = program.entry.params
    if len(params) != len(declared):
        raise PtxError(
            f"{program.entry.name} has {len(declared)} parameters, {len(params)} were given",
            program.entry.line,
        )
    raw = bytearray(program.entry_params.size)
    for variable, value in zip(declared, params, strict=True):
        if len(value) != variable.size:
            raise PtxError(
                f"{variable.name} has {variable.size} bytes, {len(value)} were given",
                variable.line,
            )
        start = program.spaces[f"{program.entry.name}:{variable.name}"].start
        raw[start : start + len(value)] = value
    return bytes(raw)
