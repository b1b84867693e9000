"""What an answer is compiled with and runs on; a workspace for it; what a compile may use."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import msgspec

from grader.device import library_directory
from grader.errors import ToolchainFault
from grader.lanes import DeviceChoice, gpu
from grader.machine import memory_bytes
from grader.sandbox import MIB, Isolation, Limits, Scratch
from grader.toolchain.compiler import nothing
from grader.toolchain.packaging import LIMITS, Packaged, package
from grader.toolchain.toolchain import Toolchain
from grader.toolchain.workspace import Workspace
from grader.worker.process import SCRIPT


def out_of_memory(doing: str) -> ToolchainFault:
    """The fault of a machine that had too little memory for what a submission may use."""
    return ToolchainFault(
        f"the memory of this machine ran out while {doing}: it has {memory_bytes() >> 20} MiB for "
        "the grader, and the submission had not reached its own limit",
        remedy="Grade with at least 3 GB of memory; in a container, raise its limit. Run fewer "
        "gradings at a time.",
    )


COMPILE_MEMORY = 6144 * MIB
"""Resident. A graph of 13 shapes takes 0.6 to 2.7 GB, one of 64 takes 5.0 GB in edition 25.5."""


@contextlib.contextmanager
def open_workspace(
    source: bytes | None,
    puzzle: str,
    toolchain: Toolchain,
    *,
    isolation: Isolation,
    device: DeviceChoice,
) -> Iterator[Workspace]:
    """A workspace with the source in its op package; a worker can find script and driver there.

    Its directory goes when the block ends, with everything in it.

    Args:
        source: The answer's text; None where what is compiled is put there by others.
        puzzle: The puzzle's name, which is the module's.
        toolchain: What compiles it.
        isolation: The level that its processes run under.
        device: What it will run on; unless it is the software device, a GPU may be reached.
    """
    on_gpu = device != "software"
    with Scratch() as scratch:
        workspace = Workspace(
            toolchain,
            scratch,
            isolation=isolation,
            module=puzzle,
            # All that a worker sees of the grader's: the program that it is, and its driver.
            read_only=(
                (SCRIPT, "/worker.py"),
                (library_directory(), "/driver"),
                *(gpu.folders_to_show() if on_gpu else ()),
            ),
            gpu=on_gpu,
        )
        if source is not None:
            workspace.install(source)
        yield workspace


def compile_limits(seconds: float) -> Limits:
    """What a graph compile may use, the wall clock given."""
    return Limits(wall_seconds=seconds, resident_bytes=COMPILE_MEMORY)


@dataclass(frozen=True, kw_only=True)
class LaneSetup:
    """What a source is compiled with, and what it runs on."""

    module: str
    """The name of its module, which is the puzzle's."""
    toolchain: Toolchain
    isolation: Isolation
    """The level that its processes run under."""
    device: DeviceChoice
    timeout: float
    """Seconds that one stage may take."""
    architecture: str = ""
    """The oldest one of a GPU that the puzzle is written for; see `grader.model.puzzle.Puzzle`."""

    @property
    def limits(self) -> Limits:
        """What a process may use that compiles graphs, or loads what was compiled."""
        return compile_limits(self.timeout)

    def within(self, limits: Limits) -> Limits:
        """Limits of a step that is never given more than its own time, nor more than a stage's."""
        seconds = min(limits.wall_seconds, self.timeout)
        return msgspec.structs.replace(limits, wall_seconds=seconds)

    def workspace(self, source: bytes | None = None) -> AbstractContextManager[Workspace]:
        """A workspace in which nothing has run; see `open_workspace`."""
        return open_workspace(
            source, self.module, self.toolchain, isolation=self.isolation, device=self.device
        )

    def package(
        self,
        workspace: Workspace,
        *,
        meanwhile: Callable[[], None] = nothing,
        stage: Literal["package", "compile"] = "package",
    ) -> Packaged:
        """Package what is in a workspace; see `grader.toolchain.packaging.package`."""
        limits = self.within(LIMITS)
        return package(workspace, limits=limits, meanwhile=meanwhile, stage=stage)
