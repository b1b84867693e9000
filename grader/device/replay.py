"""Do again what a case did to the device, with other inputs and without the host.

A program whose kernels compute the answer gives the right answer for the other
inputs too. One whose host code computes it, and hands it over in a copy or in
the arguments of a launch, gives the old answer again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from grader.device.addresses import HostAccessError, OutOfDeviceMemory
from grader.device.evidence import Launch
from grader.device.exchange import Exchange, NotReplayable
from grader.device.journal import Copied, Filled, Freed, Journal, Launched, Placed, Read, Wrote
from grader.device.memory import GlobalMemory
from grader.device.simulator import DeviceModule, LaunchSettings
from grader.errors import GradeError

MAX_SECONDS = 25.0
"""Most seconds for all steps together."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a case that was done again.

    Attributes:
        data: The bytes that the copy to the host brought; None where a kernel failed.
        launches: The launches before it.
    """

    data: bytes | None
    launches: tuple[Launch, ...]


def replay(
    journal: Journal,
    exchange: Exchange,
    memory: GlobalMemory,
    *,
    copy: int,
    like: Journal,
) -> Replayed:
    """Do a case again.

    Args:
        journal: The case.
        exchange: Other inputs for it.
        memory: An empty memory, of the size that the case had.
        copy: Which copy to the host is asked for: 1 for the last of the case, 2 for the one
            before it.
        like: The case whose checks, limits and fills hold.

    Raises:
        NotReplayable: What the device held before is not known, or a step can't be done again.
    """
    if journal.unkept:
        raise NotReplayable(journal.unkept)
    reads = [number for number, step in enumerate(journal.steps) if isinstance(step, Read)]
    if not 1 <= copy <= len(reads):
        raise NotReplayable("there is no such copy to the host")
    memory.poison = like.poison
    settings = next((step.settings for step in like.steps if isinstance(step, Launched)), None)
    run = _Replay(journal, exchange, memory, settings)
    try:
        return run.until(reads[-copy])
    except (HostAccessError, OutOfDeviceMemory, GradeError) as error:
        raise NotReplayable(f"a step can't be done again: {error}") from error


class _Replay:
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

    def until(self, wanted: int) -> Replayed:
        """Do all steps before the copy to the host that is asked for. Returns what that copies."""
        memory = self._memory
        for allocation, contents in self._journal.before:
            memory.restore(memory.place(allocation.address, allocation.size), contents)
        deadline = time.monotonic() + MAX_SECONDS
        for number in range(wanted):
            if time.monotonic() > deadline:
                raise NotReplayable(f"to do it again takes more than {MAX_SECONDS:.0f} s")
            if self._failed(number):
                return Replayed(None, tuple(self._launches))
        read = self._journal.steps[wanted]
        assert isinstance(read, Read)
        return Replayed(memory.read(read.address, read.size), tuple(self._launches))

    def _failed(self, number: int) -> bool:
        """Do one step. True where it is a launch that failed."""
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
        )
        arguments = [self._exchange.moved(argument) for argument in step.arguments]
        launch = program.launch(step.kernel, arguments, self._memory, settings)
        self._launches.append(launch)
        return bool(launch.result)
