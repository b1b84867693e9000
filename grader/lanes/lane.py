"""What a lane does: run a case of a submission, do it again, renew its process.

How it is prepared differs: `GraphLane.prepare` compiles in its worker; a `KernelLane` and a
`HarnessLane` are given what `kernel_build` has compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grader.device import Compared, Dim3, Launch, schedules
from grader.model.cases import Case, CaseRun
from grader.record import DeviceInfo

Control = Callable[[Case], bool]
"""Whether the reference answer gets through a case here and now, in a second process too."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """A case whose steps on the device are kept, and the number under which they are."""

    number: int
    case: Case


@dataclass(frozen=True, kw_only=True)
class Redone:
    """What the device did when it did a case again without the host, or why it could not."""

    outputs: tuple[bytes, ...] | None = None
    """None without a reason: a kernel failed."""
    launches: tuple[Launch, ...] = ()
    why: str = ""

    @property
    def bits(self) -> bytes | None:
        """The bytes of all outputs."""
        return None if self.outputs is None else b"".join(self.outputs)

    def arrays(self, case: Case) -> tuple[NDArray[np.generic], ...]:
        """The outputs, which must be there, with the shapes that they have in a case."""
        assert self.outputs is not None
        return tuple(
            spec.array(data, case.shape.sizes)
            for spec, data in zip(case.part.outputs, self.outputs, strict=True)
        )


class OtherSignature(Exception):
    """A kernel takes other arguments than the task's launch gives; the argument is its name."""


class Lane(Protocol):
    """A submission that runs cases."""

    @property
    def device(self) -> DeviceInfo:
        """What it runs on."""

    @property
    def observes(self) -> bool:
        """Whether launches, findings and provenance can be seen."""

    @property
    def cases_run(self) -> int:
        """How many cases were run."""

    @property
    def replacements(self) -> int:
        """How often its process was replaced; what was kept is gone with it."""

    @property
    def is_slow(self) -> bool:
        """Whether a case takes the device so long that there should be few."""

    @property
    def peak_bytes(self) -> int:
        """Most resident memory that a process of it took."""

    def run(
        self,
        case: Case,
        *,
        variant: int = 0,
        schedule: int = schedules.PLAIN,
        repeatable: bool = False,
        traced: Dim3 | None = None,
    ) -> CaseRun:
        """Run one case in fresh buffers.

        Args:
            case: What to run.
            variant: Which bytes unwritten memory holds.
            schedule: In which order its blocks and threads run.
            repeatable: Whether `keep`, `compare` and `repeat` may follow.
            traced: A block whose accesses are kept. Such a case explains another one, and is not
                counted.

        Raises:
            GraderFault: it could not be run, and that is not the submission's doing.
        """

    def run_renewed(self, case: Case) -> CaseRun:
        """Run a case in a new process."""

    def keep(self, number: int) -> None:
        """Keep what the last case, a repeatable one, did on the device, under a number.

        It is there until the process is replaced, or another case takes its number.
        """

    def compare(self, one: Kept, other: Kept) -> Compared:
        """Whether the host did the same in two cases of one shape."""

    def repeat(self, one: Kept, other: Kept, *, moved: bool = True) -> Redone:
        """What the device does when it does a case again with the inputs of another.

        Args:
            one: A case that had output.
            other: Another one of its shape, or the same.
            moved: Whether inputs are exchanged also where the host moved them.
        """

    def close(self) -> None:
        """End its process."""
