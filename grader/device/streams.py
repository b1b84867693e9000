"""Which work is ordered with which: streams, events, and the waits of the host.

The device does everything at once and in the order of the calls. A GPU does not:
what lies on different streams runs at the same time, unless something makes the one
wait for the other. So each operation gets a vector clock, and two operations that
touch the same bytes, at least one of them writing, race where neither clock knows of
the other. Which call orders what stands in ``docs/device.md`` with NVIDIA's sentences.

What a program does on one stream alone is always ordered, and nothing is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from grader.device.addresses import BASE_ADDRESS, Allocation
from grader.device.checks.history import (
    NOTHING,
    Clash,
    Shadow,
    Touched,
    clashes,
    may_wait,
    of_ranges,
)
from grader.device.evidence import EvidenceLog, FindingKind
from grader.device.memory import GlobalMemory

LEGACY: Final = 0
"""The default stream: work on it waits for all blocking streams, and they for it."""
PER_THREAD: Final = 2
PREDEFINED: Final = {0: LEGACY, 1: LEGACY, PER_THREAD: PER_THREAD}
"""Handles that need no creation."""
NON_BLOCKING: Final = 1
"""``CU_STREAM_NON_BLOCKING``: work on the default stream does not wait for this one."""

MOST_UNDER_WAY = 8192
"""Most operations at a time that the host has not waited for."""
MOST_COMPARISONS = 100_000
"""Most comparisons of two operations in one case."""
MOST_LOOKED_AT = 1 << 30
"""Most bytes of device memory that are searched for what kernels touched, in one case."""
_HOST = 1 << 62
"""Where the host's pinned memory begins, in the numbers that `Touched` counts by."""

Clock = dict[int, int]
"""How many operations of each stream are known to be over."""


@dataclass(slots=True, eq=False)
class Stream:
    """A stream, and what is over before the next operation on it begins."""

    number: int
    blocking: bool = True
    clock: Clock = field(default_factory=dict)
    operations: int = 0
    destroyed: bool = False


@dataclass(slots=True, eq=False)
class StreamEvent:
    """A point in a stream, once it is recorded."""

    recorded: float | None = None
    """Seconds of the monotonic clock."""
    timed: bool = True
    clock: Clock | None = None


@dataclass(slots=True, eq=False)
class StreamWork:
    """Something that a stream was given to do.

    Attributes:
        what: In words, such as ``a memset``.
        place: Its number in its stream, from 1.
        age: Its number on the device.
        touched: None for a launch that was not looked at yet.
        first_event: Of a launch: the first of its events.
    """

    what: str
    kernel: str
    stream: Stream
    place: int
    age: int
    touched: Touched | None
    first_event: int = 0


