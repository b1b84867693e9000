"""Kernels that do not end."""

from __future__ import annotations

from grader.device.checks.access import Wave
from grader.device.checks.recorder import Place
from grader.device.evidence import Finding, FindingKind


def report_exceeded(wave: Wave, place: Place, lane: int, *, limit: str) -> None:
    """The launch was stopped while ``lane`` was running.

    Args:
        limit: The budget that was used up, e.g. ``1,000 instructions of one thread``.
    """

    def make() -> Finding:
        block, thread, name = wave.who(lane)
        return Finding(
            kind=FindingKind.BUDGET_EXCEEDED,
            message=f"the kernel was stopped after {limit}; {name} was still running",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
        )

    wave.recorder.add(FindingKind.BUDGET_EXCEEDED, place, 1, make)
