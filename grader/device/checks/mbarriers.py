"""Uses of an mbarrier that PTX does not define, and other accesses to its memory."""

from __future__ import annotations

import numpy as np

from grader.device.checks.check import LaunchCheck
from grader.device.checks.events import MBARRIER_SIZE, PAST, MemoryAccess
from grader.device.evidence import FindingKind, Space
from grader.device.lanes import Index

_ITS_OWN = ("mbarrier.", "cp.async.mbarrier.")


class MbarrierCheck(LaunchCheck):
    """Reports what PTX does not allow with an mbarrier.

    "Performing any mbarrier operation except mbarrier.init on a memory location that does not
    contain a valid mbarrier object, results in undefined behaviour", and an mbarrier "must be
    invalidated before using its memory location for any other purpose" (PTX ISA,
    ``mbarrier.inval``).
    """

    name = "mbarriers"

    def misused(self, pc: int, lanes: Index, what: str, kind: FindingKind) -> None:
        self._report(
            kind,
            pc,
            int(lanes[0]),
            what,
            count=len(lanes),
            space=Space.SHARED,
        )

    def store(self, access: MemoryAccess) -> None:
        valid = self.wave.mbarriers
        if not valid or access.region.space is not Space.SHARED:
            return
        objects = np.fromiter(valid, dtype=np.int64, count=len(valid))
        which = np.isin(np.asarray(access.at) // MBARRIER_SIZE * MBARRIER_SIZE, objects)
        instruction = access.instruction
        if not which.any() or self.watched.place(instruction.pc).opcode.startswith(_ITS_OWN):
            return
        k = int(np.argmax(which))
        address, cell, where = access.locate(k)
        self._report(
            FindingKind.MBARRIER_MISUSE,
            instruction.pc,
            int(access.lanes.index[k]),
            f"{PAST[instruction.kind]} {where}, which is part of an mbarrier",
            count=int(np.count_nonzero(which)),
            space=Space.SHARED,
            access=instruction.kind,
            address=address,
            cell=cell,
            array=access.array(k),
            size=instruction.size,
        )

    atomic = store
