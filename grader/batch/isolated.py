"""Run one grading in a process of its own, whatever becomes of that process.

Used by the threads of the pool on this machine and by those of a cluster's
workers alike. The process has a session of its own (a Ctrl-C at the terminal
does not reach it), a temporary folder that is removed after it however it
ended, and a lifeline: it ends when this process does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final, TypeVar

import msgspec

from grader.batch.child import ANSWERS, MAX_ANSWER, RecordComes, TaskComes
from grader.batch.task import GradingOutcome, Task
from grader.errors import GraderFault
from grader.framing import BrokenProtocol, DeadlinePassed, FramedChannel, PeerGone
from grader.sandbox.scratch import remove_tree

GRADE: Final = "grader.batch.grading:grade_task"
CANCELLED: Final = "cancelled"
_POLL: Final = 0.1
_END_SECONDS: Final = 5
T = TypeVar("T")
_SAID: Final = 2_000
"""Characters of what a process that crashed said last."""


def deadline_of(task: Task) -> float:
    """Seconds after which a grading is taken for hung: far above the sum of its own limits."""
    return 10 * task.options.timeout + 300


def run_isolated(
    task: Task,
    *,
    function: str = GRADE,
    cancelled: Callable[[], bool] = lambda: False,
    deadline: float | None = None,
) -> GradingOutcome:
    """Grade a task in a process of its own.

    Args:
        function: ``module:name`` of a function from a `Task` to a record.
        cancelled: Asked a few times a second; True ends the process.
        deadline: Seconds; by default `deadline_of` the task.

    Returns:
        With the record; or with ``crash`` saying how the process ended without one.
    """
    began = time.monotonic()
    limit = began + (deadline_of(task) if deadline is None else deadline)
    with _temporary_folder() as folder, tempfile.TemporaryFile(dir=folder) as said:
        ours, theirs = socket.socketpair()
        with FramedChannel(ours.detach(), ANSWERS, max_frame=MAX_ANSWER) as channel:
            try:
                with theirs:
                    process = _start(function, folder, theirs, said)
            except OSError as error:
                return GradingOutcome(
                    program=task.program, crash=f"could not be started: {error.strerror}"
                )
            record, stopped = b"", "was interrupted"
            try:
                record = _exchange(channel, process, task, cancelled, limit)
                stopped = ""
            except _Cancelled:
                stopped = CANCELLED
            except DeadlinePassed:
                stopped = f"hung: it had not ended after {limit - began:.0f} s"
            except BrokenProtocol as error:
                stopped = f"gave an answer that can't be read: {error}"
            except PeerGone:
                stopped = ""  # how it ended says more
            finally:
                if not stopped:
                    # One that has answered, or has closed its end, is given a moment to end.
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_END_SECONDS)
                _kill(process)
        seconds = time.monotonic() - began
        if record and not stopped and process.returncode == 0:
            return GradingOutcome(program=task.program, record=record, seconds=seconds)
        crash = stopped or _ending(process.returncode)
        words = _last_words(said)
        return GradingOutcome(program=task.program, crash=crash, seconds=seconds, said=words)


class _Cancelled(Exception):
    """Nobody wants the record any longer."""


def _exchange(
    channel: FramedChannel[RecordComes],
    process: subprocess.Popen[bytes],
    task: Task,
    cancelled: Callable[[], bool],
    limit: float,
) -> bytes:
    """Hand the task over; the record that comes back.

    Raises:
        BrokenProtocol: what came is no record.
        PeerGone: the process has ended without one.
        DeadlinePassed: it had neither answered nor ended by ``limit``.
        _Cancelled: it was cancelled.
    """

    def repeated(step: Callable[[float], T]) -> T:
        while True:
            ended = process.poll() is not None
            now = time.monotonic()
            try:
                return step(min(now + _POLL, limit))
            except DeadlinePassed:
                if cancelled():
                    raise _Cancelled from None
                if ended:  # something that it started may hold its end of the channel open
                    raise PeerGone from None
                if now > limit:
                    raise

    with contextlib.suppress(DeadlinePassed):
        channel.send(TaskComes(), msgspec.msgpack.encode(task), deadline=0.0)
    repeated(lambda deadline: channel.flush(deadline=deadline))
    return repeated(lambda deadline: channel.receive(deadline=deadline)[1])


def _start(
    function: str, folder: Path, channel: socket.socket, said: IO[bytes]
) -> subprocess.Popen[bytes]:
    variables = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    # Workers share the cores: one grading must not start as many threads as there are.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        variables.setdefault(name, "1")
    return subprocess.Popen(
        [sys.executable, "-m", "grader.batch.child", function],
        stdin=channel.fileno(),
        stdout=said,
        stderr=said,
        env=variables,
        start_new_session=True,
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it and its process group; its sandboxes end with it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ending(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            memory = " (often the machine's way to say that memory ran out)" if code == -9 else ""
            return f"was ended by {name}{memory}"
    return f"ended with exit code {code} and no record"


def _last_words(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _SAID))
    return said.read().decode("utf-8", "replace").strip()


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix="grade-task-"))
        # The sandbox may run under another user, whose scratch lies in here.
        folder.chmod(0o711)
    except OSError as error:
        raise GraderFault(
            f"no temporary folder can be made in {tempfile.gettempdir()}: {error.strerror}",
            remedy="Make room there, or set TMPDIR to a folder with a few gigabytes.",
        ) from error
    try:
        yield folder
    finally:
        remove_tree(folder)
        if folder.exists():  # a process of the sandbox was still dying
            time.sleep(_POLL)
            remove_tree(folder)
