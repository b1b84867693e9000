"""Start the software device's process in an isolation of its own.

It is trusted code, but it parses untrusted PTX: it sees its interpreter, its own modules and
what these need, writes nothing, reaches no network and has its own limits.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

import grader
from grader.device import RunningProcess, Spawn, SpawnRequest
from grader.sandbox import (
    MIB,
    Box,
    Isolation,
    Limits,
    PackagePart,
    Profile,
    PythonTree,
    SandboxedProcess,
    python_tree,
)

LIMITS = Limits(wall_seconds=7200, resident_bytes=3072 * MIB, output_bytes=MIB)
"""The whole run of one submission; each launch has limits of its own besides."""

_MODULES = ("__init__.py", "errors.py", "device")
_DISTRIBUTIONS = ("numpy", "msgspec")


def device_tree() -> PythonTree:
    """The interpreter of this process with the device's modules, and what they import."""
    package = Path(grader.__file__).parent
    modules = tuple(PackagePart(package / name, f"grader/grader/{name}") for name in _MODULES)
    return python_tree(Path(sys.executable), distributions=_DISTRIBUTIONS, more=modules)


def device_spawn(isolation: Isolation) -> Spawn:
    """A function that starts the device process at this level of isolation."""

    def spawn(request: SpawnRequest) -> RunningProcess:
        box = Box(profile=Profile.DEVICE, isolation=isolation, python=device_tree())
        environment = {
            name: text
            for name, text in request.environment.items()
            if name not in ("PATH", "TMPDIR", "PYTHONPATH")
        }
        process = box.spawn(
            box.python_command(*request.argv[1:]),
            stage="device",
            limits=LIMITS,
            environment={**environment, **box.python_environment()},
            pass_fds=request.pass_fds,
        )
        return _Boxed(process, request.stderr)

    return spawn


class _Boxed:
    """A sandboxed process in the shape that `SoftwareDevice` knows."""

    def __init__(self, process: SandboxedProcess, stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and keep what it printed."""
        try:
            outcome = self._process.wait(timeout)
        except TimeoutError as error:
            raise subprocess.TimeoutExpired("device", timeout or 0) from error
        self._stderr.write(outcome.stderr)
        self._stderr.flush()
        return outcome.exit_code if outcome.exit_code is not None else -(outcome.signal or 0)

    def kill(self) -> None:
        """End it now."""
        self._process.kill()
