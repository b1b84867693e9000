"""Grades the tasks of a run on several machines, over an existing scheduler of dask.distributed.

The run itself (collecting, the database, what is written) stays where it was
started; workers get one task at a time and give back a record. On a worker, too,
each grading is a process of its own, which ends with the worker.

A grading that takes a worker down is started elsewhere, twice at most. Starts
are counted here, by what workers announce: the scheduler's own limit
(``distributed.scheduler.allowed-failures``) belongs to all who use it.

Gradings on a GPU ask for one unit of the resource ``GPU``, so that only workers
that were started with ``--resources GPU=1`` take them, one at a time for each.
"""

from __future__ import annotations

import queue
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec

from grader.batch.grading_process import GRADE, run_isolated
from grader.batch.pool import MAX_CRASHES, Event, GradingStarted, core_of_its_own
from grader.batch.task import GradingOutcome, Task
from grader.decoding import msgpack_as
from grader.errors import GraderFault, UsageError

CONNECT_SECONDS: Final = 20
_ASK_EVERY: Final = 2.0
"""Seconds between two questions of a worker whether the run was stopped."""


class ClusterPool:
    """Grades on the workers of a scheduler.

    Args:
        address: Of the scheduler, such as ``tcp://host:8786``.
        gpu: Whether gradings need a GPU.
        function: ``module:name`` of what grades.

    Raises:
        UsageError: ``distributed`` is not installed, or there is no scheduler.
    """

    def __init__(self, address: str, *, gpu: bool = False, function: str = GRADE) -> None:
        self._client = _connect(address)
        self._address = address
        self._resources = {"GPU": 1} if gpu else {}
        self._function = function
        self._run = f"mojo-grade-{uuid.uuid4().hex}"
        self._events: queue.Queue[Event | tuple[str, Any]] = queue.Queue()
        self._tasks: dict[str, Task] = {}
        self._futures: dict[str, Any] = {}
        self._starts: Counter[str] = Counter()
        self._crashes: Counter[str] = Counter()
        self._client.subscribe_topic(self._run, self._announced)

    @property
    def workers(self) -> int:
        """Threads of all workers, or their GPUs; at least one, for more may join."""
        if self._resources:
            infos = self._asked(lambda: self._client.scheduler_info(n_workers=-1))["workers"]
            offered = (info.get("resources", {}).get("GPU", 0) for info in infos.values())
            return max(1, int(sum(offered)))
        return max(1, int(sum(self._asked(self._client.nthreads).values())))

    def _asked(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (OSError, TimeoutError, RuntimeError) as error:
            raise self._gone() from error

    def submit(self, task: Task) -> None:
        """See `grader.batch.pool.Backend`."""
        self._tasks[task.program] = task
        self._send(task.program)

    def next_event(self, timeout: float) -> Event | None:
        """See `grader.batch.pool.Backend`.

        Raises:
            GraderFault: the scheduler is gone.
        """
        if self._client.status not in ("running", "connecting"):
            raise self._gone()
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(event, GradingStarted):
            return self._started(event)
        if isinstance(event, tuple):
            return self._ended(*event)
        return event

    def close(self) -> None:
        """See `grader.batch.pool.Backend`. Workers end what they still grade within seconds."""
        from distributed import Event as Flag

        try:
            if self._futures and self._client.status == "running":
                Flag(self._run, client=self._client).set()
                self._client.cancel(list(self._futures.values()), force=True)
            self._client.unsubscribe_topic(self._run)
        except (OSError, ValueError, TimeoutError):
            pass  # the scheduler has gone, and everything with it
        finally:
            self._client.close(timeout=5)

    def _send(self, program: str, *, avoid: str = "") -> None:
        others = []
        if avoid:
            known = self._asked(self._client.nthreads)
            others = [address for address in known if address != avoid]
        future = self._client.submit(
            grade_remotely,
            msgspec.msgpack.encode(self._tasks[program]),
            self._function,
            self._run,
            # A key of its own for each try: an old one would give its old answer.
            key=f"grade-{program[:16]}-{uuid.uuid4().hex[:12]}",
            pure=False,
            retries=0,
            resources=self._resources,
            # Elsewhere, but rather on the same than not at all.
            workers=others or None,
            allow_other_workers=bool(others),
        )
        self._futures[program] = future
        future.add_done_callback(lambda done: self._events.put((program, done)))

    def _announced(self, event: tuple[float, Any]) -> None:
        """A worker says that it begins. Called in the client's own thread."""
        message = event[1]
        self._events.put(GradingStarted(program=message["program"], where=message["where"]))

    def _started(self, event: GradingStarted) -> Event | None:
        if event.program not in self._futures:
            return None
        self._starts[event.program] += 1
        if self._starts[event.program] > MAX_CRASHES:
            # The scheduler would try again: the workers before this one died of it.
            self._client.cancel([self._futures[event.program]], force=True)
            return self._given_up(event.program, f"took {MAX_CRASHES} workers down")
        return event

    def _ended(self, program: str, future: Any) -> Event | None:
        current: Any = self._futures.get(program)
        if current is not future:
            return None  # of a try that was given up
        if future.status == "finished":
            outcome = msgpack_as(future.result(), GradingOutcome)
            if not outcome.crash:
                crashes = max(self._crashes[program], self._starts[program] - 1)
                self._forget(program)
                return msgspec.structs.replace(outcome, crashes=crashes)
            self._crashes[program] += 1
            if max(self._crashes[program], self._starts[program]) < MAX_CRASHES:
                self._send(program, avoid=outcome.where.rpartition(" ")[2])
                return None
            return self._given_up(program, outcome.crash)
        if future.status == "error":
            return self._given_up(program, f"failed on the cluster: {future.exception()}")
        # Neither its fault nor anybody's mark: the scheduler has gone, or forgot it.
        self._crashes[program] += 1
        if self._client.status != "running" or self._crashes[program] >= MAX_CRASHES:
            raise self._gone()
        self._send(program)
        return None

    def _gone(self) -> GraderFault:
        return GraderFault(
            f"the scheduler {self._address} does not answer any more",
            remedy="Start it again, then run the same command: what was graded is kept.",
        )

    def _given_up(self, program: str, crash: str) -> GradingOutcome:
        crashes = min(MAX_CRASHES, max(self._crashes[program], self._starts[program], 1))
        self._forget(program)
        return GradingOutcome(program=program, crash=crash, crashes=crashes)

    def _forget(self, program: str) -> None:
        future = self._futures.pop(program)
        future.release()
        del self._tasks[program]


def grade_remotely(packed: bytes, function: str, run: str) -> bytes:
    """Grade one task in a process of its own. This runs on a worker of the cluster.

    Returns:
        A `GradingOutcome`, packed; ``where`` is the machine and, last, the worker's address.
    """
    from distributed import get_worker

    task = msgpack_as(packed, Task)
    worker = get_worker()
    where = f"{socket.gethostname()} {worker.address}"
    worker.log_event(run, {"program": task.program, "where": where})
    with core_of_its_own():
        outcome = run_isolated(task, function=function, cancelled=_Stopped(run))
    return msgspec.msgpack.encode(msgspec.structs.replace(outcome, where=where))


class _Stopped:
    """Tells whether the run was stopped. Asked often, it asks the scheduler now and then."""

    def __init__(self, run: str) -> None:
        from distributed import Event as Flag
        from distributed import get_client

        self._flag: Callable[[], bool] = Flag(run, client=get_client()).is_set
        self._next = time.monotonic() + _ASK_EVERY

    def __call__(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _ASK_EVERY
        try:
            return self._flag()
        except (OSError, TimeoutError, RuntimeError):
            return False  # the scheduler is busy or gone; the worker will hear of that itself


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "--scheduler needs dask.distributed, which is not installed",
            remedy="Install it here and on all machines: pip install 'mojo-grade[cluster]'",
        ) from error
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"no scheduler answers at {address}: {error}",
            remedy="Start one with: dask scheduler; and give its address, such as tcp://host:8786.",
        ) from error
