"""What a sandboxed process may see and use: isolation, profile and limits; and what it did use."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from grader.choices import Wanted


class Isolation(StrEnum):
    """What stands between a submission and the machine, best first."""

    BWRAP = "bwrap"
    """bubblewrap: own namespaces, no network, read-only toolchain, private scratch."""
    LANDLOCK = "landlock"
    """Landlock and seccomp rules in the machine's own namespaces: weaker, always announced."""
    NONE = "none"
    """Resource limits only. The submission can do whatever the user can."""


class IsolationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `probe` found. Printed by ``grade doctor`` and kept in every record."""

    level: Isolation
    """The level that submissions run under."""
    wanted: Wanted
    sentence: str
    """For the terminal and the report: what protects this machine, or what is missing."""
    why_not_better: str = ""
    """What the next better level said when it was tried; empty at the best level."""
    remedy: str = ""
    """The narrowest step that reaches the best level; may hold several lines to copy."""
    details: dict[str, str] = msgspec.field(default_factory=dict)
    """Facts for a bug report: kernel, bubblewrap version, Landlock ABI, who runs the grader."""

    @property
    def weakened(self) -> bool:
        """Whether the caller must announce the level (anything below bubblewrap)."""
        return self.level is not Isolation.BWRAP


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


_LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec")
_PROGRAMS = ("/usr/bin",)
_TOP_LEVEL = ("/lib", "/lib32", "/lib64", "/bin")
_GPU_NODES = "nvidia"


class Profile(StrEnum):
    """Who runs in the sandbox."""

    WORKER = "worker"
    """Untrusted code: packaging, graph compile, execution. Has a scratch directory."""
    DEVICE = "device"
    """Trusted code that parses untrusted PTX. Sees its interpreter and packages, writes nothing."""


def system_paths(profile: Profile) -> Iterator[tuple[Path, str | None]]:
    """The system's directories to show read-only, each with its link target where it is a link.

    ``/etc`` is not among them: neither Python nor MAX need it.
    """
    names = [*_LIBRARIES, *_TOP_LEVEL]
    if profile is Profile.WORKER:
        names += _PROGRAMS
    for name in names:
        if profile is Profile.DEVICE and name == "/bin":
            continue
        if os.path.islink(name):
            yield Path(name), os.readlink(name)
        elif os.path.isdir(name):
            yield Path(name), None


def gpu_nodes() -> list[Path]:
    """The device files of NVIDIA's driver on this machine."""
    return sorted(p for p in Path("/dev").glob(f"{_GPU_NODES}*") if not p.is_dir())


_HEAD = 64 * 1024
_TAIL = 64 * 1024


class Capture:
    """Keeps the first and the last 64 KiB of a stream: the first error and the last words.

    Args:
        also: Gets each piece as it comes.
    """

    def __init__(self, also: Callable[[bytes], None] | None = None) -> None:
        self._also = also
        self.total = 0
        self._head = bytearray()
        self._tail = bytearray()

    def feed(self, chunk: bytes) -> None:
        if self._also is not None:
            self._also(chunk)
        self.total += len(chunk)
        room = _HEAD - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk
        if len(self._tail) > 2 * _TAIL:
            del self._tail[:-_TAIL]

    def kept(self) -> bytes:
        """The ends, with a line in between that says how much was left out."""
        left_out = self.total - len(self._head) - min(len(self._tail), _TAIL)
        if left_out <= 0:
            return bytes(self._head + self._tail)
        notice = b"\n[... %d bytes left out ...]\n" % left_out
        return bytes(self._head) + notice + bytes(self._tail[-_TAIL:])
