"""The kernel's own limits on memory and tasks (control groups), where the grader may set them.

The watcher in `grader.sandbox.process` samples; a program can take gigabytes
between two samples. Where a control group can be made, the kernel holds a
sandbox to its memory and tasks at every instant. That is so for root, for a
user's own systemd slice (desktop sessions, ``systemd-run --user``) and for
clusters that delegate one; not on GitHub's hosted runners nor in most
containers, where ``/sys/fs/cgroup`` is read-only.

Version 2 allows processes in leaves only, so the group is made beside the
grader's own, in a parent whose children have the memory controller (kernel
documentation, admin-guide/cgroup-v2, "No Internal Process Constraint").
Version 1 has a hierarchy for each controller and no such rule.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from grader.sandbox.policy import MIB, Limits

SPARE_TASKS = 64
"""The kernel's limit lies this far above ours, so that a fork bomb is seen as one."""
_SPARE_BYTES = 128 * MIB
"""``/dev/shm``, page tables and the launcher: the kernel counts them, the watcher does not."""
_BATCH = 16 * MIB
_PREFIX = "mojo-grade-"
_REMOVE_SECONDS = 1.0
_JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1" || :; shift; done 2>/dev/null; shift; exec "$@"'
_counter = itertools.count()


class Parent(msgspec.Struct, frozen=True):
    """A directory in which groups can be made, with the files that hold a group's limits."""

    directory: Path
    memory: tuple[str, ...] = ()
    """Files for bytes. Written in order; the second kind exists with swap accounting only."""
    zero: tuple[str, ...] = ()
    """Files that limit the bytes of swap, here to zero."""
    tasks: tuple[str, ...] = ()
    kills: str = ""
    """File with a line ``oom_kill N``."""


