"""Reads of memory that nothing wrote before."""

from __future__ import annotations

from grader.device.checks.access import Access, Index, Wave, report
from grader.device.evidence import FindingKind, Space


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
    report(
        FindingKind.UNINITIALISED_READ,
        access,
        wave,
        lanes,
        did=f"read {where}, which nothing had written",
        space=space,
        address=address,
        cell=cell,
        size=access.size,
    )
