"""Kernels that do not end."""

from __future__ import annotations

from grader.device.checks.access import Wave
from grader.device.checks.recorder import Place
from grader.device.evidence import Finding, FindingKind


def report_exceeded(wave: Wave, place: Place, lane: int, *, instructions: int | None) -> None:
    """The launch was stopped while ``lane`` was running.

    Args:
        instructions: The budget that was used up; None where it was the time.
    """

    def make() -> Finding:
        block, thread, name = wave.who(lane)
        limit = "the time limit" if instructions is None else f"{instructions:,} instructions"
        return Finding(
            kind=FindingKind.BUDGET_EXCEEDED,
            message=f"the kernel was stopped after {limit}; {name} was still running",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
        )

    wave.recorder.add(FindingKind.BUDGET_EXCEEDED, place, 1, make)