class ControlGroup:
    """The control groups of one sandbox. Does nothing where none can be made."""

    def __init__(self, limits: Limits, parents: Sequence[Parent] | None = None) -> None:
        self._made: list[tuple[Parent, Path]] = []
        name = f"{_PREFIX}{os.getpid()}-{next(_counter)}"
        for parent in available() if parents is None else parents:
            path = parent.directory / name
            with contextlib.suppress(OSError):
                path.mkdir()
                self._made.append((parent, path))
        self.limit(limits)

    def limit(self, limits: Limits) -> None:
        """Hold what runs inside to these limits from now on."""
        memory = limits.resident_bytes + limits.scratch_bytes + _SPARE_BYTES
        for parent, path in self._made:
            for names, value in (
                (parent.zero, 0),
                (parent.memory, memory),
                (parent.tasks, limits.tasks + SPARE_TASKS),
            ):
                for name in names:
                    _write(path / name, value)

    def command(self, executable: str, words: Sequence[str]) -> tuple[str, list[str]]:
        """Executable and argument vector that join the groups, then execute the given ones."""
        if not self._made:
            return executable, list(words)
        doors = [str(path / "cgroup.procs") for _parent, path in self._made]
        return "/bin/sh", ["sh", "-c", _JOIN, "sh", *doors, "--", executable, *words[1:]]

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has killed a process inside for its memory."""
        return any(parent.kills and _kills(path / parent.kills) for parent, path in self._made)

    @property
    def counts_kills(self) -> bool:
        """Whether `ran_out_of_memory` would know."""
        return any(parent.kills for parent, _path in self._made)

    @property
    def reached_its_limit(self) -> bool:
        """Whether what runs inside has ever used all the memory that its own group has.

        A group around it may have less; then the kernel kills inside for the other's sake.
        """
        return any(_was_full(parent, path) for parent, path in self._made)

    def forbid_forks(self) -> None:
        """No process inside can start another from now on, so that all of them can be killed."""
        for parent, path in self._made:
            for name in parent.tasks:
                _write(path / name, 0)

    def remove(self) -> None:
        """Kill what still runs in the groups, and remove them once they are empty.

        For after the end of the outermost process. What is left then has got away from whoever
        should have ended it.
        """
        self.forbid_forks()
        deadline = time.monotonic() + _REMOVE_SECONDS
        for _parent, path in self._made:
            while not _removed(path) and time.monotonic() < deadline:
                _kill_members(path)
                time.sleep(0.01)
        self._made = []


@functools.lru_cache(maxsize=1)
def available() -> tuple[Parent, ...]:
    """Where groups can be made, found by making one."""
    usable = []
    for parent in _candidates():
        _sweep(parent.directory)
        if _works(parent):
            usable.append(parent)
            if parent.memory and parent.tasks:
                break  # one group does it all
    return tuple(usable)


def _candidates() -> Iterator[Parent]:
    mounts = _mounts()
    for controllers, path in _memberships():
        below = path.lstrip("/")
        if not controllers and "cgroup2" in mounts:
            own = mounts["cgroup2"] / below
            for directory in (own.parent, own):
                if "memory" in _words(directory / "cgroup.subtree_control"):
                    yield Parent(
                        directory,
                        memory=("memory.max",),
                        zero=("memory.swap.max",),
                        tasks=("pids.max",),
                        kills="memory.events",
                    )
        elif "memory" in controllers and "memory" in mounts:
            yield Parent(
                mounts["memory"] / below,
                memory=("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
                kills="memory.oom_control",
            )
        elif "pids" in controllers and "pids" in mounts:
            yield Parent(mounts["pids"] / below, tasks=("pids.max",))


def _memberships() -> Iterator[tuple[list[str], str]]:
    """Controllers (none: version 2) and path of each group that this process is in."""
    for line in _lines(Path("/proc/self/cgroup")):
        with contextlib.suppress(ValueError):
            _number, controllers, path = line.split(":", 2)
            yield [name for name in controllers.split(",") if name], path


def _mounts() -> dict[str, Path]:
    """Where each version 1 controller, and version 2 (``cgroup2``), is mounted whole."""
    found: dict[str, Path] = {}
    for line in _lines(Path("/proc/self/mountinfo")):
        before, _dash, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) < 5 or len(kind) < 3 or fields[3] != "/":
            continue
        if kind[0] == "cgroup2":
            found.setdefault("cgroup2", Path(fields[4]))
        elif kind[0] == "cgroup":
            for controller in kind[2].split(","):
                found.setdefault(controller, Path(fields[4]))
    return found


def _works(parent: Parent) -> bool:
    # Who moves a process must be able to write to the common ancestor's list as well.
    if not os.access(parent.directory / "cgroup.procs", os.W_OK):
        return False
    group = ControlGroup(Limits(), [parent])
    try:
        needed = (*parent.memory[:1], *parent.tasks)
        return all(
            os.access(path / name, os.W_OK) for _parent, path in group._made for name in needed
        ) and bool(group._made)
    finally:
        group.remove()


def _sweep(directory: Path) -> None:
    """Remove what a grader that was killed has left: only empty groups can be removed."""
    with contextlib.suppress(OSError):
        for path in directory.glob(f"{_PREFIX}*"):
            owner = path.name.removeprefix(_PREFIX).partition("-")[0]
            if not Path("/proc", owner).exists():
                _removed(path)


def _removed(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _kill_members(path: Path) -> None:
    for line in _lines(path / "cgroup.procs"):
        with contextlib.suppress(OSError):
            os.kill(int(line), signal.SIGKILL)


def _write(path: Path, value: int) -> None:
    # Without swap accounting some files are not there; the watcher enforces in any case.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.write(descriptor, str(value).encode())
        finally:
            os.close(descriptor)


def _kills(path: Path) -> int:
    return _named(path, "oom_kill")


def _was_full(parent: Parent, path: Path) -> bool:
    if not parent.memory:
        return False
    if parent.memory[0] == "memory.max":
        # Its own limit's events and those of groups inside it; never those of a group around it.
        return _named(path / "memory.events", "oom") > 0
    limit, most = (_number(path / name) for name in (parent.memory[0], "memory.max_usage_in_bytes"))
    # The kernel takes memory from a group in batches of some pages for each processor.
    return limit is not None and most is not None and most >= limit - _BATCH


def _named(path: Path, wanted: str) -> int:
    for line in _lines(path):
        name, _space, count = line.partition(" ")
        if name == wanted and count.isdigit():
            return int(count)
    return 0


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
