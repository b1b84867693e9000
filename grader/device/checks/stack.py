"""Functions that call themselves until the stack is full."""

from __future__ import annotations

from grader.device.checks.access import Wave
from grader.device.checks.recorder import Place
from grader.device.evidence import Finding, FindingKind


def report_overflow(wave: Wave, place: Place, lane: int, count: int, calls: int) -> None:
    """``lane`` is the first of ``count`` that made one more than ``calls`` calls."""

    def make() -> Finding:
        block, thread, name = wave.who(lane)
        return Finding(
            kind=FindingKind.STACK_OVERFLOW,
            message=f"{name} ran out of stack: a function had called itself {calls:,} times "
            "without returning",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
        )

    wave.recorder.add(FindingKind.STACK_OVERFLOW, place, count, make)
