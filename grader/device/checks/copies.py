"""Cells that an asynchronous copy has not reached yet, and that somebody uses."""

from __future__ import annotations

import numpy as np

from grader.device.checks.check import LaunchCheck
from grader.device.checks.events import PAST, MemoryAccess, Wave
from grader.device.evidence import FindingKind, Space
from grader.device.lanes import LANE_BITS, LANE_MASK, Index

_WORD = 4
"""Bytes of shared memory that are looked at together: a copy has a multiple of them."""


class CopyCheck(LaunchCheck):
    """Reports uses of shared memory to which a copy is under way.

    "There is no ordering guarantee between" such copies and other accesses until somebody waits:
    the thread itself by ``cp.async.wait_group`` or ``wait_all``, or others by an mbarrier that
    tracks the copy (PTX ISA, ``cp.async``, "Asynchronous operations"). A barrier of the block is
    not enough. Neither may a second copy begin to the same cell.
    """

    name = "copies"

    def begin(self, wave: Wave) -> None:
        self._under_way: Index | None = None
        """For each word, who copies to it and where in the code; 0 where nobody does."""

    def copying(self, access: MemoryAccess) -> None:
        if self._under_way is None:
            self._under_way = np.zeros(-(-self.wave.shared_bytes // _WORD), dtype=np.int64)
        who = access.lanes.index + (access.instruction.pc + 1 << LANE_BITS)
        self._under_way[access.at // _WORD] = who

    def arrived(self, access: MemoryAccess) -> None:
        if self._under_way is not None:
            self._under_way[access.at // _WORD] = 0

    def load(self, access: MemoryAccess) -> None:
        if self._under_way is None or access.region.space is not Space.SHARED:
            return
        first = np.broadcast_to(np.asarray(access.at // _WORD), (access.lanes.count,))
        who = self._under_way[first]
        if access.instruction.size > _WORD:
            who = np.maximum(who, self._under_way[first + 1])
        which = who != 0
        if which.any():
            k = int(np.argmax(which))
            self._tell(access, k, int(who[k]), int(np.count_nonzero(which)))

    store = load
    atomic = load

    def _tell(self, access: MemoryAccess, k: int, who: int, count: int) -> None:
        address, cell, where = access.locate(k)
        lane, copier = int(access.lanes.index[k]), who & LANE_MASK
        copy = self.watched.place((who >> LANE_BITS) - 1)
        block, thread, name = self._who(copier)
        by = "it" if lane == copier else name
        self._report(
            FindingKind.UNFINISHED_COPY,
            access.instruction.pc,
            lane,
            f"{PAST[access.instruction.kind]} {where}, to which {by} copies asynchronously; "
            "nobody has waited for that copy",
            count=count,
            space=access.region.space,
            access=access.instruction.kind,
            address=address,
            cell=cell,
            array=access.array(k),
            size=access.instruction.size,
            other_block=block,
            other_thread=thread,
            other_access="write",
            other_ptx_line=copy.line,
            other_source=copy.source,
        )
