"""The class table of the dashboard: one row for each student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.standing import StudentStanding, mark, number, standing, why_no_mark
from grader.intake.display import one_line
from grader.record import Record
from grader.report.wording import Badge

NAME = 80
TROUBLE = 150
BADGES = {
    StudentStanding.PASSED: Badge("✓", "passed", "pass"),
    StudentStanding.FAILED: Badge("✗", "not passed", "fail"),
    StudentStanding.REFUSED: Badge("↩", "not accepted", "refused"),
    StudentStanding.FAULT: Badge("!", "no mark", "fault"),
    StudentStanding.WAITING: Badge("…", "not graded yet", "none"),
    StudentStanding.NOTHING: Badge("∅", "nothing handed in", "none"),
}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A student by name, with the report where there is one."""

    name: str
    href: str


class StudentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One student."""

    who: Link
    anchor: str
    id: str
    badge: Badge
    order: int
    """Of the result, for sorting."""
    points: str
    note: str
    trouble: str
    """What is wrong, or why there is no mark."""
    cluster: str
    """Anchor of the cluster with the same trouble; empty where there is none."""
    late: str
    """In words; empty where it is not."""
    attempts: int
    equal_to: str
    """Name of who handed in the equal program that was graded for both."""
    seconds: float


def rows(
    info: RunInfo,
    results: Sequence[StudentResult],
    troubles: Mapping[str, tuple[str, str]],
) -> list[StudentRow]:
    """The rows, in the order of ``results``.

    Args:
        info: The run.
        results: Everybody.
        troubles: For a student's key, the title and anchor of the cluster.
    """
    names = {result.student.key: name(result) for result in results}
    return [_row(info, result, names, troubles, n) for n, result in enumerate(results)]


def name(result: StudentResult) -> str:
    """A student's name as it is shown; never empty."""
    return one_line(result.student.name, limit=NAME).strip() or result.student.key


def link(result: StudentResult) -> Link:
    """A student's name and the instructor's report."""
    there = result.record is not None or result.refusal is not None
    path = f"reports/{quote(result.student.key, safe='')}/report.html"
    return Link(name=name(result), href=path if there else "")


def _row(
    info: RunInfo,
    result: StudentResult,
    names: Mapping[str, str],
    troubles: Mapping[str, tuple[str, str]],
    n: int,
) -> StudentRow:
    given = mark(result, info)
    where = standing(result)
    trouble, cluster = troubles.get(result.student.key, ("", ""))
    if where is not StudentStanding.NOTHING:
        trouble = trouble or why_no_mark(result)
    return StudentRow(
        who=link(result),
        anchor=f"s{n}",
        id=one_line(result.student.id or result.student.email, limit=NAME),
        badge=BADGES[where],
        order=list(BADGES).index(where),
        points="" if given is None else number(given.points),
        note=given.note if given is not None else "",
        trouble=one_line(trouble or _extra(result.record), limit=TROUBLE),
        cluster=cluster,
        late=result.student.late_in_words,
        attempts=result.attempts,
        equal_to=names.get(result.equal_to, result.equal_to),
        seconds=result.seconds,
    )


def _extra(record: Record | None) -> str:
    return f"{record.extra_score} points of extra credit" if record and record.extra_score else ""
