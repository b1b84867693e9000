"""In which of two ways the kernels of a program are run, and how that is begun.

As PTX that the grader launches itself, where that can be: nothing of the submission runs on this
machine then, and it takes a third to half of the time. Else by a library that launches them, in a
worker: on a GPU, in editions whose kernels can't be had as PTX, and where the file itself launches
what the task asks for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from grader.lanes.devices import CaseDevice
from grader.lanes.harness import HarnessLane, library_compiler
from grader.lanes.kernel import KernelLane
from grader.lanes.kernel_build import Compiler, to_ptx
from grader.lanes.lane import Lane
from grader.lanes.workspace import LaneSetup
from grader.model.cases import PlannedShape
from grader.record import LaneKind
from grader.toolchain.edition import Edition


class ProgramLane(Lane, Protocol):
    """A lane that runs kernels of a program."""

    def take(self, built: Mapping[int, Any]) -> None:
        """Take what was built for each shape, by its number: before `prepare`."""

    def check(self, shape: PlannedShape) -> None:
        """See that the kernels of a shape take the arguments that they will be given.

        Raises:
            OtherSignature: one takes others.
        """


@dataclass(frozen=True)
class Way:
    """A way to run kernels of a program."""

    kind: LaneKind
    compiler: Compiler[Any]
    """Makes what `ProgramLane.take` takes."""
    open_lane: Callable[[], AbstractContextManager[ProgramLane]]
    """A lane on the device, which must be open by then."""


def as_ptx(device: CaseDevice, edition: Edition) -> bool:
    """Whether kernels are launched by the grader itself."""
    return device.observes and edition.kernels is not None


def way_of(device: CaseDevice, setup: LaneSetup, *, text: str, calls_host: bool = False) -> Way:
    """The way to run kernels on a device.

    Args:
        device: What they run on; it need not be open.
        setup: What compiles them, and what a process may use that loads what was built.
        text: The file, for names in what is found.
        calls_host: Whether functions of the file launch them.
    """
    if not calls_host and as_ptx(device, setup.toolchain.edition):
        return Way(LaneKind.KERNEL, to_ptx, lambda: KernelLane(device, text=text))

    @contextlib.contextmanager
    def open_lane() -> Iterator[ProgramLane]:
        with (
            replace(setup, device="software" if device.observes else "gpu").workspace() as there,
            HarnessLane(there, device, compile_limits=setup.limits, text=text) as lane,
        ):
            yield lane

    return Way(LaneKind.HARNESS, library_compiler(device), open_lane)
