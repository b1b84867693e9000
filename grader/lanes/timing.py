"""How much time a case gets, whose time it took, and when there is none left.

The first case that does not end takes all the time that a case may take, and stands as a failure.
After it the others get a short try, since each that does not end either would cost as much again.
What a short try cuts off says nothing: it is not run, as are those for which no time is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.device import CaseEvidence, FindingKind
from grader.errors import UnsupportedByDevice
from grader.record import NotRun

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
SLOW_CASE = 0.5
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
