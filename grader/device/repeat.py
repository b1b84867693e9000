"""A case done again, with other inputs and without the host.

`difference` says whether the host did the same in two cases with different inputs. If so, the
kernels got nothing from the host by which to tell the cases apart, except for the inputs, and the
host had no part in their results. Two buffers count as the same where both are the n-th that their
case reserved, whatever their addresses.

`Exchange` puts other inputs in the place of a case's own. Inputs are recognised by their position:
the worker copies them to the device before anything else in a case. Host code may also read inputs
back and pass single values on, in the arguments of a launch or within a copy. Where a value of one
input always corresponds to the same value of the other, it is exchanged there too, also as float64.

`repeat` does the case again. A program whose kernels compute the answer gives the right answer for
the other inputs too. One whose host code computes it, and hands it over in a copy or in the
arguments of a launch, gives the old answer again.
"""

from __future__ import annotations

import time
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import HostAccessError, OutOfDeviceMemory
from grader.device.case import InputPairs
from grader.device.evidence import Launch
from grader.device.journal import Copied, Filled, Freed, Journal, Launched, Placed, Read, Wrote
from grader.device.memory import GlobalMemory
from grader.device.simulator import DeviceModule, LaunchSettings
from grader.errors import GradeError


class NotRepeatable(Exception):
    """The case can't be done again; the message says why."""


class Exchange:
    """Exchanges the inputs of a case for others.

    Args:
        journal: The case.
        pairs: Its inputs, in the order in which they were copied, with the others.
        moved: Whether to exchange them also where the host moved them.

    Attributes:
        inputs: The others, by the number of the step that copied the case's own.

    Raises:
        NotRepeatable: The journal is not complete, or the case did not begin with copies of
            its inputs.
    """

    def __init__(self, journal: Journal, pairs: InputPairs, *, moved: bool = True) -> None:
        if journal.overflown:
            raise NotRepeatable(journal.overflown)
        self.inputs = {
            number: to
            for number, (_, to) in zip(_copies_of_inputs(journal, pairs), pairs, strict=True)
        }
        known = pairs if moved else ()
        old, new = _words([own for own, _ in known]), _words([to for _, to in known])
        # Zeros and the smallest numbers look like counts and sizes: nobody can tell.
        normal = old & np.uint32(0x7F800000) != 0
        old, new = old[normal], new[normal]
        self._words = _ValueTable(old, new)
        self._wide = _ValueTable(_as_float64(old), _as_float64(new))

    def moved(self, data: bytes) -> bytes:
        """The data that the host would have passed on, had it been given the other inputs."""
        result = np.frombuffer(data, dtype=np.uint8).copy()
        for table, width in ((self._words, 4), (self._wide, 8)):
            whole = len(data) // width * width
            old: NDArray[np.unsignedinteger[Any]] = np.frombuffer(data[:whole], dtype=f"<u{width}")
            table.exchange(old, result[:whole].view(old.dtype))
        return result.tobytes()


class _ValueTable:
    """Values and their replacements."""

    def __init__(
        self, old: NDArray[np.unsignedinteger[Any]], new: NDArray[np.unsignedinteger[Any]]
    ) -> None:
        pairs = np.unique(np.stack([old, new], axis=1), axis=0)
        values, counts = np.unique(pairs[:, 0], return_counts=True)
        certain = np.isin(pairs[:, 0], values[counts == 1])
        self._old, self._new = pairs[certain, 0].copy(), pairs[certain, 1].copy()

    def exchange(
        self, old: NDArray[np.unsignedinteger[Any]], result: NDArray[np.unsignedinteger[Any]]
    ) -> None:
        """Put the new values into ``result`` where ``old`` holds known ones."""
        if not len(self._old) or not len(old):
            return
        places = np.minimum(np.searchsorted(self._old, old), len(self._old) - 1)
        known = self._old[places] == old
        result[known] = self._new[places[known]]


def _copies_of_inputs(journal: Journal, pairs: InputPairs) -> list[int]:
    copies = [
        (number, step.data)
        for number, step in enumerate(journal.steps)
        if isinstance(step, Wrote) and step.by_host
    ][: len(pairs)]
    if [data for _, data in copies] != [own for own, _ in pairs]:
        raise NotRepeatable("the call does not begin with copies of its inputs to the device")
    return [number for number, _ in copies]


