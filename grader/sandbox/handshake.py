"""From the start of a sandbox to the moment its command runs: did it come up?"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from typing import NamedTuple, Self

from grader.errors import SandboxFault
from grader.sandbox.spawner import start

_START_SECONDS = 30.0
_DOCTOR = "Run `grade doctor` to see how far this machine can isolate a process."


class Started(NamedTuple):
    """Who is to be watched, and ended."""

    init: int
    """The process whose death ends all others; without bubblewrap the launcher that reaps."""
    init_fd: int
    """A pidfd of it, which the caller owns."""
    group: int | None
    """The process group that holds all others. None under bubblewrap: `init` takes all along."""


class Handshake:
    """The pipes on which a sandbox reports: ``info`` (bubblewrap), ``status`` (our launcher)."""

    def __init__(self) -> None:
        self._status_read, self.status_write = os.pipe()
        self._info_read, self.info_write = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close_write_ends()
        os.close(self._status_read)
        os.close(self._info_read)

    def _close_write_ends(self) -> None:
        for end in (self.status_write, self.info_write):
            if end >= 0:
                os.close(end)
        self.status_write = self.info_write = -1

    def start(
        self, executable: str, words: Sequence[str], fds: Sequence[int]
    ) -> subprocess.Popen[bytes]:
        """Start the outermost process. Raises SandboxFault."""
        try:
            return start(words, executable=executable, fds=fds)
        except OSError as error:
            raise SandboxFault(
                f"{executable} can't be started: {error.strerror}.", remedy=_DOCTOR
            ) from error

    def complete(self, popen: subprocess.Popen[bytes], *, bubblewrap: bool) -> Started:
        """Wait for the command's exec.

        Raises:
            SandboxFault: it did not come up. The process is gone then.
        """
        # Ours must be closed, or the end of theirs would never be seen.
        self._close_write_ends()
        deadline = time.monotonic() + _START_SECONDS
        init_fd = -1
        try:
            init = self._init(popen, deadline) if bubblewrap else popen.pid
            init_fd = os.pidfd_open(init)
            group = self._await_exec(popen, deadline)
        except BaseException as error:
            if init_fd >= 0:
                os.close(init_fd)
            _discard(popen)
            if isinstance(error, ProcessLookupError):
                raise _not_up("it ended at once") from error
            raise
        return Started(init, init_fd, None if bubblewrap else group)

    def _init(self, popen: subprocess.Popen[bytes], deadline: float) -> int:
        text = _read(self._info_read, deadline, until=b"}")
        try:
            return int(json.loads(text)["child-pid"])
        except (ValueError, KeyError, TypeError):
            raise _not_up(_last_words(popen)) from None

    def _await_exec(self, popen: subprocess.Popen[bytes], deadline: float) -> int:
        text = _read(self._status_read, deadline, until=None).decode("utf-8", "replace")
        lines = text.splitlines()
        if len(lines) == 1 and lines[0].startswith("ready\t"):
            return int(lines[0].removeprefix("ready\t"))
        if lines and lines[-1].startswith("failed\t"):
            _word, step, message = lines[-1].split("\t", 2)
            raise _not_up(f"{step}: {message}")
        raise _not_up(_last_words(popen))


def _not_up(why: str) -> SandboxFault:
    return SandboxFault(f"The sandbox did not come up: {why}.", remedy=_DOCTOR)


def _read(descriptor: int, deadline: float, *, until: bytes | None) -> bytes:
    """Read to the end, or to ``until``, or to the deadline."""
    data = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            break
        chunk = os.read(descriptor, 4096)
        data += chunk
        if not chunk or (until is not None and until in data):
            break
    return data


def _last_words(popen: subprocess.Popen[bytes]) -> str:
    """The last line on standard error of a process that is about to end, or has."""
    try:
        _out, err = popen.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        popen.kill()
        _out, err = popen.communicate()
    lines = err.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"no reason given (exit status {popen.returncode})"


def _discard(popen: subprocess.Popen[bytes]) -> None:
    popen.kill()
    popen.wait()
    for stream in (popen.stdout, popen.stderr):
        if stream is not None:
            stream.close()
