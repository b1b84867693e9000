"""What a case did to the device, in order, so that it can be done again with other inputs.

The host code of a submission can work the answer out itself and let a kernel
hand it over: then a kernel did write the output, and still the device computed
nothing. What tells the two apart is whether the host did the same for other
inputs (`grader.device.exchange`), and if not, whether what it did for those gives
the right answer here as well (`grader.device.replay`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grader.device.addresses import Allocation
from grader.device.memory import Contents, GlobalMemory
from grader.device.simulator import DeviceModule, KernelInfo, LaunchSettings

MAX_STEPS = 131_072
MAX_BYTES = 64 << 20
"""Of all data that a journal holds."""


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
    """Which of them the device had made, and came back as they were: see `GlobalMemory.write`."""


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
    """What memory that nobody wrote was read as."""
    steps: list[Step] = field(default_factory=list)
    overflown: str = ""
    """Why it is not complete, where it is not."""
    unkept: str = ""
    """Why it does not say what the device held when it began, where it does not."""
    held: int = 0
    """Bytes of data that it holds."""

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
