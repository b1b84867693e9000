"""Start the software device's process in an isolation of its own.

It is trusted code, but it parses untrusted PTX: it sees its interpreter and
packages, writes nothing, reaches no network and has its own limits.
"""

from __future__ import annotations

import subprocess
from typing import IO

from grader.device.process import RunningProcess, Spawn, SpawnRequest
from grader.sandbox import MIB, Box, Isolation, Limits, Profile, SandboxedProcess, own_tree

LIMITS = Limits(wall_seconds=7200, resident_bytes=3072 * MIB, output_bytes=MIB)
"""The whole run of one submission; each launch has limits of its own besides."""


def device_spawn(isolation: Isolation) -> Spawn:
    """A function that starts the device process at this level of isolation."""

    def spawn(request: SpawnRequest) -> RunningProcess:
        box = Box(profile=Profile.DEVICE, isolation=isolation, python=own_tree(("grader",)))
        environment = dict(request.environment)
        environment.pop("PATH", None)
        environment.pop("TMPDIR", None)
        environment.pop("PYTHONPATH", None)
        if box.python.import_path:
            environment["PYTHONPATH"] = ":".join(map(str, box.python.import_path))
        process = box.spawn(
            [box.inside(box.python.executable), *request.argv[1:]],
            stage="device",
            limits=LIMITS,
            environment=environment,
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
