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
    wave: Wave,
    place: Place,
    lane: int,
    other: int,
    other_line: int,
    count: int,
    *,
    one_warp: bool,
) -> None:
    """Two lanes of one warp, or of one block, passed the same barrier at different instructions."""
    group = "warp" if one_warp else "block"

    def make() -> Finding:
        block, thread, name = wave.who(lane)
        other_block, other_thread, other_name = wave.who(other)
        who = f"{name} and {other_name.rpartition(' of block ')[0]}"
        return Finding(
            kind=FindingKind.BARRIER_DIVERGENCE,
            message=f"{who}, which are in one {group}, "
            f"met at different barriers (the other one is on PTX line {other_line}); "
            f"all threads of a {group} must reach the same barrier",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
            other_block=other_block,
            other_thread=other_thread,
            other_ptx_line=other_line,
        )

    wave.recorder.add(FindingKind.BARRIER_DIVERGENCE, place, count, make)


def report_exited(wave: Wave, place: Place, gone: int, lane: int, count: int) -> None:
    """``gone`` is the first of ``count`` lanes that had ended when ``lane`` passed a barrier."""

    def make() -> Finding:
        block, thread, name = wave.who(gone)
        other_block, other_thread, other_name = wave.who(lane)
        return Finding(
            kind=FindingKind.EXITED_BEFORE_BARRIER,
            message=f"{name} had ended before a barrier that "
            f"{other_name.rpartition(' of block ')[0]} passed",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
            other_block=other_block,
            other_thread=other_thread,
        )

    wave.recorder.add(FindingKind.EXITED_BEFORE_BARRIER, place, count, make)
