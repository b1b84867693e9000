"""The rubric as other systems see it: a list of tests whose points add up to the score."""

from __future__ import annotations

import msgspec

from grader.intake.display import one_line
from grader.marks import unreachable
from grader.record import Record, Status, Verdict, Visibility
from grader.report.wording import HIDDEN_FROM_STUDENTS, SHORT, noted, sentence

REASON = 400
"""Characters of the reason of one test."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One test in another system's terms. All texts are safe to show, in one line."""

    id: str
    name: str
    status: Status
    points: int
    max_points: int
    extra: bool
    reason: str
    """Why it failed or was not made; may be empty for one that passed."""
    visibility: Visibility
    """Of a student's copy always visible: what is hidden is not in it."""


def items(record: Record) -> tuple[Item, ...]:
    """Every check of the record as a test.

    The points of those that are not extra add up to ``record.score``, what they
    can give to ``record.max_score``, and the extra ones' points to
    ``record.extra_score``, whatever the checks themselves say: points that the
    device could not look for are out of reach, and extra credit counts only on
    top of all others. Without a mark (refused, fault) nothing gives points.
    """
    marked = record.verdict in (Verdict.PASS, Verdict.FAIL)
    out_of_reach = unreachable(record.checks) if marked else frozenset()
    made: list[Item] = []
    for place, check in enumerate(record.checks):
        points, most = check.points, check.max_points
        if not marked or (check.extra and not record.extra_score):
            points = 0
        if not marked or place in out_of_reach:
            most = 0
        made.append(
            Item(
                id=one_line(check.id, limit=SHORT) or "check",
                name=one_line(check.title, limit=SHORT) or "check",
                status=check.status,
                points=points,
                max_points=most,
                extra=check.extra,
                reason=sentence(one_line(check.sentence, limit=REASON)),
                visibility=check.visibility,
            )
        )
    return tuple(made)


def title(item: Item) -> str:
    """The name of a test, with what it is where that is not plain."""
    return f"{item.name} (extra credit)" if item.extra else item.name


def marked_title(item: Item) -> str:
    """The same, and for an instructor that students do not see it.

    For formats that have no field of their own for that.
    """
    return noted(title(item), HIDDEN_FROM_STUDENTS[item.visibility])


def told(item: Item) -> str:
    """The reason, said as what it is."""
    if item.status is Status.NOT_CHECKED:
        return f"Not checked: {item.reason}" if item.reason else "Not checked."
    return item.reason


def total(record: Record) -> int:
    """The points to enter in a gradebook: the score and the extra credit."""
    return record.score + record.extra_score
