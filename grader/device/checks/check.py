"""What a check is, and from the interpreter to the checks: who is told of which event.

The interpreter tells events and knows no check by name. A check has a method for each event that
it wants; see `LaunchCheck`. It only reports: a memory fault ends a launch whether it is watched
or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from grader.device.checks.events import (
    BarrierPassed,
    FaultyAccess,
    MemoryAccess,
    PhaseArrival,
    StrongAccess,
    Touches,
    Watched,
    Wave,
)
from grader.device.evidence import Dim3, Finding, FindingKind, Space
from grader.device.lanes import Index, Lanes, Mask


class LaunchCheck:
    """Watches one launch. A subclass with a ``name`` in a module of this folder is in use.

    Each method is an event; the interpreter tells a check of those that it defines, and a check
    that defines few costs little.

    Args:
        watched: The launch.

    Attributes:
        name: By which it is switched off (`CaseSetup.without`).
        wave: The blocks in flight.
    """

    name: ClassVar[str] = ""
    wave: Wave

    def __init__(self, watched: Watched) -> None:
        self.watched = watched

    # The launch

    def refused(self, why: str) -> None:
        """A GPU would not start this launch."""

    def missing(self, pc: int, function: str) -> None:
        """The kernel calls a function that no GPU has: a GPU would not load it."""

    def begin(self, wave: Wave) -> None:
        """Other blocks begin."""

    def exceeded(self, pc: int, lane: int, limit: str) -> None:
        """The launch was stopped at a limit, such as ``1,000 instructions of one thread``."""

    # Memory. The first three come before memory changes, one for each element

    def load(self, access: MemoryAccess) -> None:
        """Lanes read memory. Parameters of functions are registers, and not told."""

    def store(self, access: MemoryAccess) -> None:
        """Lanes write memory."""

    def atomic(self, access: MemoryAccess) -> None:
        """Lanes update memory."""

    def unwritten(self, access: MemoryAccess, which: Mask) -> None:
        """Some of the lanes read bytes that nothing had written."""

    def outside(self, access: FaultyAccess) -> None:
        """An access does not lie within one variable or buffer."""

    def misaligned(self, access: FaultyAccess) -> None:
        """An address is no multiple of the access size."""

    def copying(self, access: MemoryAccess) -> None:
        """Lanes begin an asynchronous copy. It was told as a store, whose bytes arrive later."""

    def arrived(self, access: MemoryAccess) -> None:
        """What lanes copied asynchronously is there now."""

    # Order

    def waited(self, lanes: Index) -> None:
        """Lanes have waited for copies of their own, which have arrived."""

    def phase_arrival(self, arrival: PhaseArrival) -> None:
        """Lanes, or their copies, have arrived at an mbarrier or the barrier of a cluster."""

    def phase_passed(self, phase: int, lanes: Index, *, acquire: bool) -> None:
        """Lanes saw that a phase of such a barrier is complete."""

    def cluster_barrier(self, lanes: Index, places: Index) -> None:
        """All threads of clusters have arrived at their barrier, each at a program counter."""

    def uneven(self, pc: int, lanes: Index, what: str) -> None:
        """Lanes arrive and wait at the barrier of their cluster in an order that is undefined.

        ``what`` is a verb and its object.
        """

    def remote(self, access: MemoryAccess, blocks: Index) -> None:
        """Lanes access the shared memory of blocks of their cluster, by their place in the wave.

        Their own may be among them. It is told as a load, store or atomic afterwards.
        """

    def misused(self, pc: int, lanes: Index, what: str, kind: FindingKind) -> None:
        """Lanes use an mbarrier as PTX does not allow. ``what`` is a verb and its object."""

    def strong(self, access: StrongAccess) -> None:
        """A strong load, store or atomic was made."""

    def fence(self, lanes: Index, *, device: bool) -> None:
        """Lanes passed a fence, for all of the device or their own block."""

    def barrier(self, passed: BarrierPassed) -> None:
        """Threads passed a barrier of their block."""

    def warp_barrier(self, lanes: Index) -> None:
        """Threads passed a barrier of their warps."""

    def run(self, pc: int, count: int, lanes: Lanes) -> None:
        """Lanes run so many instructions, one after the other, from ``pc`` on."""

    def split(self, pc: int, yes: Lanes, no: Lanes) -> None:
        """Of lanes that came together, some do what the guarded instruction says, others pass."""

    def inactive_lane(self, pc: int, lanes: Index, sources: Index) -> None:
        """Lanes took a value of lanes of their warp, by number, that are not at the shuffle."""

    def incomplete(self, pc: int, lanes: Index, present: int) -> None:
        """Lanes are at an instruction of a whole warp, with ``present`` threads of theirs."""

    def stuck(self, lanes: Index, places: Index) -> None:
        """These lanes wait, each at a program counter, and nobody is left who could come."""

    # Control

    def call(self, pc: int, function: str, lanes: Lanes) -> None:
        """Lanes call a function of the module."""

    def overflow(self, pc: int, lanes: Lanes, calls: int) -> None:
        """Lanes have no stack left for one more than ``calls`` calls."""

    def trap(self, pc: int, lanes: Lanes, what: str) -> None:
        """Lanes stop the launch. ``what`` says why: a verb in the past and its object."""

    def exit(self, lanes: Lanes) -> None:
        """Threads have ended."""

    # Reports

    def _who(self, lane: int) -> tuple[Dim3, Dim3, str]:
        """The block and thread behind a lane, and both in words."""
        block, thread = divmod(lane, self.wave.threads)
        return self.watched.recorder.who(self.wave.first_block + block, thread)

    def _report(
        self,
        kind: FindingKind,
        pc: int,
        lane: int,
        did: str,
        *,
        count: int = 1,
        space: Space | None = None,
        access: str | None = None,
        touches: Touches | None = None,
        **facts: Any,
    ) -> None:
        """Report what a thread did, and ``count`` with it.

        Args:
            kind: Of the finding.
            pc: Of the instruction.
            lane: The first that did it.
            did: A verb and its object; the sentence begins with the thread.
            count: How many did it.
            space: The memory that it concerns, where there is any.
            access: The kind of access.
            touches: The first occurrences one by one.
            facts: Other fields of the finding.
        """

        def make() -> Finding:
            block, thread, name = self._who(lane)
            return Finding(
                kind=kind,
                message=f"{name} {did}",
                kernel=self.watched.recorder.kernel,
                block=block,
                thread=thread,
                space=space,
                access=access,
                **facts,
            )

        self.watched.recorder.add(
            kind,
            self.watched.place(pc),
            count,
            make,
            space=space,
            access=access,
            touches=touches,
        )


CheckTypes = tuple[type[LaunchCheck], ...]


class Observers:
    """The checks of one launch: for each event, the methods of those that want it.

    The interpreter calls each of them. Of most events nobody wants to know, and then it does
    not even describe them.

    Args:
        checks: The checks.
        watched: The launch.

    Attributes:
        accesses: `LaunchCheck.load`, `store` and `atomic`, by the kind of access.
    """

    refused: Sequence[Callable[[str], None]]
    missing: Sequence[Callable[[int, str], None]]
    exceeded: Sequence[Callable[[int, int, str], None]]
    load: Sequence[Callable[[MemoryAccess], None]]
    store: Sequence[Callable[[MemoryAccess], None]]
    atomic: Sequence[Callable[[MemoryAccess], None]]
    unwritten: Sequence[Callable[[MemoryAccess, Mask], None]]
    outside: Sequence[Callable[[FaultyAccess], None]]
    misaligned: Sequence[Callable[[FaultyAccess], None]]
    copying: Sequence[Callable[[MemoryAccess], None]]
    arrived: Sequence[Callable[[MemoryAccess], None]]
    waited: Sequence[Callable[[Index], None]]
    phase_arrival: Sequence[Callable[[PhaseArrival], None]]
    phase_passed: Sequence[Callable[..., None]]
    cluster_barrier: Sequence[Callable[[Index, Index], None]]
    uneven: Sequence[Callable[[int, Index, str], None]]
    remote: Sequence[Callable[[MemoryAccess, Index], None]]
    misused: Sequence[Callable[[int, Index, str, FindingKind], None]]
    strong: Sequence[Callable[[StrongAccess], None]]
    fence: Sequence[Callable[..., None]]
    barrier: Sequence[Callable[[BarrierPassed], None]]
    warp_barrier: Sequence[Callable[[Index], None]]
    run: Sequence[Callable[[int, int, Lanes], None]]
    split: Sequence[Callable[[int, Lanes, Lanes], None]]
    inactive_lane: Sequence[Callable[[int, Index, Index], None]]
    incomplete: Sequence[Callable[[int, Index, int], None]]
    stuck: Sequence[Callable[[Index, Index], None]]
    call: Sequence[Callable[[int, str, Lanes], None]]
    overflow: Sequence[Callable[[int, Lanes, int], None]]
    trap: Sequence[Callable[[int, Lanes, str], None]]
    exit: Sequence[Callable[[Lanes], None]]

    def __init__(self, checks: CheckTypes, watched: Watched) -> None:
        self._checks = [check(watched) for check in checks]
        for event, wanted in _listeners(checks).items():
            setattr(self, event, [getattr(self._checks[k], event) for k in wanted])
        self.accesses = {"read": self.load, "write": self.store, "atomic": self.atomic}

    def begin(self, wave: Wave) -> None:
        """Other blocks begin."""
        for check in self._checks:
            check.wave = wave
            check.begin(wave)


EVENTS = tuple(
    name
    for name, value in vars(LaunchCheck).items()
    if callable(value) and not name.startswith("_")
)
"""The names of all events."""


def listens(checks: CheckTypes, event: str) -> bool:
    """Whether any of the checks wants to know of an event."""
    return bool(_listeners(checks)[event])


@lru_cache(maxsize=64)
def _listeners(checks: CheckTypes) -> dict[str, tuple[int, ...]]:
    """For each event, which of the checks define it."""

    def defines(check: Any, event: str) -> bool:
        return getattr(check, event) is not getattr(LaunchCheck, event)

    return {
        event: tuple(k for k, check in enumerate(checks) if defines(check, event))
        for event in EVENTS
        if event != "begin"
    }
