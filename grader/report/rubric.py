"""The rubric, line by line and as the bar under the score."""

from __future__ import annotations

from itertools import groupby

import msgspec

from grader.record import CheckOutcome, Status
from grader.report.wording import HIDDEN_FROM_STUDENTS, SHORT, STATUS, Badge, ReportLimits, cut


class CheckRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the rubric."""

    badge: Badge
    title: str
    points: str
    """``20 / 20``; empty where there is no mark."""
    reason: str
    cases: str
    note: str = ""
    """Whether students see it, for an instructor."""


class Segment(msgspec.Struct, frozen=True):
    """A piece of the bar under the score."""

    weight: int
    tone: str


class CheckRun(msgspec.Struct, frozen=True, kw_only=True):
    """One check, or neighbours that were not made for the same reason."""

    badge: Badge
    title: str
    points: int
    max_points: int
    reason: str
    note: str = ""


def check_runs(checks: tuple[CheckOutcome, ...]) -> list[CheckRun]:
    """The rubric for little room."""
    runs: list[CheckRun] = []
    groups = groupby(checks, key=lambda c: (c.status, c.extra, c.sentence, c.visibility))
    for (status, extra, reason, _), group in groups:
        members = list(group)
        if status is Status.NOT_CHECKED and len(members) > 1:
            title = f"{len(members)} checks were not made"
            runs.append(_run(members, title, reason))
            continue
        for check in members:
            title = f"{check.title} (extra)" if extra else check.title
            runs.append(_run([check], title, "" if status is Status.PASSED else reason))
    return runs


def _run(checks: list[CheckOutcome], title: str, reason: str) -> CheckRun:
    return CheckRun(
        badge=STATUS[checks[0].status],
        title=title,
        points=sum(check.points for check in checks),
        max_points=sum(check.max_points for check in checks),
        reason=reason,
        note=HIDDEN_FROM_STUDENTS[checks[0].visibility],
    )


def segments(checks: tuple[CheckOutcome, ...]) -> tuple[Segment, ...]:
    """The bar under the score: neighbours of one colour are one piece."""
    pieces: list[Segment] = []
    for check in checks:
        if check.extra or check.max_points <= 0:
            continue
        got = max(0, min(check.points, check.max_points))
        pieces.append(Segment(got, "pass"))
        pieces.append(Segment(check.max_points - got, STATUS[check.status].tone))
    return tuple(
        Segment(sum(piece.weight for piece in run), tone)
        for tone, group in groupby((p for p in pieces if p.weight), key=lambda p: p.tone)
        for run in [list(group)]
    )


def check_row(check: CheckOutcome, limits: ReportLimits, *, marked: bool) -> CheckRow:
    """One check; without points where there is no mark."""
    return CheckRow(
        badge=STATUS[check.status],
        title=cut(check.title, SHORT),
        points=f"{check.points} / {check.max_points}" if marked else "",
        reason=cut(check.sentence, limits.text),
        cases=f"{check.cases:,} cases" if check.cases > 1 else "",
        note=HIDDEN_FROM_STUDENTS[check.visibility],
    )
