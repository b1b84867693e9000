"""Runs one grading in a process of its own, whatever becomes of it: both ends of their channel.

`run_isolated` starts ``python -m grader.batch.grading_process MODULE:FUNCTION``. It is used by the
threads of the pool on this machine and by those of a cluster's workers alike; ``grade watch`` has a
`GradingProcess` started before there is a task. The process has a session of its own (a Ctrl-C at
the terminal does not reach it) and a temporary folder that is removed after it however it ended.

Its standard input is a socket: one `Task` comes in, one record goes out (`grader.framing`). The
socket is a lifeline as well: when its other end closes, whoever started the process has gone, and
the process ends, with everything in its sandboxes.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final, NoReturn, Self, TypeVar, cast

import msgspec

from grader.batch.task import GradingOutcome, Task
from grader.decoding import msgpack_as
from grader.errors import GraderFault
from grader.folders import keep_nothing_of_hypothesis
from grader.framing import MAX_HEADER, BrokenProtocol, DeadlinePassed, FramedChannel, PeerGone
from grader.record import MAX_RECORD_BYTES, Record
from grader.sandbox.scratch import remove_tree

GRADE: Final = "grader.batch.task:grade_task"
CANCELLED: Final = "cancelled"
ORPHANED: Final = 75
MAX_ANSWER: Final = MAX_RECORD_BYTES + MAX_HEADER
_POLL: Final = 0.1
_END_SECONDS: Final = 5
_CHANNEL_SECONDS: Final = 300.0
"""How long the process waits for the task, and for somebody to read the record."""
_AHEAD_SECONDS: Final = 7 * 86_400.0
"""The same of one that is started ahead. When nobody wants it any more, its channel closes."""
_IMPORTED_AHEAD: Final = (
    "grader.batch.task",
    "grader.grading.explain.advice",
    "grader.grading.program",
    "grader.grading.prober",
    "grader.guidance",
    "grader.lanes.ways",
    "grader.puzzle_kit",
)
"""With all that these import: half a second of a processor."""
_SAID: Final = 2_000
"""Characters of what a process that crashed said last."""
GradeFunction = Callable[[Task], Record]
T = TypeVar("T")


class TaskMessage(msgspec.Struct, frozen=True, tag_field="kind", tag="task"):
    """To the process. The payload is a `Task` in MessagePack."""


class RecordMessage(
    msgspec.Struct, frozen=True, tag_field="kind", tag="record", forbid_unknown_fields=True
):
    """From the process. The payload is a `grader.record.Record` in JSON."""


ANSWERS: msgspec.json.Decoder[RecordMessage] = msgspec.json.Decoder(RecordMessage)


# ---- whoever starts the process ----


def deadline_of(task: Task) -> float:
    """Seconds after which a grading is taken for hung: far above the sum of its own limits."""
    return 10 * task.options.timeout + 300


class GradingProcess:
    """A process for one task. Use as a context manager: it ends with the context.

    Args:
        function: ``module:name`` of a function from a `Task` to a record.
        ahead: Whether there is no task yet: it imports meanwhile what it will need.

    Raises:
        OSError: it could not be started.
        GraderFault: no temporary folder can be made.
    """

    def __init__(self, function: str, *, ahead: bool = False) -> None:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(_temporary_folder())
            self._said = stack.enter_context(tempfile.TemporaryFile(dir=folder))
            ours, theirs = socket.socketpair()
            channel = FramedChannel(ours.detach(), ANSWERS, max_frame=MAX_ANSWER)
            self._channel = stack.enter_context(channel)
            with theirs:
                self._process = _start(function, folder, theirs, self._said, ahead=ahead)
            stack.callback(_kill, self._process)
            self._left = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, and remove what it left."""
        self._left.close()

    @property
    def is_there(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def run(
        self, task: Task, *, cancelled: Callable[[], bool], deadline: float | None = None
    ) -> GradingOutcome:
        """Grade a task, the only one; see `run_isolated`."""
        began = time.monotonic()
        limit = began + (deadline_of(task) if deadline is None else deadline)
        process = self._process
        record, stopped = b"", "was interrupted"
        try:
            record = _exchange(self._channel, process, task, cancelled, limit)
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
        words = _last_words(self._said)
        return GradingOutcome(program=task.program, crash=crash, seconds=seconds, said=words)


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
    try:
        process = GradingProcess(function)
    except OSError as error:
        return GradingOutcome(program=task.program, crash=f"could not be started: {error.strerror}")
    with process:
        return process.run(task, cancelled=cancelled, deadline=deadline)


class _Cancelled(Exception):
    """Nobody wants the record any longer."""


def _exchange(
    channel: FramedChannel[RecordMessage],
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
        channel.send(TaskMessage(), msgspec.msgpack.encode(task), deadline=0.0)
    repeated(lambda deadline: channel.flush(deadline=deadline))
    return repeated(lambda deadline: channel.receive(deadline=deadline)[1])


def _start(
    function: str, folder: Path, channel: socket.socket, said: IO[bytes], *, ahead: bool
) -> subprocess.Popen[bytes]:
    variables = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    # Workers share the cores: one grading must not start as many threads as there are.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        variables.setdefault(name, "1")
    command = [sys.executable, "-m", "grader.batch.grading_process", function]
    return subprocess.Popen(
        [*command, "--ahead"] if ahead else command,
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


# ---- the process itself ----


def main(name: str, *, ahead: bool) -> None:
    """Grade the one task, send its record, and return."""
    lifeline = os.dup(0)
    # What this process starts must not hold the socket open.
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    channel = FramedChannel(lifeline, msgspec.json.Decoder(TaskMessage))
    if ahead:
        for module in _IMPORTED_AHEAD:
            importlib.import_module(module)
    seconds = _AHEAD_SECONDS if ahead else _CHANNEL_SECONDS
    try:
        _, packed = channel.receive(deadline=time.monotonic() + seconds)
    except PeerGone:
        _orphaned()
    task = msgpack_as(packed, Task)
    threading.Thread(target=_watch, args=(lifeline,), name="lifeline", daemon=True).start()
    keep_nothing_of_hypothesis()
    record = msgspec.json.encode(_function(name)(task))
    channel.send(RecordMessage(), record, deadline=time.monotonic() + _CHANNEL_SECONDS)


def _function(name: str) -> GradeFunction:
    module, _, attribute = name.partition(":")
    return cast(GradeFunction, getattr(importlib.import_module(module), attribute))


def _watch(lifeline: int) -> None:
    """Wait for the other end to close: nothing more is sent to this process."""
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    poll.poll()
    _orphaned()


def _orphaned() -> NoReturn:
    """End this process and leave nothing behind, since whoever started it is gone."""
    # The sandboxes end with this process: bubblewrap and the launcher ask the kernel for it.
    folder = os.environ.get("TMPDIR", "")
    if os.path.basename(folder).startswith("grade-task-"):
        remove_tree(Path(folder))
    os._exit(ORPHANED)


if __name__ == "__main__":
    main(sys.argv[1], ahead="--ahead" in sys.argv[2:])
    sys.stderr.flush()
    # Nothing is left to do, and no thread or exit handler may hold up the answer's end.
    os._exit(0)
