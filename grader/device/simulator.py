"""What the driver needs of the interpreter, in one place.

The driver's tests put a simpler machine behind the same calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from grader.device.case import LaunchLimits
from grader.device.checks.check import CheckTypes
from grader.device.cuda import MAX_CLUSTER
from grader.device.evidence import Dim3, Launch
from grader.device.memory import GlobalMemory
from grader.device.ptx import PtxFunction, PtxModule, parse
from grader.device.ptx.model import StateSpace
from grader.device.simt import LoadedModule, launch, load


@dataclass(frozen=True, slots=True)
class KernelInfo:
    """What the driver tells of a kernel without running it.

    Attributes:
        parameters: Offset and size in bytes of each parameter in one buffer.
        static_shared_bytes: Shared memory that it declares.
        max_threads: The largest block that ``.maxntid`` or ``.reqntid`` allows.
    """

    name: str
    parameters: tuple[tuple[int, int], ...] = ()
    static_shared_bytes: int = 0
    max_threads: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings:
    """What a launch has besides its kernel, arguments and memory."""

    grid: Dim3
    block: Dim3
    dynamic_shared_bytes: int
    dynamic_shared_limit: int
    index: int
    checks: CheckTypes
    shared_fill: int
    schedule: int
    limits: LaunchLimits
    cluster: Dim3 | None = None
    cluster_limit: int = MAX_CLUSTER


class DeviceModule(Protocol):
    """A module that is loaded."""

    def kernel(self, name: str) -> KernelInfo | None:
        """A kernel, where there is one of that name."""

    def variable(self, name: str) -> tuple[int, int]:
        """Address and size of a variable. Raises ``KeyError``."""

    def launch(
        self,
        kernel: KernelInfo,
        arguments: Sequence[bytes],
        memory: GlobalMemory,
        how: LaunchSettings,
    ) -> Launch:
        """Run a kernel to its end. Raises ``GradeError`` where that is beyond the device."""

    def unload(self) -> None:
        """Free the variables."""

    def on(self, memory: GlobalMemory) -> DeviceModule:
        """The same module on another memory, where its variables have the same addresses."""


class Simulator(Protocol):
    """Loads PTX text."""

    def load(self, text: str, memory: GlobalMemory, *, number: int) -> DeviceModule:
        """Raises ``PtxError`` where the text is not sound."""


class Interpreter:
    """The simulator that grades: :mod:`grader.device.simt`."""

    def load(self, text: str, memory: GlobalMemory, *, number: int) -> DeviceModule:
        """Parse a module and give its variables addresses."""
        module = parse(text)
        return InterpretedModule(module, load(module, memory, number=number))


@dataclass(frozen=True, slots=True)
class InterpretedModule:
    """A module as it was parsed, and as the interpreter holds it."""

    module: PtxModule
    loaded: LoadedModule

    def kernel(self, name: str) -> KernelInfo | None:
        """A kernel, where there is one of that name."""
        function = self.module.functions.get(name)
        if function is None or not (function.is_entry and function.defined):
            return None
        return KernelInfo(
            name=name,
            parameters=_layout(function),
            static_shared_bytes=self._shared_bytes(function),
            max_threads=_max_threads(function),
        )

    def variable(self, name: str) -> tuple[int, int]:
        """Address and size of a variable. Raises ``KeyError``."""
        return self.loaded.variable(name)

    def launch(
        self,
        kernel: KernelInfo,
        arguments: Sequence[bytes],
        memory: GlobalMemory,
        how: LaunchSettings,
    ) -> Launch:
        """Run a kernel to its end."""
        return launch(
            self.loaded,
            kernel.name,
            grid=how.grid,
            block=how.block,
            dynamic_shared_bytes=how.dynamic_shared_bytes,
            params=arguments,
            memory=memory,
            index=how.index,
            checks=how.checks,
            shared_fill=how.shared_fill,
            schedule=how.schedule,
            dynamic_shared_limit=how.dynamic_shared_limit,
            limits=how.limits,
            cluster=how.cluster,
            cluster_limit=how.cluster_limit,
        )

    def unload(self) -> None:
        """Free the variables."""
        self.loaded.unload()

    def on(self, memory: GlobalMemory) -> InterpretedModule:
        """The same module on another memory, where its variables have the same addresses."""
        loaded = self.loaded
        return InterpretedModule(
            self.module, LoadedModule(loaded.module, memory, loaded.number, loaded.symbols)
        )

    def _shared_bytes(self, function: PtxFunction) -> int:
        """All that the module and the kernel declare, used or not."""
        declared = (*self.module.variables.values(), *function.variables.values())
        return sum(v.size for v in declared if v.space is StateSpace.SHARED)


def _layout(function: PtxFunction) -> tuple[tuple[int, int], ...]:
    """Parameters follow each other, each at its own alignment (CUDA Driver API, cuLaunchKernel)."""
    offset, layout = 0, []
    for parameter in function.params:
        offset = -(-offset // parameter.align) * parameter.align
        layout.append((offset, parameter.size))
        offset += parameter.size
    return tuple(layout)


def _max_threads(function: PtxFunction) -> int:
    limit = function.required_threads or function.max_threads
    return min(1024, limit[0] * limit[1] * limit[2]) if limit else 1024
