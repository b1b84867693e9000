"""Arithmetic and words of a mark: the same for a whole record and for a student's copy of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grader.record import Check, Record, Status

NOTHING_FILLED_IN = "nothing was filled in"
"""The reason of every check of a skeleton that was handed in as it was given."""
SKELETON_HEADLINE = "Nothing was filled in: this is the skeleton as it was given."
HURDLES = {
    "packages": "The file does not compile.",
    "compiles": "The file packages, but the graph with it does not compile.",
}
"""What it means that one of the first checks failed: nothing behind it was made."""


class Tried(NamedTuple):
    """At how many sizes something was run, of how many there are."""

    assigned: int = 0
    of: int = 0
    beyond: int = 0
    of_beyond: int = 0

    @property
    def assigned_sizes(self) -> str:
        """``14 of 58 sizes`` or ``all 58 sizes``."""
        return _of(self.assigned, self.of)

    @property
    def sizes_beyond(self) -> str:
        """The same of the sizes that are not assigned."""
        return _of(self.beyond, self.of_beyond)


def _of(tried: int, count: int) -> str:
    return f"all {count} sizes" if tried == count else f"{tried} of {count} sizes"


def right(tried: Tried, *, beyond: bool) -> str:
    """The headline where nothing is wrong: what was tried, and never more.

    Args:
        tried: At how many sizes.
        beyond: Whether it is right at those beyond the task as well.
    """
    more = f", and at {tried.sizes_beyond} beyond it" if beyond else ""
    return f"Right. Tried at {tried.assigned_sizes} of the task{more}."


def untouched(record: Record) -> bool:
    """Whether the skeleton was handed in as it was given: then nothing was run."""
    return bool(record.checks) and all(c.reason == NOTHING_FILLED_IN for c in record.checks)


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


def unreachable(checks: Sequence[Check], max_score: int) -> frozenset[int]:
    """Places of the checks that the device could not look for, from the points that are missing.

    Args:
        checks: All checks of a record that has a mark.
        max_score: What could be had of them.
    """
    missing = sum(check.max_points for check in checks if not check.extra) - max_score
    places = set()
    # From the end: what the device shows stands last in a rubric.
    for place in reversed(range(len(checks))):
        check = checks[place]
        unchecked = not check.extra and check.status is Status.NOT_CHECKED
        if unchecked and 0 < check.max_points <= missing:
            missing -= check.max_points
            places.add(place)
    return frozenset(places)
