"""What the checks are told of a memory instruction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.device.checks.recorder import Place, Recorder, Touches
from grader.device.evidence import Dim3, Finding, FindingKind, Space

Index = NDArray[np.int64]

PAST = {"read": "read", "write": "wrote", "atomic": "updated atomically"}


@dataclass(frozen=True, slots=True)
class Access:
    """One memory instruction.

    Attributes:
        place: Where it is.
        kind: ``"read"``, ``"write"`` or ``"atomic"``.
        size: Bytes of one element, and
        elements: how many each thread accesses.
        strong: Whether it may race with other strong accesses (atomic, volatile, relaxed).
    """

    place: Place
    pc: int
    kind: str
    size: int
    elements: int = 1
    strong: bool = False


@dataclass(slots=True)
class Wave:
    """The blocks in flight.

    Attributes:
        first_block: Linear index of the first.
        threads: Threads of a block.
    """

    recorder: Recorder
    first_block: int
    threads: int

    def who(self, lane: int) -> tuple[Dim3, Dim3, str]:
        """The thread behind a lane."""
        block, thread = divmod(lane, self.threads)
        return self.recorder.who(self.first_block + block, thread)

    def line_of(self, pc: int) -> int | None:
        """The PTX line of a program counter, where known."""
        return None


def report(
    kind: FindingKind,
    access: Access,
    wave: Wave,
    lanes: Index,
    *,
    did: str,
    space: Space,
    address: int,
    cell: int | None = None,
    size: int,
    touches: Touches | None = None,
) -> None:
    """One finding for an instruction: the first of ``lanes`` did it, and the others as well.

    Args:
        kind: Of the finding.
        access: The instruction.
        wave: The blocks in flight.
        lanes: Who did it.
        did: A verb in the past and its object; the sentence begins with the thread.
        space: The memory's, with the address and, where there is one, the cell of the first.
        size: Bytes that it concerns.
        touches: Each of ``lanes`` with its cell.
    """

    def make() -> Finding:
        block, thread, name = wave.who(int(lanes[0]))
        return Finding(
            kind=kind,
            message=f"{name} {did}",
            kernel=wave.recorder.kernel,
            block=block,
            thread=thread,
            space=space,
            access=access.kind,
            address=address,
            cell=cell,
            size=size,
        )

    wave.recorder.add(
        kind, access.place, len(lanes), make, space=space, access=access.kind, touches=touches
    )
