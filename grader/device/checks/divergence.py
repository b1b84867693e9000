"""Barriers that threads of a block reach in different ways, or never."""

from __future__ import annotations

from grader.device.checks.access import Wave
from grader.device.checks.recorder import Place
from grader.device.evidence import Finding, FindingKind


def report_stuck(
    wave: Wave, place: Place, lane: int, other: tuple[int, int] | None, count: int
) -> None:
    """``lane`` waits for ever; ``other`` is a lane of its block and the line where it waits."""

    def make() -> Finding:
        block, thread, name = wave.who(lane)
        message = f"{name} waits for other threads that never arrive"
        other_block = other_thread = None
        if other is not None:
            other_block, other_thread, other_name = wave.who(other[0])
            message = (
                f"{name} waits at a barrier for {other_name.rpartition(' of block ')[0]}, "
                f"which waits at another one (PTX line {other[1]})"
            )
        return Finding(
            kind=FindingKind.BARRIER_DIVERGENCE,
            message=message,
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
            other_block=other_block,
            other_thread=other_thread,
            other_ptx_line=other[1] if other else None,
        )

    wave.recorder.add(FindingKind.BARRIER_DIVERGENCE, place, count, make)


def report_mixed(
    wave: Wave, place: Place, lane: int, other: int, other_line: int, count: int
) -> None:
    """Two lanes of one warp passed the same barrier at different instructions."""

    def make() -> Finding:
        block, thread, name = wave.who(lane)
        other_block, other_thread, other_name = wave.who(other)
        return Finding(
            kind=FindingKind.BARRIER_DIVERGENCE,
            message=f"{name} and {other_name.rpartition(' of block ')[0]}, which are in one warp, "
            f"met at different barriers (the other one is on PTX line {other_line}); "
            "all threads of a warp must reach the same barrier",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
            other_block=other_block,
            other_thread=other_thread,
            other_ptx_line=other_line,
        )

    wave.recorder.add(FindingKind.BARRIER_DIVERGENCE, place, count, make)
