"""Kernels that stop themselves."""

from __future__ import annotations

from grader.device.checks.access import Wave
from grader.device.checks.recorder import Place
from grader.device.evidence import Finding, FindingKind


def report_trap(wave: Wave, place: Place, lane: int, count: int, what: str) -> None:
    """``lane`` was the first of ``count`` to do ``what``, a verb and its object."""

    def make() -> Finding:
        block, thread, name = wave.who(lane)
        return Finding(
            kind=FindingKind.TRAP,
            message=f"{name} {what}",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
        )

    wave.recorder.add(FindingKind.TRAP, place, count, make)