class Streams:
    """The order of one worker's work.

    Args:
        memory: The device's.
        log: What is found goes there. The device sets another one for each case.
    """

    def __init__(self, memory: GlobalMemory, log: EvidenceLog) -> None:
        self.log = log
        self._memory = memory
        self._host: Clock = {}
        self._legacy = Stream(LEGACY)
        self._known = {LEGACY: self._legacy, PER_THREAD: Stream(PER_THREAD)}
        self._under_way: dict[int, list[StreamWork]] = {}
        self._count = 0
        self._age = 0
        self._born: dict[int, int] = {}
        self._unsure = ""
        self._graph: Stream | None = None
        self._comparisons = 0
        self._looked_at = 0

    def begin_case(self, log: EvidenceLog) -> None:
        """Start a case. Work that is under way stays so.

        The first stream that the case uses is taken for the graph's.
        """
        self.log = log
        self._graph = None
        self._comparisons = self._looked_at = 0
        gone = [n for n, s in self._known.items() if s.destroyed and n not in self._under_way]
        for number in gone:
            del self._known[number]
            for clock in (self._host, *(stream.clock for stream in self._known.values())):
                clock.pop(number, None)

    def created(self, stream: Stream, number: int, flags: int) -> None:
        """Note a new stream."""
        stream.number, stream.blocking = number, not flags & NON_BLOCKING
        self._known[number] = stream

    def predefined(self, handle: int) -> Stream:
        """A stream that needs no creation."""
        return self._known[PREDEFINED[handle]]

    def unsure(self, why: str) -> None:
        """Note that from here on it is not certain which work waits for which."""
        self._unsure = self._unsure or why

    # What orders

    def recorded(self, event: StreamEvent, stream: Stream) -> None:
        """``cuEventRecord``: the event stands for all work that the stream was given so far."""
        self._joined(stream)
        event.clock = dict(stream.clock)

    @staticmethod
    def waits(stream: Stream, event: StreamEvent) -> None:
        """``cuStreamWaitEvent``: later work on the stream waits for the event."""
        if event.clock is not None:
            _join(stream.clock, event.clock)

    def host_waited(self, *clocks: Clock | None) -> None:
        """Note that the host has waited for this work."""
        for clock in clocks:
            if clock is not None:
                _join(self._host, clock)
        for number, operations in list(self._under_way.items()):
            over = self._host.get(number, 0)
            left = [each for each in operations if each.place > over]
            self._count -= len(operations) - len(left)
            if left:
                self._under_way[number] = left
            else:
                del self._under_way[number]

    def host_waited_for(self, stream: Stream) -> None:
        """``cuStreamSynchronize``, or a query that said that all is done."""
        if stream is self._legacy:
            self._joined(stream)
        self.host_waited(stream.clock)

    def host_waited_for_all(self) -> None:
        """``cuCtxSynchronize``."""
        self.host_waited(*(stream.clock for stream in self._known.values()))

    # What is ordered

    def begin(self, stream: Stream) -> None:
        """An operation begins. The device does operations in the order of these calls."""
        self._graph = self._graph or stream
        if stream.number == PER_THREAD:
            self.unsure("the program uses the default stream of a thread")
        self._joined(stream)
        if self._others(stream):
            self._look()

    def done(self, stream: Stream, what: str, touched: Touched, *, keep: bool = True) -> None:
        """The operation that was begun was carried out.

        Args:
            keep: Whether what comes later can touch the same memory.
        """
        self._add(stream, StreamWork(what, "", stream, 0, 0, touched), keep=keep)

    def launched(self, stream: Stream, kernel: str, first_event: int) -> None:
        """A kernel ran. What it touched is looked at only if there is work on another stream."""
        operation = StreamWork("a kernel", kernel, stream, 0, 0, None, first_event)
        if self._others(stream):
            self._look_at([operation])
        self._add(stream, operation)

    def reserved(self, address: int) -> None:
        """Memory was reserved. What used these addresses before does not concern it."""
        self._born[address] = self._age

    def freed(self, allocation: Allocation, stream: Stream | None) -> None:
        """Memory is about to be given back, as work of a stream or by a call that none orders."""
        whole = of_ranges(written=[(allocation.start, allocation.stop)])
        if stream is not None:
            self.begin(stream)
            self.done(stream, "a return of memory", whole, keep=False)
        elif len(self._under_way) > 1:
            self._look()
            self._note_use(whole)
        self._born.pop(allocation.address, None)

    def _note_use(self, whole: Touched) -> None:
        for operations in self._under_way.values():
            for each in operations:
                if self._clashes(each, whole) is not None:
                    self.log.unchecked(
                        f"{each.what} on {self._name(each.stream)} may still use memory "
                        "that is given back, and nothing waits for it"
                    )
                    return

    def _joined(self, stream: Stream) -> None:
        """Add to a stream's clock what its next operation waits for besides its own stream."""
        if stream is self._legacy:
            for each in self._known.values():
                if each.blocking:
                    _join(stream.clock, each.clock)
        elif stream.blocking:
            _join(stream.clock, self._legacy.clock)
        _join(stream.clock, self._host)

    def _others(self, stream: Stream) -> bool:
        """Whether other streams have work under way."""
        return len(self._under_way) > (stream.number in self._under_way)

    def _add(self, stream: Stream, operation: StreamWork, *, keep: bool = True) -> None:
        stream.operations += 1
        self._age += 1
        operation.place, operation.age = stream.operations, self._age
        stream.clock[stream.number] = stream.operations
        if operation.touched is not None and self._others(stream):
            self._compare(operation)
        if keep:
            self._under_way.setdefault(stream.number, []).append(operation)
            self._count += 1
        if self._count > MOST_UNDER_WAY:
            self._give_up("too much work is under way at once")

    def _give_up(self, why: str) -> None:
        """Forget all that is under way; its order is not known from here on."""
        self.unsure(why)
        self._under_way = {n: operations[-1:] for n, operations in self._under_way.items()}
        self._count = len(self._under_way)

    # Who touches the same memory

    def _compare(self, operation: StreamWork) -> None:
        if self._unsure:
            self.log.unchecked(
                f"which work on different streams waits for which can't be told: {self._unsure}"
            )
            return
        assert operation.touched is not None
        clock = operation.stream.clock
        for number, operations in self._under_way.items():
            if number == operation.stream.number:
                continue
            for other in reversed(operations):
                if other.place <= clock.get(number, 0):
                    break
                self._comparisons += 1
                if self._comparisons > MOST_COMPARISONS:
                    self._give_up("too much of it was under way at once")
                    self._compare(operation)
                    return
                found = self._clashes(other, operation.touched)
                if found is not None:
                    self._tell(other, operation, found)

    def _clashes(self, other: StreamWork, touched: Touched) -> Clash | None:
        """Where two operations touch the same bytes of one allocation, or None."""
        if other.touched is None:
            return None
        for found in clashes(other.touched, touched):
            allocation = self._memory.before(found.start) if found.start < _HOST else None
            if allocation is None or self._born.get(allocation.address, 0) < other.age:
                return found
        return None

    def _tell(self, first: StreamWork, second: StreamWork, found: Clash) -> None:
        one, two = self._names(first, second)
        assert first.touched is not None
        assert second.touched is not None
        if may_wait(first.touched, second.touched):
            self.log.unchecked(f"{one} and {two} may wait for each other by atomic accesses")
            return
        host = found.start >= _HOST
        self.log.finding(
            FindingKind.STREAM_RACE,
            f"{two} {_DID[found.second_writes]} memory{' of the host' if host else ''} that "
            f"{one} {_DID[found.first_writes]}, and nothing makes the one wait for the other",
            address=found.start - _HOST if host else found.start + BASE_ADDRESS,
            size=found.stop - found.start,
            kernel=second.kernel or first.kernel,
        )

    def _names(self, first: StreamWork, second: StreamWork) -> tuple[str, str]:
        one, two = self._name(first.stream), self._name(second.stream)
        two = two if one != two else two.replace("a stream", "another stream")
        what = second.what
        if what == first.what:
            what = f"another {what.partition(' ')[2]}"
        return f"{first.what} on {one}", f"{what} on {two}"

    def _name(self, stream: Stream) -> str:
        if stream is self._graph:
            return "the graph's stream"
        return "the default stream" if stream is self._legacy else "a stream of its own"

    # What kernels touch

    def _look(self) -> None:
        """Look at all launches that were not looked at."""
        self._look_at(
            each
            for operations in self._under_way.values()
            for each in operations
            if each.touched is None
        )

    def _look_at(self, launches: Iterator[StreamWork] | list[StreamWork]) -> None:
        waiting = sorted(launches, key=lambda each: each.first_event)
        if not waiting:
            return
        self._looked_at += self._memory.allocated_bytes
        if self._looked_at > MOST_LOOKED_AT:
            self.unsure("its kernels run in too much memory to look at all of it")
        found = None
        if not self._unsure:
            shadow = self._memory.kept(Shadow)
            found = shadow.touched(self._memory, [each.first_event for each in waiting])
        if found is None:
            self.unsure("what its kernels touched is not known any more")
            found = [NOTHING] * len(waiting)
        for each, touched in zip(waiting, found, strict=True):
            each.touched = touched


_DID = {True: "writes", False: "reads"}


def _join(clock: Clock, other: Clock) -> None:
    for number, place in other.items():
        if clock.get(number, 0) < place:
            clock[number] = place


def device_range(address: int, size: int) -> tuple[int, int]:
    """Bytes of device memory, as `Touched` counts them."""
    return address - BASE_ADDRESS, address - BASE_ADDRESS + size


def host_range(address: int, size: int) -> list[tuple[int, int]]:
    """Bytes of the host's pinned memory; none where ``address`` is 0."""
    start = _HOST + (address & (1 << 60) - 1)
    return [(start, start + size)] if address else []
