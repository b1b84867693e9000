"""The handle on the device process: start it, begin and end cases, ask for what was seen."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, Self

from grader.device import control
from grader.device.case import CaseSetup, InputPairs, LaunchLimits
from grader.device.evidence import CaseEvidence
from grader.errors import DeviceFault, GradeError, ProtocolFault

DRIVER = "libcuda.so.1"
MANAGEMENT = "libnvidia-ml.so.1"
PTX_COMPILER = "libNVPTX.so"

LOAD_ORDER = (DRIVER, MANAGEMENT, PTX_COMPILER)
"""Each is loaded RTLD_GLOBAL, in this order, before ``import max``: the second needs the
first, and MAX finds a library that is loaded by its SONAME."""

_BUILT = Path(__file__).with_name("lib")


def library_directory(directory: Path | None = None) -> Path:
    """The folder that holds the built libraries.

    Args:
        directory: Look there and not in the package.

    Raises:
        DeviceFault: One is missing: the package was not built.
    """
    place = directory or _BUILT
    for name in LOAD_ORDER:
        if not (place / name).is_file():
            raise DeviceFault(
                f"the driver library {name} is missing from {place}",
                remedy="In a checkout, build it with: pip install -e .",
            )
    return place


_STDERR_TAIL = 2000
_SLACK_S = 30.0
"""Seconds that an answer may take beyond the time limit of one launch."""
_SHUTDOWN_S = 2.0


@dataclass(frozen=True, slots=True)
class SpawnRequest:
    """A process to start.

    Attributes:
        argv: The command line.
        pass_fds: Descriptors that keep their numbers in the process.
        environment: All variables of the process.
        stderr: A file for what it prints.
    """

    argv: tuple[str, ...]
    pass_fds: tuple[int, ...]
    environment: Mapping[str, str]
    stderr: IO[bytes]


class RunningProcess(Protocol):
    """What is asked of a started process; a `subprocess.Popen` is one."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""

    def kill(self) -> None:
        """End it now."""


Spawn = Callable[[SpawnRequest], RunningProcess]


