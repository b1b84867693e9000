"""What one grading may use of its machine: cores, memory, and a turn on what it shares with others.

Cores and memory are those of the CPU affinity, and of the control groups that this process is in
(containers, Slurm jobs), of version 1 or 2.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

_ROOT: Final = Path("/")


def cores(*, root: Path = _ROOT) -> int:
    """Cores that this process may use at a time, rounded down; at least one."""
    allowed = float(len(os.sched_getaffinity(0)))
    for group in _groups("cpu", root):
        allowed = min(allowed, _quota(group))
    return max(1, math.floor(allowed + 0.01))


def memory_bytes(*, root: Path = _ROOT) -> int:
    """The memory that this process could use if everything else ended."""
    most = _meminfo("MemTotal", root) or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for group in _groups("memory", root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            most = min(most, _number(group / name) or most)
    return most


def available_bytes(*, root: Path = _ROOT) -> int:
    """Memory that this process can still get."""
    free = _available(root)
    for group in _groups("memory", root):
        for limit_name, used_name in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            limit, used = _number(group / limit_name), _number(group / used_name)
            if limit is not None:
                free = min(free, limit - (used or 0) + _given_back(group))
    return max(0, free)


def _given_back(group: Path) -> int:
    """Bytes of a group that cache files nobody reads now: they count as used, and give way."""
    found = 0
    for line in _text(group / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file") and value.isdigit():
            found = max(found, int(value))
    return found


def oom_kills(*, root: Path = _ROOT) -> tuple[int, int]:
    """How often the kernel has killed a process for want of memory, so far.

    Returns:
        In the control groups around this process, and on the whole machine; 0 where it does not
        say. A group of version 1 counts its own members only.
    """
    around = 0
    for group in _groups("memory", root):
        for name in ("memory.events", "memory.oom_control"):
            around += _named(group / name, "oom_kill")
    return around, _named(root / "proc/vmstat", "oom_kill")


def _available(root: Path) -> int:
    free = _meminfo("MemAvailable", root)
    return free or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def _meminfo(wanted: str, root: Path) -> int:
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == wanted:
            return int(value.split()[0]) * 1024
    return 0


def _named(path: Path, wanted: str) -> int:
    """The number behind a name, in a file of lines ``name number``; 0 where there is none."""
    for line in _text(path).splitlines():
        name, _, value = line.partition(" ")
        if name == wanted and value.strip().isdigit():
            return int(value)
    return 0


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of the control groups that limit this process, from its own upwards."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names:
            mount = root / "sys/fs/cgroup"
        elif controller in names.split(","):
            mount = root / "sys/fs/cgroup" / names
            if not mount.is_dir():
                mount = root / "sys/fs/cgroup" / controller
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        # In a container the path may be the host's, and only the mount's root is there.
        for depth in range(len(parts), -1, -1):
            folder = mount.joinpath(*parts[:depth])
            if folder.is_dir():
                yield folder


def _quota(group: Path) -> float:
    """Cores that a group grants; infinity where it sets no limit."""
    words = _text(group / "cpu.max").split()
    if len(words) == 2 and words[0].isdigit() and int(words[1]):
        return int(words[0]) / int(words[1])
    quota, period = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
    if quota is not None and period and quota > 0:
        return quota / period
    return math.inf


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.lstrip("-").isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


PREFIX: Final = "\0mojo-grade/"
_LONGEST: Final = 100
"""Characters; the kernel takes 108 bytes."""
_POLL: Final = 0.002
"""Seconds; a case takes some five milliseconds."""


class Lease:
    """The right to something of this machine that one process has at a time: a context manager.

    It is the name of an abstract socket, so it is free again when the process ends, however it
    ends. There is no file to be left behind.

    Args:
        name: Of what is leased, such as ``core/3``.
    """

    def __init__(self, name: str) -> None:
        self._address = (PREFIX + name)[:_LONGEST]
        self._held: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.free()

    def take(self) -> bool:
        """Take it if it is free; whether it is held now."""
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Take it when it is free, in so many seconds at most; whether it is held now."""
        deadline = time.monotonic() + seconds
        while self._held is None:
            try:
                self._held = _bound(self._address)
            except OSError as error:
                # Waiting helps with no other error: the machine has no room, or allows no sockets.
                if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                    return False
                time.sleep(_POLL)
        return True

    def free(self) -> None:
        """Give it back, if it is held."""
        if self._held is not None:
            with contextlib.suppress(OSError):
                self._held.close()
            self._held = None


def _bound(address: str) -> socket.socket:
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        ours.bind(address)
    except OSError:
        ours.close()
        raise
    return ours
