"""Accesses outside of any variable or buffer, and misaligned ones."""

from __future__ import annotations

from grader.device.checks.check import LaunchCheck
from grader.device.checks.events import PAST, FaultyAccess
from grader.device.evidence import FindingKind


class BoundsCheck(LaunchCheck):
    """Says where a memory fault happened. The interpreter ends the launch."""

    name = "bounds"

    def outside(self, access: FaultyAccess) -> None:
        address, cell, where = access.region.locate(access.offset, access.instruction.size)
        array, _, _ = access.region.named(access.offset, access.instruction.size)
        kind = FindingKind.OUT_OF_BOUNDS
        self._tell(kind, access, where, address=address, cell=cell, array=array)

    def misaligned(self, access: FaultyAccess) -> None:
        address, _, _ = access.region.locate(access.offset, 1)
        size = access.instruction.size * access.instruction.elements
        what = (
            f"{size} bytes of {access.space} memory at {address:#x}, "
            f"which is not a multiple of {size}"
        )
        self._tell(FindingKind.MISALIGNED, access, what, address=address)

    def _tell(
        self,
        kind: FindingKind,
        access: FaultyAccess,
        what: str,
        *,
        address: int,
        cell: int | None = None,
        array: str = "",
    ) -> None:
        instruction = access.instruction
        self._report(
            kind,
            instruction.pc,
            int(access.lanes[0]),
            f"{PAST[instruction.kind]} {what}",
            count=len(access.lanes),
            space=access.space,
            access=instruction.kind,
            address=address,
            cell=cell,
            array=array,
            size=instruction.size * instruction.elements,
        )
