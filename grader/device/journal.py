"""What a case did to the device, in order, so that it can be done again with other inputs.

Host code can compute the answer itself and have a kernel only store it. Then a kernel wrote the
output, but the device computed nothing. Two questions find that out. Did the host do the same for
other inputs? If not, does what it did for those inputs give the right answer here as well? See
`grader.device.repeat`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grader.device.addresses import Allocation
from grader.device.memory import Contents, GlobalMemory
from grader.device.simulator import DeviceModule, KernelInfo, LaunchSettings

MAX_STEPS = 131_072
MAX_BYTES = 64 << 20
"""Most bytes of data in a journal."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Memory was reserved."""

    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Freed:
    """Memory was given back."""

    address: int


@dataclass(frozen=True, slots=True)
class Wrote:
    """Bytes came from the host. Those of a module's own variables are not ``by_host``."""

    address: int
    data: bytes
    by_host: bool = True
    kept: bytes | None = None
    """For each byte, 1 where the device had made it and the copy did not change it; see
    `GlobalMemory.write`."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A memset."""

    address: int
    value: int
    width: int
    count: int


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy within the device."""

    to: int
    of: int
    size: int


@dataclass(frozen=True, slots=True)
class Read:
    """A copy to the host."""

    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Launched:
    """A kernel ran.

    Attributes:
        text: A digest of its module's text: a module that is loaded again is the same.
    """

    program: DeviceModule
    text: bytes
    kernel: KernelInfo
    arguments: Sequence[bytes]
    settings: LaunchSettings


Step = Placed | Freed | Wrote | Filled | Copied | Read | Launched


@dataclass(slots=True)
class Journal:
    """The steps of one case, and what the device held when it began."""

    before: list[tuple[Allocation, Contents | None]] = field(default_factory=list)
    """None for an allocation that nothing was written to."""
    poison: int = 0
    """What unwritten memory was read as."""
    steps: list[Step] = field(default_factory=list)
    overflown: str = ""
    """Why the journal is not complete; empty where it is."""
    unkept: str = ""
    """Why ``before`` lacks contents; empty where it has all."""
    held: int = 0
    """Bytes of data in it."""

    @classmethod
    def begin(cls, memory: GlobalMemory) -> Journal:
        """A journal that starts with what is on the device now."""
        journal = cls(poison=memory.poison)
        for allocation in memory.live():
            written = memory.is_written(allocation)
            if written and journal.held + allocation.size > MAX_BYTES:
                journal.unkept = f"the program keeps more than {MAX_BYTES >> 20} MiB on the device"
                written = False
            journal.held += allocation.size if written else 0
            journal.before.append((allocation, memory.contents(allocation) if written else None))
        return journal

    def add(self, step: Step) -> None:
        """Note a step that has been carried out."""
        size = len(step.data) if isinstance(step, Wrote) else 0
        if len(self.steps) >= MAX_STEPS:
            self.overflown = f"one call makes more than {MAX_STEPS} copies and launches"
        elif self._room(size):
            self.steps.append(step)

    def _room(self, size: int) -> bool:
        self.held += size
        if self.held > MAX_BYTES:
            self.overflown = f"more than {MAX_BYTES >> 20} MiB copied to the device in one call"
        return not self.overflown
