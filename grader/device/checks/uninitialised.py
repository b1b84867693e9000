"""Reads of memory that nothing wrote before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.device.checks.check import LaunchCheck
from grader.device.checks.events import MemoryAccess
from grader.device.evidence import FindingKind, Space, Touch
from grader.device.lanes import Mask


class UninitialisedCheck(LaunchCheck):
    """Reports reads of global, shared and local memory that nothing wrote."""

    name = "uninitialised"

    def unwritten(self, access: MemoryAccess, which: Mask) -> None:
        space = access.space
        if space is Space.LOCAL and self.watched.heap:
            # What is moved with a String or List holds bytes that nobody wrote, and nobody uses.
            return
        lanes = access.lanes.index[which]
        first = int(np.argmax(which))
        address, cell, where = access.locate(first)
        where = where if str(space) in where else f"{where} in {space} memory"
        block = self.wave.block == self.wave.block[lanes[0]]
        pending = space is Space.SHARED and self.wave.copying(block)
        size = access.instruction.size

        def touches(most: int) -> Iterator[Touch]:
            for k, lane in zip(np.flatnonzero(which)[:most], lanes, strict=False):
                block, thread, _ = self._who(int(lane))
                yield Touch(block, thread, *access.region.element(access.offset(int(k)), size))

        self._report(
            FindingKind.UNINITIALISED_READ,
            access.instruction.pc,
            int(lanes[0]),
            f"read {where}, which nothing had written"
            + ("; its block has not waited for all asynchronous copies" if pending else ""),
            count=len(lanes),
            space=space,
            access=access.instruction.kind,
            address=address,
            cell=cell,
            array=access.array(first),
            size=size,
            touches=touches if space is Space.SHARED else None,
        )
