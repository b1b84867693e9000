"""Instructions of a whole warp that some of its threads do not reach."""

from __future__ import annotations

from grader.device.checks.check import LaunchCheck
from grader.device.cuda import WARP
from grader.device.evidence import FindingKind
from grader.device.lanes import Index


class WarpCheck(LaunchCheck):
    """Reports ``mma``, ``ldmatrix`` and ``stmatrix`` in a warp that is not complete.

    They "should only be used if it is known that all threads in the warp evaluate the condition
    identically, otherwise behavior is undefined" (PTX ISA, ``mma``). A block of 16 threads has no
    whole warp; threads that have ended or are elsewhere leave one incomplete.
    """

    name = "warps"

    def incomplete(self, pc: int, lanes: Index, present: int) -> None:
        opcode = self.watched.place(pc).opcode
        self._report(
            FindingKind.INCOMPLETE_WARP,
            pc,
            int(lanes[0]),
            f"did {opcode.partition('.')[0]} in a warp of which {present} of {WARP} threads were "
            "there",
            count=len(lanes),
        )
