"""What a lane does: prepare, run a case, do it again, renew its process; and in what time.

A `GraphLane` compiles as it prepares, in its worker; a `KernelLane` and a `HarnessLane` take what
`kernel_build` has compiled. See `grader.lanes.prepared` for the steps before.

The first case that does not end takes all the time that a case may take, and stands as a failure.
After it the others get a short try, since each that does not end either would cost as much again.
What a short try cuts off says nothing: it is not run, as are those for which no time is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grader.device import CaseEvidence, Compared, Dim3, FindingKind, Launch, schedules
from grader.errors import UnsupportedByDevice
from grader.model.cases import Case, CaseRun, PlannedShape
from grader.record import DeviceInfo, NotRun
from grader.worker.process import Ended

CASE_SECONDS = 30.0
"""Wall clock for one case, launch limits included."""
SHORT = 0.1
"""The part of a case's limits that a short try has: 3 s, and far more than a launch needs."""
ROOM = 20
"""A short try is at least so many times as long as the longest case that ended with output."""
SHORT_TRIES = 2
"""How many more cases may not end: one of the same shape, and one of another."""
RUN_SECONDS = 300.0
"""For all cases together, and `MORE_SECONDS` for each; a case takes some 5 ms."""
MORE_SECONDS = 1.0
DEVICE_SECONDS = 600.0
"""For all cases together that the software device may take, without kernels that do not end."""
SLOW_CASE = 0.25
"""Seconds of a case from which fewer are worth their time."""


class TimeTaken:
    """Whose time the cases took: the program's, or that of a device which is slower than a GPU.

    Attributes:
        cases: How many there were.
        program: Seconds that the program's host code took, or kernels of it that do not end.
        device: Seconds that the software device took for the rest.
    """

    def __init__(self) -> None:
        self.cases = 0
        self.program = 0.0
        self.device = 0.0
        self._longest = 0.0
        self._unended = 0

    @property
    def is_slow(self) -> bool:
        """Whether a case takes the device so long that there should be few."""
        return self.device > SLOW_CASE * max(self.cases, 1)

    @property
    def share(self) -> float:
        """The part of its limits that the next case gets."""
        if not self._unended:
            return 1.0
        return min(1.0, max(SHORT, ROOM * self._longest / CASE_SECONDS))

    @property
    def used_up(self) -> NotRun | None:
        """Why there is no time for another case, where there is none."""
        if self._unended > SHORT_TRIES:
            return NotRun.ENDLESS
        if self.program > RUN_SECONDS + MORE_SECONDS * self.cases:
            return NotRun.TIME
        return None

    def add(self, seconds: float, evidence: CaseEvidence | None, *, late: bool) -> bool:
        """Count a case.

        Args:
            seconds: How long it took.
            evidence: What the device saw of it.
            late: Whether it was ended for that.

        Returns:
            Whether it was a short try that was cut off.

        Raises:
            UnsupportedByDevice: The device takes too long for a verdict.
        """
        launches = evidence.launches if evidence is not None else ()
        endless = any(
            finding.kind is FindingKind.BUDGET_EXCEEDED
            for launch in launches
            for finding in launch.findings
        )
        device = evidence.device_seconds if evidence is not None and not endless else 0.0
        short = self.share < 1.0
        self.cases += 1
        self.program += max(seconds - device, 0.0)
        self.device += device
        slow = late and not short and device > seconds / 2
        if slow or self.device > DEVICE_SECONDS:
            raise UnsupportedByDevice(
                f"the software device is too slow for this program: it was at work for "
                f"{device:.0f} of the {seconds:.0f} s of one case, with {len(launches):,} launches "
                f"or more, and for {self.device:.0f} s in all {self.cases} cases. A GPU is much "
                "faster, so this says nothing of the program",
                remedy="Take out what is there for debugging only, such as prints in the kernel, "
                "or grade it on a GPU (--device gpu).",
            )
        if not late and not endless:
            self._longest = max(self._longest, seconds)
            return False
        self._unended += 1
        return short


@dataclass
class PartRun:
    """What the cases of one part took. Each part has time and processes of its own."""

    time: TimeTaken = field(default_factory=TimeTaken)
    spent: NotRun | None = None
    """Why no more cases are run."""
    replacements: int = 0


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


def not_supported(evidence: CaseEvidence, remedy: str) -> UnsupportedByDevice:
    """That a submission needs what the software device lacks: the first thing of the evidence."""
    return UnsupportedByDevice(
        "the submission needs what the software device does not support: "
        f"{evidence.unsupported[0]}",
        remedy=remedy,
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

    def prepare(
        self, shapes: Sequence[PlannedShape], *, control: Control | None = None
    ) -> float | Ended:
        """Make ready to run cases of some shapes; the seconds it took, or how its process ended.

        Args:
            shapes: All of which there will be cases.
            control: Asked where a process ends later without a reason.
        """

    def run(
        self,
        case: Case,
        *,
        variant: int = 0,
        schedule: int = schedules.PLAIN,
        repeatable: bool = False,
        traced: Dim3 | None = None,
        profiled: bool = False,
    ) -> CaseRun:
        """Run one case in fresh buffers.

        Args:
            case: What to run.
            variant: Which bytes unwritten memory holds.
            schedule: In which order its blocks and threads run.
            repeatable: Whether `keep`, `compare` and `repeat` may follow.
            traced: A block whose accesses are kept. Such a case explains another one, and is not
                counted.
            profiled: Whether it is counted what each instruction costs. Nor is such a case.

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
