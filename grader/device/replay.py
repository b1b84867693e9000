"""Do again what a case did to the device, with other inputs and without the host.

A program whose kernels compute the answer gives the right answer for the other
inputs too. One whose host code computes it, and hands it over in a copy or in
the arguments of a launch, gives the old answer again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from grader.device.addresses import Allocation, HostAccessError, OutOfDeviceMemory
from grader.device.journal import Copied, Filled, Journal, Launched, Placed, Read, Step, Wrote
from grader.device.memory import GlobalMemory
from grader.errors import GradeError

MAX_SECONDS = 25.0
"""For all steps together."""
Substitute = tuple[bytes, bytes]
"""An input as it was copied to the device, and what to copy in its place."""


class NotReplayable(Exception):
    """The case can't be done again; the message says why."""


def replay(
    journal: Journal, memory: GlobalMemory, substitutes: Sequence[Substitute], *, copy: int
) -> bytes:
    """The bytes that a copy to the host brings when the case is done again.

    The device is afterwards as it was before.

    Args:
        journal: The case.
        memory: The memory that it ran on.
        substitutes: The inputs to exchange.
        copy: Which copy to the host: 1 for the last of the case, 2 for the one before it.

    Raises:
        NotReplayable: The journal is not complete, or a step can't be done again.
    """
    if journal.overflown:
        raise NotReplayable(journal.overflown)
    reads = [step for step in journal.steps if isinstance(step, Read)]
    if not 1 <= copy <= len(reads):
        raise NotReplayable("there is no such copy to the host")
    now = [
        (allocation, memory.contents(allocation) if memory.is_written(allocation) else None)
        for allocation in memory.live()
    ]
    placed: list[Allocation] = []
    try:
        _prepare(journal, memory, placed)
        return _steps(journal.steps, memory, dict(substitutes), wanted=reads[-copy])
    except (HostAccessError, OutOfDeviceMemory, GradeError) as error:
        raise NotReplayable(f"a step can't be done again: {error}") from error
    finally:
        for allocation in placed:
            memory.free(allocation.address)
        for allocation, contents in now:
            memory.restore(allocation, contents)


def _prepare(journal: Journal, memory: GlobalMemory, placed: list[Allocation]) -> None:
    """Reserve again what has been freed since, and restore what the device held."""
    wanted = [(allocation.address, allocation.size) for allocation, _ in journal.before]
    wanted += [(s.address, s.size) for s in journal.steps if isinstance(s, Placed)]
    before = {allocation.address: contents for allocation, contents in journal.before}
    for address, size in dict.fromkeys(wanted):
        found = memory.find(address)
        if found is None:
            found = memory.place(address, size)
            placed.append(found)
        elif (found.address, found.size) != (address, size):
            raise NotReplayable("memory was reserved twice at one address")
        memory.restore(found, before.get(address))


def _steps(
    steps: Sequence[Step], memory: GlobalMemory, substitutes: dict[bytes, bytes], *, wanted: Read
) -> bytes:
    deadline = time.monotonic() + MAX_SECONDS
    for step in steps:
        if time.monotonic() > deadline:
            raise NotReplayable(f"it takes more than {MAX_SECONDS:.0f} s with other inputs")
        match step:
            case Wrote(address, data, by_host, kept):
                memory.write(address, substitutes.get(data, data) if by_host else data, kept)
            case Filled(address, value, width, count):
                memory.memset(address, value, width, count)
            case Copied(to, of, size):
                memory.copy(to, of, size)
            case Launched(program, kernel, arguments, settings):
                if program.launch(kernel, arguments, memory, settings).result:
                    raise NotReplayable(f"the kernel {kernel.name} fails with other inputs")
            case Read() if step is wanted:
                return memory.read(step.address, step.size)
    raise NotReplayable("there is no such copy to the host")
