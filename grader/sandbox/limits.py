"""What a sandboxed process may use, and what it did use."""

from __future__ import annotations

import os
import signal
from enum import StrEnum

import msgspec

MIB = 1024 * 1024


def _default_tasks() -> int:
    # MAX keeps a few threads for each core; a fork bomb has thousands.
    return 256 + 16 * (os.cpu_count() or 1)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one stage (packaging, compile, execution) of one sandboxed process.

    Whoever passes a limit is ended, with everything it started.
    """

    wall_seconds: float = 120.0
    resident_bytes: int = 4096 * MIB
    """Of all processes together. MAX's graph compile peaks at about 1.2 GB."""
    tasks: int = msgspec.field(default_factory=_default_tasks)
    """Processes and threads together, as the kernel counts them."""
    file_bytes: int = 512 * MIB
    """Of one file."""
    scratch_bytes: int = 1024 * MIB
    """Of the submission's scratch directory, and of the private ``/tmp`` where there is one."""
    output_bytes: int = 8 * MIB
    """Standard output and standard error together."""
    open_files: int = 1024
    address_space_bytes: int | None = None
    """RLIMIT_AS. None: unlimited. A driver that reserves pinned memory needs gigabytes of it."""


class LimitHit(StrEnum):
    """The limit that ended a process."""

    WALL_CLOCK = "wall-clock"
    MEMORY = "memory"
    TASKS = "tasks"
    SCRATCH = "scratch"
    OUTPUT = "output"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a sandboxed process ended. Its exit code and output are its own, so never believed."""

    exit_code: int | None
    """None when a signal ended it."""
    signal: int | None
    """The signal's number; under bubblewrap a process that exits with 128 + n looks the same."""
    limit: LimitHit | None
    """The limit that we ended it for. None: it ended by itself, or `SandboxedProcess.kill` did."""
    machine_out_of_memory: bool = False
    """Whether the kernel has killed some of it for want of memory though it kept to its own limit:
    the memory of this machine, or of a control group around the grader, was used up."""
    killed: bool
    """Whether the grader ended it: for a limit, or with `SandboxedProcess.kill`."""
    stage: str
    """The stage that was running, as named by the caller."""
    stage_seconds: float
    """Wall-clock time since that stage began."""
    wall_seconds: float
    cpu_seconds: float
    """Of all processes seen, user and system. Far below ``wall_seconds`` on a starved machine."""
    waiting_seconds: float | None = None
    """How long its tasks were ready to run but got no processor, as seen when the grader ended it.
    Much of it means a starved machine; little of both this and ``cpu_seconds``, a sleeper."""
    peak_resident_bytes: int
    """The most that all processes together had at once, as sampled."""
    stdout: bytes
    """As printed; from a flood, the first and the last 64 KiB."""
    stderr: bytes
    """Likewise."""
    output_bytes: int
    """Length of both, before anything was left out."""

    @property
    def how(self) -> str:
        """``exit code 1``, or ``signal 11, segmentation fault``."""
        if self.signal is None:
            return f"exit code {self.exit_code}"
        named = signal.strsignal(self.signal) if 0 < self.signal < signal.NSIG else None
        return f"signal {self.signal}" + (f", {named.lower()}" if named else "")
