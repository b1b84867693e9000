"""Accesses outside of any variable or buffer, and misaligned ones."""

from __future__ import annotations

from grader.device.checks.access import PAST, Access, Index, Wave
from grader.device.evidence import Finding, FindingKind, Space


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

    def make() -> Finding:
        block, thread, name = wave.who(int(lanes[0]))
        return Finding(
            kind=FindingKind.OUT_OF_BOUNDS,
            message=f"{name} {PAST[access.kind]} {where}",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
            space=space,
            access=access.kind,
            address=address,
            cell=cell,
            size=access.size * access.elements,
        )

    wave.recorder.add(
        FindingKind.OUT_OF_BOUNDS,
        access.place,
        len(lanes),
        make,
        space=space,
        access=access.kind,
    )


def report_misaligned(
    access: Access, wave: Wave, lanes: Index, *, space: Space, address: int
) -> None:
    """The first of ``lanes`` used ``address``, which is no multiple of the access size."""
    size = access.size * access.elements

    def make() -> Finding:
        block, thread, name = wave.who(int(lanes[0]))
        return Finding(
            kind=FindingKind.MISALIGNED,
            message=f"{name} {PAST[access.kind]} {size} bytes of {space} memory at {address:#x}, "
            f"which is not a multiple of {size}",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
            space=space,
            access=access.kind,
            address=address,
            size=size,
        )

    wave.recorder.add(
        FindingKind.MISALIGNED, access.place, len(lanes), make, space=space, access=access.kind
    )
