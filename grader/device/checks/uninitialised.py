"""Reads of memory that nothing wrote before."""

from __future__ import annotations

from grader.device.checks.access import Access, Index, Wave
from grader.device.evidence import Finding, FindingKind, Space


def report_unwritten(
    access: Access,
    wave: Wave,
    lanes: Index,
    *,
    space: Space,
    address: int,
    cell: int | None,
    where: str,
) -> None:
    """The first of ``lanes`` read ``where``, and none of them found it written."""

    def make() -> Finding:
        block, thread, name = wave.who(int(lanes[0]))
        return Finding(
            kind=FindingKind.UNINITIALISED_READ,
            message=f"{name} read {where}, which nothing had written",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
            space=space,
            access=access.kind,
            address=address,
            cell=cell,
            size=access.size,
        )

    wave.recorder.add(
        FindingKind.UNINITIALISED_READ,
        access.place,
        len(lanes),
        make,
        space=space,
        access=access.kind,
    )
