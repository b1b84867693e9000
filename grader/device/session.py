"""The driver's state: one connection's memory, modules and handles.

A :class:`DeviceState` lives as long as the process. Each connection of a worker gets
a :class:`DriverSession` of its own, as a process on a GPU gets a context: what the
last worker left (allocations, modules, a sticky error) is gone with it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from grader.device.case import CaseSetup
from grader.device.checks import all_checks, checks_without
from grader.device.checks.check import CheckTypes
from grader.device.checks.profile import Profiler
from grader.device.checks.trace import tracer_of
from grader.device.cuda import (
    MAX_CLUSTER,
    MAX_SHARED_PER_BLOCK,
    TOTAL_MEMORY,
    CallRefused,
    CudaResult,
)
from grader.device.evidence import CaseEvidence, Dim3, EvidenceLog
from grader.device.journal import Journal, Step
from grader.device.memory import GlobalMemory
from grader.device.simulator import DeviceModule, KernelInfo, Simulator
from grader.device.streams import PREDEFINED, Stream, StreamEvent, Streams
from grader.errors import UnsupportedByDevice

MAX_HANDLES = 65536
MAX_MODULES = 4096
"""A kernel that is compiled for each size of a task has a module for each."""
MAX_MODULE_BYTES = 1 << 30
"""Most bytes of PTX text at a time, over all modules. Parsed modules take several times as much."""

MOST_PROFILES = 64
"""Launches of a case that are profiled: of so many kernels, grids and blocks, and with as many
arguments over all of them."""

T = TypeVar("T")


class HandleTable(Generic[T]):
    """Numbers that the worker holds, and what they stand for.

    Args:
        first: The first handle; tables start far apart, so that a handle of the wrong kind
            is never valid.
        most: How many may be open at once.
    """

    def __init__(self, first: int, most: int = MAX_HANDLES) -> None:
        self._next = itertools.count(first)
        self._most = most
        self._open: dict[int, T] = {}

    def add(self, item: T) -> int:
        """A new handle.

        Raises:
            UnsupportedByDevice: too many are open; a GPU has no such limit.
        """
        if len(self._open) >= self._most:
            raise UnsupportedByDevice(
                f"the software device keeps at most {self._most} of one kind of handle at a time"
            )
        handle = next(self._next)
        self._open[handle] = item
        return handle

    def get(self, handle: int) -> T:
        """What a handle stands for.

        Raises:
            CallRefused: INVALID_HANDLE.
        """
        try:
            return self._open[handle]
        except KeyError:
            raise CallRefused(CudaResult.INVALID_HANDLE) from None

    def remove(self, handle: int) -> T:
        """Close a handle. Raises as :meth:`get`."""
        item = self.get(handle)
        del self._open[handle]
        return item

    def values(self) -> Collection[T]:
        """What all open handles stand for."""
        return self._open.values()

    def discard(self, handles: list[int]) -> None:
        """Close those of ``handles`` that are open."""
        for handle in handles:
            self._open.pop(handle, None)


@dataclass(slots=True)
class KernelHandle:
    """A kernel that the worker holds a handle of."""

    module: int
    program: DeviceModule
    kernel: KernelInfo
    text: bytes
    """A digest of the module's text."""
    dynamic_shared_limit: int = MAX_SHARED_PER_BLOCK
    cluster_limit: int = MAX_CLUSTER


@dataclass(slots=True)
class ModuleHandle:
    """A module, and the handles of its functions by name."""

    program: DeviceModule
    text: bytes
    """A digest of its text."""
    size: int
    """Bytes of its text."""
    functions: dict[str, int] = field(default_factory=dict)