def spawn_plain(request: SpawnRequest) -> subprocess.Popen[bytes]:
    """Start the process without a sandbox."""
    return subprocess.Popen(
        request.argv,
        pass_fds=request.pass_fds,
        env=dict(request.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=request.stderr,
        start_new_session=True,
    )


SERVER_MODULE = "grader.device.server"


class SoftwareDevice:
    """A software CUDA device in a process of its own. Use as a context manager.

    Args:
        spawn: Starts the process; a sandbox puts its own here.
        libraries: Folder of the built driver libraries, where not the package's.
    """

    def __init__(self, *, spawn: Spawn = spawn_plain, libraries: Path | None = None) -> None:
        self._spawn = spawn
        self._libraries = library_directory(libraries)
        self._process: RunningProcess | None = None
        self._control: socket.socket | None = None
        self._worker: socket.socket | None = None
        self._stderr: IO[bytes] | None = None
        self._patience_s = LaunchLimits().wall_clock_s + _SLACK_S

    def __enter__(self) -> Self:
        try:
            self._start()
            self._ask(control.ControlHello())
            self.new_connection()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def worker_fd(self) -> int:
        """The descriptor to pass to the worker, of this process's numbering."""
        if self._worker is None:
            raise DeviceFault("the software device is not running")
        return self._worker.fileno()

    def driver_libraries(self) -> tuple[Path, ...]:
        """What the worker loads RTLD_GLOBAL, in this order, before ``import max``."""
        return tuple(self._libraries / name for name in LOAD_ORDER)

    def worker_environment(
        self, *, fd: int | None = None, libraries: Path | None = None
    ) -> dict[str, str]:
        """Variables that the worker needs besides its own.

        The worker loads what ``GRADE_DRIVER_LIBRARIES`` lists; the others are for the
        driver library and for MAX.

        Args:
            fd: The descriptor's number in the worker, where it differs.
            libraries: The libraries' folder as the worker sees it, where it differs.
        """
        folder = libraries or self._libraries
        return {
            "GRADE_DEVICE_FD": str(self.worker_fd if fd is None else fd),
            "GRADE_DRIVER_LIBRARIES": os.pathsep.join(str(folder / name) for name in LOAD_ORDER),
            # Otherwise MAX takes nearly all memory at once, which hides overruns. Up to 25.7 its
            # allocator is called a buffer cache; 25.3 and 25.4 have none.
            "MODULAR_DEVICE_CONTEXT_BUFFER_CACHE_SIZE": "0",
            "MODULAR_DEVICE_CONTEXT_MEMORY_MANAGER_SIZE": "0",
            "MODULAR_NVPTX_LIBRARY_PATH": str(folder / PTX_COMPILER),
        }

    def new_connection(self) -> int:
        """Disconnect the last worker and make a socket for the next; returns ``worker_fd``.

        Allocations, modules, handles and a sticky error are gone afterwards.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._ask(control.Connect(), fds=(theirs.fileno(),))
        if self._worker is not None:
            self._worker.close()
        self._worker = ours
        return self.worker_fd

    def begin_case(self, setup: CaseSetup | None = None) -> None:
        """Start collecting evidence anew. Device memory and modules stay as they are.

        Args:
            setup: How the case is run; the defaults where None.
        """
        setup = setup or CaseSetup()
        self._patience_s = max(self._patience_s, setup.limits.wall_clock_s + _SLACK_S)
        self._ask(control.BeginCase(setup))

    def end_case(self) -> CaseEvidence:
        """All that happened since ``begin_case``. Waits for a launch that still runs."""
        answer = self._ask(control.EndCase())
        if not isinstance(answer, control.EvidenceAnswer):
            raise ProtocolFault("the device process answered end_case with no evidence")
        return answer.evidence

    def keep(self, number: int) -> None:
        """Keep what the last case, a repeatable one, did to the device, under a number.

        It is forgotten with the connection, and when another takes its number.
        """
        self._ask(control.Keep(number))

    def compare(self, one: int, other: int, pairs: InputPairs) -> control.Compared:
        """Whether the host did the same in two cases that are kept.

        Args:
            one: The number of the one.
            other: The number of the other.
            pairs: Each input as it was copied to the device in the one, and in the other.
        """
        answer = self._ask(control.Compare(one, other, tuple(pairs)))
        if not isinstance(answer, control.Compared):
            raise ProtocolFault("the device process answered compare with something else")
        return answer

    def repeat(
        self, kept: int, pairs: InputPairs, *, copy: int, like: int, moved: bool = True
    ) -> control.Repeated:
        """Do again what a kept case did, with other inputs and without the host.

        Args:
            kept: The number of that case.
            pairs: Each input as it was copied to the device, and what to copy instead; none for
                the same inputs.
            copy: Which copy to the host to answer with; 1 is the last.
            like: The number of the case whose checks, limits and fills hold.
            moved: Whether inputs are exchanged also where the host moved them.
        """
        answer = self._ask(control.Repeat(kept, like, tuple(pairs), copy, moved))
        if not isinstance(answer, control.Repeated):
            raise ProtocolFault("the device process answered repeat with something else")
        return answer

    def close(self) -> None:
        """End the process. Never raises; may be called twice."""
        if self._control is not None and self._process is not None:
            try:
                self._control.settimeout(_SHUTDOWN_S)
                control.send(self._control, control.Shutdown())
                self._process.wait(_SHUTDOWN_S)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
        for resource in (self._control, self._worker, self._stderr):
            if resource is not None:
                resource.close()
        self._control = self._worker = self._process = self._stderr = None

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        command = ("-P", "-m", SERVER_MODULE, "--control-fd", str(theirs.fileno()))
        with theirs:
            self._control = ours
            try:
                self._process = self._spawn(
                    SpawnRequest(
                        argv=(sys.executable, *command),
                        pass_fds=(theirs.fileno(),),
                        environment=_environment(),
                        stderr=self._stderr,
                    )
                )
            except OSError as error:
                raise DeviceFault(f"the software device could not be started: {error}") from error

    def _ask(
        self, request: control.ControlRequest, fds: tuple[int, ...] = ()
    ) -> control.ControlAnswer:
        if self._control is None:
            raise DeviceFault("the software device is not running")
        name = type(request).__name__
        try:
            self._control.settimeout(self._patience_s)
            control.send(self._control, request, fds)
            frame = control.receive(self._control, control.MAX_ANSWER)
        except TimeoutError:
            raise self._fault(f"did not answer {name} in {self._patience_s:.0f} s") from None
        except OSError as error:
            raise self._fault(f"was lost at {name} ({error})") from error
        if frame is None:
            raise self._fault(f"ended at {name}")
        answer = control.decode_answer(frame[0])
        if isinstance(answer, control.Refused):
            raise self._fault(f"refused {name}: {answer.what}")
        return answer

    def _fault(self, happened: str) -> GradeError:
        tail = ""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)  # what it printed is complete when it has ended
        if self._stderr is not None:
            size = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, size - _STDERR_TAIL))
            tail = self._stderr.read().decode("utf-8", "replace").strip()
        what = f"the software device {happened}"
        return DeviceFault(
            f"{what}; it said: {tail}" if tail else what,
            remedy="Run the command again; if it persists, report it with this message.",
        )


def _environment() -> dict[str, str]:
    """Only what Python needs; ``-P`` keeps the working directory off the path."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL", "TMPDIR")}
    if path := os.environ.get("PYTHONPATH"):
        kept["PYTHONPATH"] = os.pathsep.join(os.path.abspath(p) for p in path.split(os.pathsep))
    # The work is element-wise on small arrays: threads of a linear algebra library only cost time.
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
