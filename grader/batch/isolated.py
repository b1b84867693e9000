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
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

import msgspec

from grader.batch.task import Outcome, Task
from grader.errors import GraderFault
from grader.record import MAX_RECORD_BYTES
from grader.sandbox.scratch import remove_tree

GRADE: Final = "grader.batch.grading:grade_task"
CANCELLED: Final = "cancelled"
_POLL: Final = 0.1
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
) -> Outcome:
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
        try:
            process = _start(function, folder, said)
        except OSError as error:
            return Outcome(program=task.program, crash=f"could not be started: {error.strerror}")
        reader = _Reader(process)
        try:
            reader.send(task)
            stopped = ""
            while process.poll() is None and reader.is_alive():
                reader.join(_POLL)
                if cancelled():
                    stopped = CANCELLED
                elif time.monotonic() > limit:
                    stopped = f"hung: it had not ended after {limit - began:.0f} s"
                if stopped:
                    break
        finally:
            if reader.is_alive() or process.poll() is None:
                # One that has answered is given a moment to end by itself.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0 if reader.is_alive() else 5)
            _kill(process)
            reader.join(5)
        seconds = time.monotonic() - began
        crash = stopped or reader.problem or _ending(process.returncode)
        if reader.answer and not stopped and not reader.problem and process.returncode == 0:
            return Outcome(program=task.program, record=reader.answer, seconds=seconds)
        words = _last_words(said)
        return Outcome(program=task.program, crash=crash, seconds=seconds, said=words)


class _Reader(threading.Thread):
    """Feeds the process its task and reads what it answers."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(name="grading-reader", daemon=True)
        self._process = process
        self._task = b""
        self.answer = b""
        self.problem = ""

    def send(self, task: Task) -> None:
        """Start."""
        self._task = msgspec.msgpack.encode(task)
        self.start()

    def run(self) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        # A process that has died already says so with its exit.
        with contextlib.suppress(OSError, ValueError):
            stdin.write(struct.pack("<I", len(self._task)) + self._task)
            stdin.flush()
            self.answer = stdout.read(MAX_RECORD_BYTES + 1)
        if len(self.answer) > MAX_RECORD_BYTES:
            self.problem = f"made a record of more than {MAX_RECORD_BYTES >> 20} MB"


def _start(function: str, folder: Path, said: IO[bytes]) -> subprocess.Popen[bytes]:
    variables = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    # Workers share the cores: one grading must not start as many threads as there are.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        variables.setdefault(name, "1")
    return subprocess.Popen(
        [sys.executable, "-m", "grader.batch.child", function],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
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
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()


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
