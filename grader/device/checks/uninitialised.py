"""Reads of memory that nothing wrote before."""

from __future__ import annotations

from grader.device.checks.access import Access, Index, Wave, report
from grader.device.checks.recorder import Touches
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
    copies_under_way: bool,
    touches: Touches | None,
) -> None:
    """The first of ``lanes`` read ``where``, and none of them found it written.

    Args:
        copies_under_way: Whether threads of the block have begun asynchronous copies that they
            have not waited for: what is missing may be among them.
        touches: Each of ``lanes`` with its cell.
    """
    report(
        FindingKind.UNINITIALISED_READ,
        access,
        wave,
        lanes,
        did=f"read {where}, which nothing had written"
        + ("; its block has not waited for all asynchronous copies" if copies_under_way else ""),
        space=space,
        address=address,
        cell=cell,
        size=access.size,
        touches=touches,
    )