def _words(arrays: Sequence[bytes]) -> NDArray[np.uint32]:
    data = b"".join(arrays)
    return np.array(memoryview(data[: len(data) // 4 * 4]).cast("I"), dtype=np.uint32)


def _as_float64(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    with np.errstate(invalid="ignore"):
        return words.view(np.float32).astype(np.float64).view(np.uint64)


_WORD = 8
"""Bytes of an address."""


def difference(first: Journal, second: Journal, pairs: InputPairs) -> str:
    """The first difference in what the host did in the second case; empty where there is none.

    Args:
        first: A case.
        second: Another one.
        pairs: The inputs of the first, each with that of the second.

    Raises:
        NotRepeatable: A journal is not complete, or does not begin with the inputs.
    """
    exchange = Exchange(first, pairs)
    Exchange(second, [(own, own) for _, own in pairs])  # it begins with its inputs as well
    told = _told(second, None)
    for number, what in enumerate(_told(first, exchange), start=1):
        other = next(told, None)
        if other != what:
            return f"in step {number}, {what[0]}"
    return "in how many steps there are" if next(told, None) is not None else ""


_What = tuple[object, ...]


def _told(journal: Journal, exchange: Exchange | None) -> Iterator[_What]:
    """Each step as values to compare, without what differs by chance from one call to the next."""
    places = _BufferNames(journal)
    inputs = exchange.inputs if exchange is not None else {}
    for number, step in enumerate(journal.steps):
        match step:
            case Placed(address, size):
                places.add(address, size)
                yield ("memory is reserved", size)
            case Freed(address):
                places.remove(address)  # Python may give a buffer back at any time
            case Wrote(address, data, True, kept):
                if exchange is not None:
                    data = inputs[number] if number in inputs else exchange.moved(data)
                yield ("a copy to the device", places.name(address), _without(data, kept), kept)
            case Wrote():
                pass  # the module's text tells
            case Filled(address, value, width, count):
                yield ("a memset", places.name(address), value, width, count)
            case Copied(to, of, size):
                yield ("a copy on the device", places.name(to), places.name(of), size)
            case Read(address, size):
                yield ("a copy to the host", places.name(address), size)
            case Launched():
                yield _told_launch(step, places, exchange)


def _without(data: bytes, kept: bytes | None) -> bytes:
    """What the host wrote, with zeros where it only brought back what the device had made."""
    if kept is None:
        return data
    return bytes(0 if same else byte for byte, same in zip(data, kept, strict=True))


def _told_launch(step: Launched, places: _BufferNames, exchange: Exchange | None) -> _What:
    arguments: list[object] = []
    for raw in step.arguments:
        data = bytearray(raw)
        for start in range(0, len(data) - _WORD + 1, _WORD):
            value = int.from_bytes(data[start : start + _WORD], "little")
            name = places.name(value)
            if name != value:
                arguments.append((start, name))
                data[start : start + _WORD] = bytes(_WORD)
        arguments.append(exchange.moved(bytes(data)) if exchange is not None else bytes(data))
    how = step.settings
    shape = (how.grid, how.block, how.cluster, how.dynamic_shared_bytes, how.dynamic_shared_limit)
    return (f"the launch of {step.kernel.name}", step.text, *shape, *arguments)


class _BufferNames:
    """Names for the buffers of a case, by the order in which they were reserved."""

    def __init__(self, journal: Journal) -> None:
        self._starts: list[int] = []
        self._known: dict[int, tuple[object, int]] = {}
        self._count = 0
        for allocation, _ in journal.before:
            self._add(allocation.address, allocation.size, ("kept", allocation.address))

    def add(self, address: int, size: int) -> None:
        """Name a buffer that is reserved."""
        self._count += 1
        self._add(address, size, self._count)

    def remove(self, address: int) -> None:
        """Forget the name of a buffer that is given back."""
        if self._known.pop(address, None) is not None:
            self._starts.remove(address)

    def name(self, address: int) -> object:
        """The buffer and the offset in it; the address itself where that is in no buffer."""
        place = bisect_right(self._starts, address)
        if place:
            start = self._starts[place - 1]
            label, size = self._known[start]
            if address <= start + size:
                return (label, address - start)
        return address

    def _add(self, address: int, size: int, label: object) -> None:
        insort(self._starts, address)
        self._known[address] = (label, size)


MAX_SECONDS = 25.0
"""Most seconds for all steps together."""


@dataclass(frozen=True, slots=True)
class RepeatedCase:
    """The result of a case that was done again.

    Attributes:
        data: The bytes that the copy to the host brought; None where a kernel failed.
        launches: The launches before it.
    """

    data: bytes | None
    launches: tuple[Launch, ...]


def repeat(
    journal: Journal,
    exchange: Exchange,
    memory: GlobalMemory,
    *,
    copy: int,
    like: Journal,
) -> RepeatedCase:
    """Do a case again.

    Args:
        journal: The case.
        exchange: Other inputs for it.
        memory: An empty memory, of the size that the case had.
        copy: Which copy to the host is asked for: 1 for the last of the case, 2 for the one
            before it.
        like: The case whose checks, limits and fills hold.

    Raises:
        NotRepeatable: What the device held before is not known, or a step can't be done again.
    """
    if journal.unkept:
        raise NotRepeatable(journal.unkept)
    reads = [number for number, step in enumerate(journal.steps) if isinstance(step, Read)]
    if not 1 <= copy <= len(reads):
        raise NotRepeatable("there is no such copy to the host")
    memory.poison = like.poison
    settings = next((step.settings for step in like.steps if isinstance(step, Launched)), None)
    run = _Repetition(journal, exchange, memory, settings)
    try:
        return run.until(reads[-copy])
    except (HostAccessError, OutOfDeviceMemory, GradeError) as error:
        raise NotRepeatable(f"a step can't be done again: {error}") from error


class _Repetition:
    """A case that is being done again."""

    def __init__(
        self,
        journal: Journal,
        exchange: Exchange,
        memory: GlobalMemory,
        like: LaunchSettings | None,
    ) -> None:
        self._journal = journal
        self._exchange = exchange
        self._memory = memory
        self._like = like
        self._programs: dict[int, DeviceModule] = {}
        self._launches: list[Launch] = []

    def until(self, wanted: int) -> RepeatedCase:
        """Do all steps before the copy to the host that is asked for. Returns what that copies."""
        memory = self._memory
        for allocation, contents in self._journal.before:
            memory.restore(memory.place(allocation.address, allocation.size), contents)
        deadline = time.monotonic() + MAX_SECONDS
        for number in range(wanted):
            if time.monotonic() > deadline:
                raise NotRepeatable(f"to do it again takes more than {MAX_SECONDS:.0f} s")
            if self._failed(number):
                return RepeatedCase(None, tuple(self._launches))
        read = self._journal.steps[wanted]
        assert isinstance(read, Read)
        return RepeatedCase(memory.read(read.address, read.size), tuple(self._launches))

    def _failed(self, number: int) -> bool:
        """Do one step; returns True where it is a launch that failed."""
        memory, exchange = self._memory, self._exchange
        match self._journal.steps[number]:
            case Placed(address, size):
                memory.place(address, size)
            case Freed(address):
                memory.free(address)
            case Wrote(address, data, by_host, kept):
                if number in exchange.inputs:
                    data = exchange.inputs[number]
                elif by_host:
                    data = exchange.moved(data)
                memory.write(address, data, kept)
            case Filled(address, value, width, count):
                memory.memset(address, value, width, count)
            case Copied(to, of, size):
                memory.copy(to, of, size)
            case Read():
                pass
            case Launched() as step:
                return self._launch(step)
        return False

    def _launch(self, step: Launched) -> bool:
        program = self._programs.get(id(step.program))
        if program is None:
            program = self._programs[id(step.program)] = step.program.on(self._memory)
        own = step.settings
        settings = replace(
            self._like or own,
            grid=own.grid,
            block=own.block,
            dynamic_shared_bytes=own.dynamic_shared_bytes,
            dynamic_shared_limit=own.dynamic_shared_limit,
            index=own.index,
            cluster=own.cluster,
            cluster_limit=own.cluster_limit,
        )
        arguments = [self._exchange.moved(argument) for argument in step.arguments]
        launch = program.launch(step.kernel, arguments, self._memory, settings)
        self._launches.append(launch)
        return bool(launch.result)
