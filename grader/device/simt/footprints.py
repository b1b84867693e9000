"""What launches read and wrote in global memory, from the race check's shadow.

The shadow keeps who accessed a cell last. That is enough for launches that follow
each other on one stream: what is ordered with the last of them is with all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from grader.device.addresses import AddressSpace
from grader.device.checks.order import LANE_BITS
from grader.device.checks.races import Cells
from grader.device.touched import Ranges, Touched, merged, of_cells

_ROLES = {"read": "read1", "written": "write", "watched": "watch1", "updated": "update1"}
"""Of `Touched`, the role in `Cells` that has the last access."""


def touched(memory: AddressSpace, shadows: Iterable[Cells], firsts: Sequence[int]) -> list[Touched]:
    """What each launch touched and no later one after it.

    Args:
        memory: Only what is allocated now is looked at.
        shadows: One for each size of cells.
        firsts: The number of each launch's first event, in order.
    """
    found: list[dict[str, list[Ranges]]] = [{kind: [] for kind in _ROLES} for _ in firsts]
    starts = np.array(firsts, dtype=np.int64) << LANE_BITS
    for cells in shadows:
        for kind, role in _ROLES.items():
            if not cells.has(role):
                continue
            stamps = cells.role(role)
            for allocation in memory.live():
                start = allocation.start // cells.granule
                part = stamps[start : -(-allocation.stop // cells.granule)]
                recent = np.flatnonzero(part >= starts[0])
                launches = np.searchsorted(starts, part[recent], side="right") - 1
                for launch in np.unique(launches).tolist():
                    at = recent[launches == launch] + start
                    found[launch][kind].append(of_cells(at, cells.granule))
    return [Touched(**{kind: merged(parts) for kind, parts in each.items()}) for each in found]
