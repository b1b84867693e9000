"""How a case is run: what memory holds, in which order threads run, how far a launch may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from grader.device import schedules
from grader.device.evidence import Dim3

SIGNALLING_NAN = 0x7FA5A5A5
"""The default content of memory that nobody wrote: a signalling NaN as a float32."""

InputPairs = Sequence[tuple[bytes, bytes]]
"""Each input as it was copied to the device in one case, and in another one, or instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchLimits:
    """Bounds on the work of one launch.

    A launch that passes a budget of instructions is called endless, on every machine alike.
    Passing a limit of time says something of this machine and this simulator only: such a launch
    could not be checked. What counts is the time of a processor, so that a launch gets through its
    instructions on a busy machine as well; the clock on the wall ends one that gets none.
    """

    instruction_budget: int = 2_000_000_000
    """Instructions, summed over threads."""
    per_thread: int = 0
    """Where a launch has so many threads that the budget is less than this for each, it is this."""
    thread_budget: int = 10_000_000
    """Instructions of any one thread."""
    processor_s: float = 20.0
    wall_clock_s: float = 200.0


class CaseSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What `SoftwareDevice.begin_case` is given.

    Raises:
        ValueError: A fill is no 32-bit pattern, or there is no such schedule.
    """

    poison: int = SIGNALLING_NAN
    """32-bit pattern that global memory reads as where nothing was written."""
    shared_fill: int = SIGNALLING_NAN
    """The same for shared and local memory."""
    schedule: int = schedules.PLAIN
    """The order in which blocks and threads run: `grader.device.schedules`."""
    without: frozenset[str] = frozenset()
    """Names of the checks that do not watch; docs/device.md lists them."""
    limits: LaunchLimits = LaunchLimits()
    """Bounds on each launch."""
    rewind: bool = False
    """Whether addresses that were freed are handed out again at once, as on a GPU. Else that takes
    long, so that the use of a stale pointer is found."""
    names: tuple[str, ...] = ()
    """What the first allocations of the case are called in what is found, in their order."""
    repeatable: bool = False
    """Whether `SoftwareDevice.keep`, `compare` and `repeat` may follow."""
    traced: Dim3 | None = None
    """A block of which every access is kept (`Launch.trace`), as far as there is room."""
    profiled: bool = False
    """Whether it is counted what each instruction costs (`Launch.profile`)."""

    def __post_init__(self) -> None:
        for name, value in (("poison", self.poison), ("shared_fill", self.shared_fill)):
            if not 0 <= value < 1 << 32:
                raise ValueError(f"{name} is {value}, which is no 32-bit pattern")
        if not 0 <= self.schedule < schedules.MOST + schedules.FIRST_AHEAD:
            raise ValueError(f"there is no schedule {self.schedule}")
