"""Start a process that touches a submission. There is no other way in the grader to start one."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from grader.errors import SandboxFault
from grader.sandbox import bwrap
from grader.sandbox.bwrap import LAUNCHER_INSIDE, PACKAGES_INSIDE, SCRATCH_INSIDE, Mount
from grader.sandbox.cgroup import SPARE_TASKS, ControlGroup
from grader.sandbox.policy import Isolation, Limits, Profile, gpu_nodes, system_paths
from grader.sandbox.process import Listen, SandboxedProcess
from grader.sandbox.process_tree import tasks_of_user
from grader.sandbox.python_tree import PythonTree, links
from grader.sandbox.scratch import Scratch, ordinary_uid
from grader.sandbox.starting import Handshake

_LAUNCHER = Path(__file__).parent / "inside"
# For Landlock, where the machine's own files show through.
_HARMLESS_FILES = (
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/etc/ld.so.cache",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/filesystems",
    "/proc/sys/kernel",
    "/proc/sys/vm",
    "/sys/devices/system",
)
_HARMLESS_WRITABLE = ("/dev/null", "/dev/zero", "/dev/full")


class Box:
    """How the processes of one submission, or one device, are started.

    Args:
        profile: Who runs inside.
        isolation: The level, from `grader.sandbox.probe`.
        python: The interpreter that is available inside; it also runs the launcher.
        read_only: What else to show: a path under its own name, or with the name
            it has inside. (Without bubblewrap nothing can be renamed: ask `inside`.)
        scratch: The writable directory; the worker needs one.
        gpu: Let the process reach a real NVIDIA GPU.

    Raises:
        SandboxFault: the grader runs as root without bubblewrap, and the user it
            drops to could not reach one of the paths.
    """

    def __init__(
        self,
        *,
        profile: Profile,
        isolation: Isolation,
        python: PythonTree,
        read_only: Sequence[Path | tuple[Path, str]] = (),
        scratch: Scratch | None = None,
        gpu: bool = False,
    ) -> None:
        self.profile = profile
        self.isolation = isolation
        self.python = python
        self.scratch = scratch
        self._gpu = gpu
        self._uid = scratch.uid if scratch is not None else ordinary_uid()
        if isolation is Isolation.NONE:
            self._uid = None  # without isolation it runs as the caller's own user, even as root
        system = [path for path, target in system_paths(profile) if target is None]
        self._roots = [
            root for root in python.roots if not any(root.is_relative_to(path) for path in system)
        ]
        self._own_names = (*system, *self._roots)
        self._hidden = python.hidden(self._own_names)
        self._mounts = [
            Mount(part.source.absolute(), f"{PACKAGES_INSIDE}/{part.name}")
            for part in python.packages
        ]
        for entry in read_only:
            source, name = entry if isinstance(entry, tuple) else (entry, str(entry))
            self._mounts.append(Mount(Path(os.path.abspath(source)), name))
        if self._uid is not None and isolation is Isolation.LANDLOCK:
            _check_reachable([*self._roots, *(mount.source for mount in self._mounts)])

    def inside(self, path: Path) -> str:
        """The name that a path of this machine has inside.

        Raises:
            ValueError: it is not visible inside.
        """
        path = Path(os.path.abspath(path))
        shown = [*self._mounts, *(Mount(place, str(place)) for place in self._own_names)]
        if self.scratch is not None:
            shown.append(Mount(self.scratch.path, SCRATCH_INSIDE))
        for mount in shown:
            if path.is_relative_to(mount.source):
                if self.isolation is not Isolation.BWRAP:
                    return str(path)
                return os.path.normpath(os.path.join(mount.inside, path.relative_to(mount.source)))
        if any(
            Path(mount.inside) == mount.source and path in mount.source.parents for mount in shown
        ):
            return str(path)  # a directory above something shown: it holds nothing else
        raise ValueError(f"{path} is not visible in the sandbox")

    def environment(self) -> dict[str, str]:
        """The variables that every process inside has; nothing is inherited from the grader."""
        home, tmp = "/", "/tmp"
        if self.scratch is not None:
            home = self.inside(self.scratch.path / "home")
            if self.isolation is not Isolation.BWRAP:
                tmp = self.inside(self.scratch.path / "tmp")
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": home,
            "TMPDIR": tmp,
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def python_command(self, *arguments: str) -> list[str]:
        """Start the interpreter so that it imports what `python_environment` says, and no more."""
        return [self.inside(self.python.executable), "-s", "-S", "-P", "-B", *arguments]

    def python_environment(self) -> dict[str, str]:
        """The variables with which the interpreter finds its packages."""
        if self.isolation is not Isolation.BWRAP:
            return dict(links(self.python, self._hidden).variables)
        folders = (f"{PACKAGES_INSIDE}/{name}" for name in self.python.folders)
        return {"PYTHONPATH": os.pathsep.join(folders)}

    def spawn(
        self,
        command: Sequence[str],
        *,
        stage: str,
        limits: Limits,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        directory: str | None = None,
        listen: Listen | None = None,
    ) -> SandboxedProcess:
        """Start ``command``; returns when it has been executed, some 50 ms later.

        Args:
            command: Absolute paths as they are inside (see `inside`); the first is executed.
            stage: A name for the outcome, such as ``packaging``.
            environment: Variables besides `environment`.
            pass_fds: Descriptors to pass, under the same numbers. Nothing else is open inside
                but the three standard ones; standard input is empty.
            directory: The working directory, as it is inside; by default the
                ``work`` directory of the scratch, or ``/``.
            listen: See `SandboxedProcess`.

        Raises:
            SandboxFault: the sandbox or the command could not be started.
        """
        if directory is None:
            directory = self.inside(self.scratch.path / "work") if self.scratch else "/"
        if self.scratch is not None:
            self.scratch.seal()
        started = time.monotonic()
        handshake = Handshake()
        with contextlib.ExitStack() as stack:
            stack.enter_context(handshake)
            config = self._config(command, environment or {}, pass_fds, directory, limits)
            config["status_fd"] = handshake.status_write
            config_fd = _memory_file(stack, json.dumps(config).encode("utf-8"))
            executable, words, more = self._command_line(stack, config_fd, handshake, limits)
            fds = (*pass_fds, *more, config_fd, handshake.status_write)
            bubblewrap = self.isolation is Isolation.BWRAP
            group = ControlGroup(limits)
            try:
                popen = handshake.start(*group.command(executable, words), fds)
                up = handshake.complete(popen, bubblewrap=bubblewrap)
            except BaseException:
                group.remove()
                raise
        return SandboxedProcess(
            popen,
            up,
            group=group,
            scratch=self.scratch,
            limits=limits,
            stage=stage,
            started=started,
            listen=listen,
        )

    def _command_line(
        self, stack: contextlib.ExitStack, config_fd: int, handshake: Handshake, limits: Limits
    ) -> tuple[str, list[str], list[int]]:
        """What to execute, its argument vector, and the descriptors that it needs to be passed."""
        python = str(self.python.executable)
        launch = [python, "-I", "-S", "-B"]
        if self.isolation is not Isolation.BWRAP:
            return python, [*launch, str(_LAUNCHER), str(config_fd)], []
        binary = bwrap.bwrap_binary()
        words = bwrap.arguments(
            self.profile,
            roots=self._roots,
            hidden=self._hidden,
            mounts=self._mounts,
            launcher=_LAUNCHER,
            scratch=self.scratch.path if self.scratch else None,
            scratch_bytes=limits.scratch_bytes,
            info_fd=handshake.info_write,
            uid=self._uid,
            gpu=self._gpu,
        )
        args_fd = _memory_file(stack, b"".join(os.fsencode(word) + b"\0" for word in words))
        command = [*launch, LAUNCHER_INSIDE, str(config_fd)]
        return (
            str(binary),
            ["bwrap", "--args", str(args_fd), "--", *command],
            [args_fd, handshake.info_write],
        )

    def _config(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        pass_fds: Sequence[int],
        directory: str,
        limits: Limits,
    ) -> dict[str, object]:
        """What the launcher reads; see ``inside/__main__.py``."""
        rlimits = {
            "tasks": self._task_rlimit(limits),
            "file_bytes": limits.file_bytes,
            "open_files": limits.open_files,
            "core": 0,
        }
        if limits.address_space_bytes is not None:
            rlimits["address_space_bytes"] = limits.address_space_bytes
        return {
            "command": list(command),
            "environment": {**self.environment(), **environment},
            "directory": directory,
            "pass_fds": list(pass_fds),
            "limits": rlimits,
            "uid": self._uid,
            "grader_pid": os.getpid(),
            "reap": self.isolation is not Isolation.BWRAP,
            "seccomp": self.isolation is not Isolation.NONE,
            "sockets": self._gpu,
            "landlock": self._landlock_rules() if self.isolation is Isolation.LANDLOCK else None,
        }

    def _task_rlimit(self, limits: Limits) -> int:
        """RLIMIT_NPROC counts all tasks of a user: the user's others have to be added.

        Not so for a user id that nobody else has, nor (since Linux 5.14, where
        the count is per user namespace) under bubblewrap; elsewhere the sum is
        only an upper bound, and the watcher counts exactly.
        """
        total = limits.tasks + SPARE_TASKS
        return total if self._uid is not None else total + tasks_of_user(os.getuid())

    def _landlock_rules(self) -> dict[str, list[str]]:
        readable = [str(path) for place in self._own_names for path in self._without(place)]
        readable += [str(mount.source) for mount in self._mounts]
        readable.append(str(links(self.python, self._hidden).path))
        readable += _HARMLESS_FILES
        writable = list(_HARMLESS_WRITABLE)
        if self.scratch is not None:
            writable.append(str(self.scratch.path))
        if self._gpu:
            readable.append("/sys")
            writable += [str(node) for node in gpu_nodes()]
        return {"readable": readable, "writable": writable}

    def _without(self, path: Path) -> Iterator[Path]:
        """``path``; or, where something below is hidden, all that is below but this."""
        if path in self._hidden:
            return
        if not any(each.is_relative_to(path) for each in self._hidden):
            yield path
            return
        for entry in os.scandir(path):
            # What a link leads to has a path of its own, if it may be seen.
            if not entry.is_symlink():
                yield from self._without(path / entry.name)


def _check_reachable(paths: Sequence[Path]) -> None:
    """Refuse what lies below a directory that only its owner may enter, such as root's home."""
    for path in paths:
        for directory in path.parents:
            if not directory.stat().st_mode & stat.S_IXOTH:
                raise SandboxFault(
                    f"{path} lies in {directory}, which only its owner may enter; the ordinary"
                    " user that a submission runs as can't reach it.",
                    remedy="Run the grader as an ordinary user, or install it and its toolchains"
                    " where everybody may read, such as /opt.",
                )


def _memory_file(stack: contextlib.ExitStack, data: bytes) -> int:
    """An open descriptor that reads ``data`` from the start."""
    descriptor = os.memfd_create("sandbox", os.MFD_CLOEXEC)
    stack.callback(os.close, descriptor)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
