"""From the start of a sandbox to the moment its command runs: did it come up?

bubblewrap (``--die-with-parent``) and the launcher ask the kernel to end them with their parent,
and to the kernel the parent is the *thread* that started them. A thread of a pool may end long
before the grader does, so all starts go through one thread that lives as long as the process.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Self

import msgspec

from grader.decoding import json_as
from grader.errors import SandboxFault
from grader.framing import BrokenProtocol, DeadlinePassed, FramedChannel, PeerGone

_lock = threading.Lock()
_executor: ThreadPoolExecutor | None = None


def start_from_one_thread(
    words: Sequence[str], *, executable: str, fds: Sequence[int]
) -> subprocess.Popen[bytes]:
    """Start ``executable`` with the argument vector ``words``, no environment and only ``fds``.

    Both outputs are pipes; it has a session of its own. Raises OSError.
    """
    global _executor  # noqa: PLW0603 - one thread for the whole process
    with _lock:
        if _executor is None:
            _executor = ThreadPoolExecutor(1, thread_name_prefix="sandbox-spawn")
        executor = _executor
    return executor.submit(
        subprocess.Popen,
        words,
        executable=executable,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
        pass_fds=fds,
        start_new_session=True,
        bufsize=0,
    ).result()


def _forget() -> None:
    # A forked child has no such thread, whatever the executor believes.
    global _executor, _lock
    _executor, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)


_START_SECONDS = 30.0
_MAX_STATUS = 16 * 1024
"""Bytes of what a sandbox says about its start."""
_DOCTOR = "Run `grade doctor` to see how far this machine can isolate a process."


class StartedSandbox(NamedTuple):
    """Who is to be watched, and ended."""

    init: int
    """The process whose death ends all others; without bubblewrap the launcher that reaps."""
    init_fd: int
    """A pidfd of it, which the caller owns."""
    group: int | None
    """The process group that holds all others. None under bubblewrap: `init` takes all along."""


class _Ready(
    msgspec.Struct, frozen=True, tag_field="kind", tag="ready", forbid_unknown_fields=True
):
    """The launcher executes the command now."""

    group: int
    """Its process group."""


class _StepFailed(
    msgspec.Struct, frozen=True, tag_field="kind", tag="failed", forbid_unknown_fields=True
):
    """The launcher can't go on."""

    step: str
    message: str


_STATUS: msgspec.json.Decoder[_Ready | _StepFailed] = msgspec.json.Decoder(_Ready | _StepFailed)


class _BwrapInfo(msgspec.Struct, frozen=True, rename="kebab"):
    """What bubblewrap writes to its ``--info-fd``, as far as it is read here."""

    child_pid: int


class Handshake:
    """The pipes on which a sandbox reports: ``info`` (bubblewrap), ``status`` (our launcher)."""

    def __init__(self) -> None:
        status, self.status_write = os.pipe()
        self._status = FramedChannel(status, _STATUS, max_frame=_MAX_STATUS)
        self._info_read, self.info_write = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close_write_ends()
        self._status.close()
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
            return start_from_one_thread(words, executable=executable, fds=fds)
        except OSError as error:
            raise SandboxFault(
                f"{executable} can't be started: {error.strerror}.", remedy=_DOCTOR
            ) from error

    def complete(self, popen: subprocess.Popen[bytes], *, bubblewrap: bool) -> StartedSandbox:
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
        return StartedSandbox(init, init_fd, None if bubblewrap else group)

    def _init(self, popen: subprocess.Popen[bytes], deadline: float) -> int:
        """The process that bubblewrap says is the sandbox's first one."""
        try:
            return json_as(self._info(deadline), _BwrapInfo).child_pid
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _not_up(_last_words(popen)) from None

    def _info(self, deadline: float) -> bytes:
        """The one object of bubblewrap's, which has no frame; empty where none comes in time."""
        data = b""
        poll = select.poll()
        poll.register(self._info_read, select.POLLIN)
        while b"}" not in data and len(data) < _MAX_STATUS:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return b""
            if not (part := os.read(self._info_read, 4096)):
                return b""
            data += part
        return data

    def _await_exec(self, popen: subprocess.Popen[bytes], deadline: float) -> int:
        """Wait until the launcher's end closes, as it does when the command is executed."""
        group = None
        try:
            while True:
                status, _ = self._status.receive(deadline=deadline)
                if isinstance(status, _StepFailed):
                    raise _not_up(f"{status.step}: {status.message}")
                group = status.group
        except PeerGone:
            if group is not None:
                return group
        except (BrokenProtocol, DeadlinePassed):
            pass
        raise _not_up(_last_words(popen))


def _not_up(why: str) -> SandboxFault:
    return SandboxFault(f"The sandbox did not come up: {why}.", remedy=_DOCTOR)


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
