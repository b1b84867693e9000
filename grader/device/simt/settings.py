"""What a launch is given besides its kernel: limits and switches."""

from __future__ import annotations

from dataclasses import dataclass

from grader.device.evidence import Dim3

MAX_THREADS_PER_BLOCK = 1024
MAX_BLOCK: Dim3 = (1024, 1024, 64)
MAX_GRID: Dim3 = (2**31 - 1, 65535, 65535)
SHARED_BYTES_DEFAULT = 49152
"""Shared memory a block may use without asking for more, in bytes."""
SHARED_BYTES_OPT_IN = 166912
"""Shared memory a block may use after ``cuFuncSetAttribute``, in bytes (compute capability 8.0)."""

PRINT_LIMIT = 65536
"""Characters of ``vprintf`` output that are kept of one launch."""

SIGNALLING_NAN = 0x7FA5A5A5
"""The default fill of memory that nobody wrote: a signalling NaN as a float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on the work of one launch.

    A launch that passes a budget of instructions is called endless, on every machine alike.
    Passing the wall clock says something of this machine and this simulator only: such a launch
    could not be checked.
    """

    instruction_budget: int = 2_000_000_000
    """Instructions, summed over threads."""
    per_thread: int = 0
    """Where a launch has so many threads that the budget is less than this for each, it is this."""
    thread_budget: int = 10_000_000
    """Instructions of any one thread."""
    wall_clock_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Which checks watch a launch. A memory fault ends the launch whether it is watched or not."""

    bounds: bool = True
    uninitialised: bool = True
    races: bool = True
    barriers: bool = True

    @classmethod
    def none(cls) -> Checks:
        """Every check off."""
        return cls(bounds=False, uninitialised=False, races=False, barriers=False)
