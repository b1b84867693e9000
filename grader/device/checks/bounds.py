"""Accesses outside of any variable or buffer, and misaligned ones."""

from __future__ import annotations

from grader.device.checks.access import PAST, Access, Index, Wave, report
from grader.device.evidence import FindingKind, Space


def report_outside(
    access: Access,
    wave: Wave,
    lanes: Index,
    *,
    space: Space,
    address: int,
    cell: int | None,
    where: str,
) -> None:
    """The first of ``lanes`` accessed ``where``, and none of them stayed inside."""
    report(
        FindingKind.OUT_OF_BOUNDS,
        access,
        wave,
        lanes,
        did=f"{PAST[access.kind]} {where}",
        space=space,
        address=address,
        cell=cell,
        size=access.size * access.elements,
    )


def report_misaligned(
    access: Access, wave: Wave, lanes: Index, *, space: Space, address: int
) -> None:
    """The first of ``lanes`` used ``address``, which is no multiple of the access size."""
    size = access.size * access.elements
    report(
        FindingKind.MISALIGNED,
        access,
        wave,
        lanes,
        did=f"{PAST[access.kind]} {size} bytes of {space} memory at {address:#x}, "
        f"which is not a multiple of {size}",
        space=space,
        address=address,
        size=size,
    )
