"""What does the gradings of a run: the protocol, and the pool of processes on this machine.

The pool has a few threads, each of which watches one grading process at a time. These are threads
and processes of our own rather than `concurrent.futures`: its pool of processes is lost as a whole
when one of them crashes, and a crash of one grading must cost that grading only. There is a process
for each grading rather than one for many: what one leaves behind is gone, and half a second of
starting is little beside the twenty of a compile.

Each of several gradings at a time has a core of its own. MAX starts a thread for every core that it
may use, and gradings side by side that each use all of them are in each other's way: two at a time
on two cores take a fifth longer than with a core each, and one alone gains a twentieth from the
second (`benchmarks.batch_throughput`).
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

import msgspec

from grader import machine
from grader.batch.grading_process import CANCELLED, GRADE, run_isolated
from grader.batch.task import GradingOutcome, Task
from grader.machine import Lease

WORKER_BYTES: Final = 1_700 << 20
"""Memory of one grading: a graph compile peaks at 1.2 GB, grader and device take the rest."""
RESERVE_BYTES: Final = 512 << 20
"""Memory for the run itself, and whatever else lives on the machine."""
_ROOT: Final = Path("/")


def default_workers(*, root: Path = _ROOT) -> int:
    """As many as there are cores and memory for; at least one."""
    return max(1, min(machine.cores(root=root), memory_workers(root=root)))


def memory_workers(*, root: Path = _ROOT) -> int:
    """Gradings whose memory fits in what is free."""
    return max(0, machine.available_bytes(root=root) - RESERVE_BYTES) // WORKER_BYTES


@contextlib.contextmanager
def core_of_its_own() -> Iterator[int | None]:
    """Bind this thread, and the processes that it starts, to a core that no other grading has.

    Holds across processes: two runs on a machine, or several workers of a cluster.

    Yields:
        The core. None where nothing is bound, since all are taken, or since cores are
        rationed as time on all of a machine's and not as cores (a container's CPU limit):
        there, others would be bound to the same.
    """
    allowed = os.sched_getaffinity(0)
    with contextlib.ExitStack() as held:
        core = None if machine.cores() < len(allowed) else _take_one(allowed, held)
        if core is not None and _bind({core}):
            held.callback(_bind, allowed)
            yield core
        else:
            yield None


def _take_one(allowed: set[int], held: contextlib.ExitStack) -> int | None:
    # In any order: in containers that share a machine each begins anew.
    for core in random.sample(sorted(allowed), len(allowed)):
        lease = held.enter_context(Lease(f"core/{core}"))
        if lease.take():
            return core
    return None


def _bind(cores: set[int]) -> bool:
    """Bind this thread. Cores can be taken from a process at any time; then it has what it has."""
    try:
        os.sched_setaffinity(0, cores)
    except OSError:
        return False
    return True


MAX_CRASHES: Final = 3
"""A grading whose process ends without a record is started twice more, and then given up."""
_WAIT: Final = 0.5
"""Seconds between two chances for a Ctrl-C to be heard."""


class GradingStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The grading of a program has started."""

    program: str
    where: str = ""


Event = GradingStarted | GradingOutcome


class Backend(Protocol):
    """What does the gradings. Used from one thread."""

    @property
    def workers(self) -> int:
        """How many gradings run at a time, as far as is known now."""

    def submit(self, task: Task) -> None:
        """Have a task graded; its outcome comes out of `next_event` once."""

    def next_event(self, timeout: float) -> Event | None:
        """What happened next; None if nothing did for ``timeout`` seconds."""

    def close(self) -> None:
        """End everything that still runs, and wait for its end."""


def work_off(backend: Backend, tasks: Iterable[Task]) -> Iterator[Event]:
    """Have all tasks graded; the events of it, in order.

    No more tasks are taken than keep everybody busy, so a hundred thousand of
    them need not be in memory.
    """
    waiting = iter(tasks)
    open_tasks = 0
    more = True
    while more or open_tasks:
        while more and open_tasks < 2 * backend.workers + 2:
            task = next(waiting, None)
            if task is None:
                more = False
            else:
                backend.submit(task)
                open_tasks += 1
        if not open_tasks:
            return
        event = backend.next_event(_WAIT)
        if isinstance(event, GradingOutcome):
            open_tasks -= 1
        if event is not None:
            yield event


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
        """See `grader.batch.pool.Backend`."""
        self._tasks.put(task)

    def next_event(self, timeout: float) -> Event | None:
        """See `grader.batch.pool.Backend`."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """See `grader.batch.pool.Backend`."""
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
