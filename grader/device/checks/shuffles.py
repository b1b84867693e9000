"""Shuffles that take a value from a lane that is not there."""

from __future__ import annotations

from grader.device.checks.check import LaunchCheck
from grader.device.evidence import FindingKind
from grader.device.lanes import Index


class ShuffleCheck(LaunchCheck):
    """Reports values that a shuffle takes from a lane without a thread at it.

    "Note that results are undefined if a thread sources a register from an inactive thread or a
    thread that is not in membermask" (PTX ISA, ``shfl.sync``): a block of eight threads has no
    lane 8, and a thread that has ended or is elsewhere gives nothing.
    """

    name = "shuffles"

    def inactive_lane(self, pc: int, lanes: Index, sources: Index) -> None:
        self._report(
            FindingKind.INACTIVE_LANE,
            pc,
            int(lanes[0]),
            f"took a value from lane {sources[0]} of its warp, where no thread is at this shuffle",
            count=len(lanes),
        )
