"""Arithmetic of a mark: the same for a whole record and for a student's copy of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grader.record import Aspect, CheckOutcome, Reason, Record, Status
from grader.wording.checks import sizes_tried


class Tried(NamedTuple):
    """At how many sizes something was run, of how many there are."""

    assigned: int = 0
    of: int = 0
    beyond: int = 0
    of_beyond: int = 0

    @property
    def assigned_sizes(self) -> str:
        """``14 of 58 sizes`` or ``all 58 sizes``."""
        return sizes_tried(self.assigned, self.of)

    @property
    def sizes_beyond(self) -> str:
        """The same of the sizes that are not assigned."""
        return sizes_tried(self.beyond, self.of_beyond)


def untouched(record: Record) -> bool:
    """Whether the skeleton was handed in as it was given: then nothing was run."""
    return bool(record.checks) and all(
        check.reason is Reason.NOTHING_FILLED_IN for check in record.checks
    )


def compiled(record: Record) -> bool:
    """Whether the program around the file compiled, so that cases were run."""
    return any(
        check.aspect is Aspect.COMPILES and check.status is Status.PASSED for check in record.checks
    )


def needed_points(pass_mark: int | None, possible: int, out_of_reach: int) -> int:
    """Points from which on a submission passes.

    Args:
        pass_mark: As the rubric has it; None for all points.
        possible: Points that could be had on this device, extra credit aside.
        out_of_reach: Points that the device could not look for. They are given in the
            student's favour, but some point is needed where the rubric asks for any.
    """
    if pass_mark is None:
        return possible
    return max(min(pass_mark, 1), pass_mark - out_of_reach)


def unreachable(checks: Sequence[CheckOutcome]) -> frozenset[int]:
    """Places of the checks that the device could not look for."""
    return frozenset(
        place
        for place, check in enumerate(checks)
        if not check.extra and check.reason is not None and check.reason.out_of_reach
    )
