"""A core for each of several gradings at a time.

MAX starts a thread for every core that it may use. Gradings side by side that each use all of
them stand in each other's way: two at a time on two cores take a fifth longer than with a core
each, and one alone gains a twentieth from the second (`benchmarks.batch_throughput`).
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator

from grader import machine
from grader.lease import Lease


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