class DriverSession:
    """One connection's view of the device."""

    def __init__(self, device: DeviceState) -> None:
        self.device = device
        self.memory = GlobalMemory.reserve(TOTAL_MEMORY)
        self.memory.poison = device.case.poison
        self.streams: HandleTable[Stream] = HandleTable(0x1_0000_0000)
        self.order = Streams(self.memory, device.log)
        self.events: HandleTable[StreamEvent] = HandleTable(0x2_0000_0000)
        self.modules: HandleTable[ModuleHandle] = HandleTable(0x3_0000_0000, MAX_MODULES)
        self.functions: HandleTable[KernelHandle] = HandleTable(0x4_0000_0000)
        self.sticky = CudaResult.SUCCESS
        self.closed = False
        self.journal: Journal | None = None
        """What the last case did, where the grader may want to do it again."""
        self.kept: dict[int, Journal] = {}
        """What earlier cases did, by the numbers that the grader gave."""

    @property
    def log(self) -> EvidenceLog:
        """The log of the case that is open."""
        return self.device.log

    def note(self, step: Step) -> None:
        """Note a step of the open case, if it is to be repeatable."""
        if self.journal is not None:
            self.journal.add(step)

    def stream(self, handle: int) -> Stream:
        """The stream of a handle. Raises ``CallRefused`` where there is none."""
        if handle in PREDEFINED:
            return self.order.predefined(handle)
        return self.streams.get(handle)

    @staticmethod
    def now() -> float:
        """Seconds of the clock that events read."""
        return time.monotonic()


class DeviceState:
    """What outlives a connection: the open case and the count of launches.

    Args:
        simulator: Runs the kernels.
    """

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.case = CaseSetup()
        self.checks = all_checks()
        self.log = EvidenceLog()
        self.launches = 0
        self.modules = 0
        self._names: Iterator[str] = iter(())
        self._profiled: set[object] = set()
        """The kinds of launches of which one was profiled,"""
        self._profiled_with: set[object] = set()
        """and with which arguments."""
        self.session = DriverSession(self)

    def connect(self) -> DriverSession:
        """Drop the last connection's state and begin anew."""
        self.session.closed = True
        self.session = DriverSession(self)
        return self.session

    def begin_case(self, case: CaseSetup) -> None:
        """Forget what is logged; what is on the device stays.

        Raises:
            ValueError: ``case.without`` names a check that does not exist.
        """
        self.checks = checks_without(*sorted(case.without))
        if case.traced is not None:
            self.checks += (tracer_of(case.traced),)
        self.case = case
        self._profiled.clear()
        self._profiled_with.clear()
        self._names = iter(case.names)
        self.log = EvidenceLog()
        self.session.order.begin_case(self.log)
        self.session.memory.poison = case.poison
        self.session.memory.reset_peak()
        if case.rewind:
            self.session.memory.rewind()
        self.session.journal = Journal.begin(self.session.memory) if case.repeatable else None

    def watching(self, kernel: KernelInfo, grid: Dim3, block: Dim3, raw: bytes) -> CheckTypes:
        """The checks of the next launch. Of launches that are alike, the first is profiled.

        Args:
            kernel: What is launched.
            grid: In blocks.
            block: In threads.
            raw: The bytes of its arguments.
        """
        kind = (kernel.name, grid, block)
        so_far = self._profiled_with if kind in self._profiled else self._profiled
        known = (kind, raw) in self._profiled_with
        if not self.case.profiled or known or len(so_far) >= MOST_PROFILES:
            return self.checks
        self._profiled.add(kind)
        self._profiled_with.add((kind, raw))
        return (*self.checks, Profiler)

    def name(self, address: int) -> None:
        """Call an allocation, which is new, by the next name that the case has for one."""
        allocation = self.session.memory.find(address)
        name = next(self._names, "")
        if name and allocation is not None:
            self.session.memory.names[allocation.start] = name

    def end_case(self) -> CaseEvidence:
        """The evidence since :meth:`begin_case`; the log starts anew."""
        evidence = self.log.evidence(
            sticky_error=self.session.sticky, peak_bytes=self.session.memory.peak_bytes
        )
        self.log = EvidenceLog()
        self.session.order.log = self.log
        return evidence
