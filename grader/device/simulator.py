"""What the driver needs of the interpreter, in one place.

The driver's tests put a simpler machine behind the same calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from grader.device.evidence import Dim3, Launch
from grader.device.memory import GlobalMemory
from grader.device.ptx import parse
from grader.device.simt import Checks, Limits, launch, load


class Program(Protocol):
    """A module that is loaded: see :class:`grader.device.simt.LoadedModule`."""

    def entries(self) -> tuple[str, ...]: ...

    def param_sizes(self, entry: str) -> tuple[int, ...]: ...

    def variable(self, name: str) -> tuple[int, int]: ...

    def unload(self) -> None: ...


class Simulator(Protocol):
    """Loads PTX text and runs its kernels."""

    def load(self, text: str, memory: GlobalMemory, *, number: int) -> Program: ...

    def launch(
        self,
        program: Program,
        entry: str,
        *,
        grid: Dim3,
        block: Dim3,
        dynamic_shared_bytes: int,
        params: Sequence[bytes],
        memory: GlobalMemory,
        index: int,
        checks: Checks,
        shared_fill: int,
        dynamic_shared_limit: int,
        limits: Limits,
    ) -> Launch: ...


class Interpreter:
    """The simulator that grades: :mod:`grader.device.simt`."""

    def load(self, text: str, memory: GlobalMemory, *, number: int) -> Program:
        """Parse a module and give its variables addresses. Raises ``PtxError``."""
        return load(parse(text), memory, number=number)

    launch = staticmethod(launch)
