"""What does the gradings: a pool on this machine, or a cluster. Both look the same from here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import msgspec

from grader.batch.task import GradingOutcome, Task

MAX_CRASHES: Final = 3
"""A grading whose process ends without a record is started twice more, and then given up."""
_WAIT: Final = 0.5
"""Seconds between two chances for a Ctrl-C to be heard."""


class GradingStarted(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody works on a program now."""

    program: str
    where: str = ""


Event = GradingStarted | GradingOutcome


class Backend(Protocol):
    """Somebody who grades. Used from one thread."""

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
    """Have all tasks graded, and hear what happens.

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
