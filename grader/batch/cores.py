"""A core for each of several gradings at a time.

MAX starts a thread for every core that it may use. Gradings side by side that each use all of
them stand in each other's way: two at a time on two cores take a fifth longer than with a core
each, and one alone gains a twentieth from the second (`benchmarks.batch_throughput`).
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
from collections.abc import Iterator
from typing import Final

from grader.batch import capacity

_LEASE: Final = "\0mojo-grade/core/{}"
"""An abstract socket's name: one process has it, and it is free again when that one ends."""


@contextlib.contextmanager
def core_of_its_own() -> Iterator[int | None]:
    """Binds this thread, and the processes that it starts, to a core no other grading has.

    Holds across processes: two runs on a machine, or several workers of a cluster.

    Yields:
        The core. None where nothing is bound, since all are taken, or since cores are
        rationed as time on all of a machine's and not as cores (a container's CPU limit):
        there, others would be bound to the same.
    """
    allowed = os.sched_getaffinity(0)
    with _lease(allowed) as core:
        if core is None:
            yield None
            return
        os.sched_setaffinity(0, {core})
        try:
            yield core
        finally:
            os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def _lease(allowed: set[int]) -> Iterator[int | None]:
    if capacity.cores() < len(allowed):
        yield None
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lease:
        # In any order: in containers that share a machine each begins anew.
        for core in random.sample(sorted(allowed), len(allowed)):
            with contextlib.suppress(OSError):
                lease.bind(_LEASE.format(core))
                break
        else:
            core = None
        yield core
