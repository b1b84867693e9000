"""The pool on this machine: a few threads, each watching one grading process at a time.

Threads and processes of our own rather than `concurrent.futures`: its pool of
processes is lost as a whole when one of them crashes, and a crash of one
grading must cost that grading only. A process for each grading rather than one
for many: what one leaves behind is gone, and half a second of starting is
little beside the twenty of a compile.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

import msgspec

from grader.batch.backend import MAX_CRASHES, Event, GradingStarted
from grader.batch.cores import core_of_its_own
from grader.batch.isolated import CANCELLED, GRADE, run_isolated
from grader.batch.task import GradingOutcome, Task


class LocalPool:
    """Grades on this machine.

    Args:
        workers: How many gradings at a time.
        function: ``module:name`` of what grades.
    """

    def __init__(self, workers: int, *, function: str = GRADE) -> None:
        self._workers = workers
        self._function = function
        self._tasks: queue.Queue[Task | None] = queue.Queue()
        self._events: queue.Queue[Event] = queue.Queue()
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, name=f"grading-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def workers(self) -> int:
        """How many gradings run at a time."""
        return self._workers

    def submit(self, task: Task) -> None:
        """See `grader.batch.backend.Backend`."""
        self._tasks.put(task)

    def next_event(self, timeout: float) -> Event | None:
        """See `grader.batch.backend.Backend`."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """See `grader.batch.backend.Backend`."""
        self._closing.set()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None and not self._closing.is_set():
            self._events.put(GradingStarted(program=task.program))
            with core_of_its_own() if self._workers > 1 else contextlib.nullcontext():
                outcome = run_with_retries(
                    task, function=self._function, cancelled=self._closing.is_set
                )
            self._events.put(outcome)


def run_with_retries(
    task: Task, *, function: str, cancelled: Callable[[], bool], crashes: int = 0
) -> GradingOutcome:
    """Grade a task; a process that ends without a record is started twice more at most."""
    while True:
        try:
            outcome = run_isolated(task, function=function, cancelled=cancelled)
        except Exception as error:
            # No temporary folder, no file descriptors left: the machine's trouble, told as such.
            outcome = GradingOutcome(program=task.program, crash=f"could not be started: {error}")
        if not outcome.crash:
            return msgspec.structs.replace(outcome, crashes=crashes)
        crashes += 1
        if crashes >= MAX_CRASHES or outcome.crash == CANCELLED:
            return msgspec.structs.replace(outcome, crashes=crashes)
