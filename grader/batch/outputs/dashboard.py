"""The dashboard: one HTML file that opens from disk and needs no network.

`dashboard` prepares everything that the template prints, so that nothing is worked out in it.

All of the page can be read without script; the script only sorts and filters the class table. The
page's policy allows this one script by its digest and nothing else, so no text of a submission
could ever run.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from statistics import fmean, median

import msgspec
from markupsafe import Markup

from grader import __version__
from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.class_table import (
    BADGES,
    Histogram,
    Link,
    StudentRow,
    histogram,
    link,
    mark,
    remedy,
    rows,
    standing,
    why_no_mark,
)
from grader.batch.outputs.diagnosis import Cluster, clusters
from grader.batch.outputs.similarity_pages import Overview
from grader.folders import data_directory
from grader.intake.display import one_line
from grader.record import (
    CheckOutcome,
    Record,
    Status,
    StudentStanding,
    Verdict,
)
from grader.report import style
from grader.report.html import environment
from grader.report.sections import moment
from grader.report.style import Badge

MEMBERS = 400
"""Names that are listed under one cluster."""


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """How many students ended one way."""

    badge: Badge
    count: int
    order: int


class CheckLine(msgspec.Struct, frozen=True, kw_only=True):
    """How often one check failed."""

    title: str
    points: str
    failed: int
    of: int
    unchecked: int
    share: int
    """Percent that failed."""


class ClusterView(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster with its example."""

    anchor: str
    count: int
    title: str
    members: tuple[Link, ...]
    more: int
    example: Link
    lines: tuple[tuple[str, str], ...]
    """What the example shows, as term and value."""


class MissingMark(msgspec.Struct, frozen=True, kw_only=True):
    """A reason for having no mark, and the students without one for it."""

    members: tuple[Link, ...]
    badge: Badge
    why: str
    remedy: str


class UnclaimedFile(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was refused and is nobody's: a file beside the students', a bad archive."""

    source: str
    why: str
    remedy: str


class EqualPrograms(msgspec.Struct, frozen=True, kw_only=True):
    """Students whose programs are the same but for comments and spacing."""

    members: tuple[Link, ...]


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page."""

    title: str
    puzzle: str
    edition: str
    rubric: str
    max_score: int
    students: int
    tiles: tuple[Tile, ...]
    average: str
    histogram: Histogram | None
    checks: tuple[CheckLine, ...]
    clusters: tuple[ClusterView, ...]
    """Clusters of two students or more."""
    singles: tuple[ClusterView, ...]
    problems: tuple[MissingMark, ...]
    strays: tuple[UnclaimedFile, ...]
    notes: tuple[str, ...]
    absent: tuple[Link, ...]
    late: tuple[Link, ...]
    equal: tuple[EqualPrograms, ...]
    facts: tuple[tuple[str, str], ...]
    rows: tuple[StudentRow, ...]
    created: str
    version: str


def dashboard(
    info: RunInfo, results: Sequence[StudentResult], found: Sequence[Cluster] | None = None
) -> Dashboard:
    """Prepare a run for the template.

    Args:
        info: The run.
        results: Everybody, in the order of the table. With ``found``, as much of their records
            as `grader.batch.outputs.feedback` keeps is enough.
        found: Their clusters, where they are known already.
    """
    found = clusters(results) if found is None else found
    views = [_cluster(n, cluster) for n, cluster in enumerate(found)]
    troubles = {
        member.student.key: (cluster.diagnosis.title, f"c{n}")
        for n, cluster in enumerate(found)
        for member in cluster.members
    }
    marks = [
        (given.points, standing(result) is StudentStanding.PASSED)
        for result in results
        if (given := mark(result, info)) is not None
    ]
    return Dashboard(
        title=one_line(info.title) or info.puzzle,
        puzzle=info.puzzle,
        edition=info.edition,
        rubric=one_line(info.rubric),
        max_score=info.max_score,
        students=len(results),
        tiles=_tiles(results),
        average=_average([float(points) for points, _ in marks], info.max_score),
        histogram=histogram(marks, info.max_score),
        checks=_checks([result.record for result in results]),
        clusters=tuple(view for view in views if view.count > 1),
        singles=tuple(view for view in views if view.count == 1),
        problems=_problems(results),
        strays=tuple(
            UnclaimedFile(
                source=one_line(each.source, limit=200),
                why=one_line(each.what, limit=400),
                remedy=one_line(each.remedy, limit=300),
            )
            for each in info.refusals
        ),
        notes=tuple(one_line(note, limit=400) for note in info.notes),
        absent=tuple(link(r) for r in results if standing(r) is StudentStanding.NOTHING),
        late=tuple(link(r) for r in results if r.student.lateness == "late"),
        equal=_equal(results),
        facts=_facts(info, results),
        rows=tuple(rows(info, results, troubles)),
        created=moment(info.finished or info.created),
        version=__version__,
    )


def _tiles(results: Sequence[StudentResult]) -> tuple[Tile, ...]:
    where = [standing(result) for result in results]
    always = {StudentStanding.PASSED, StudentStanding.FAILED}
    return tuple(
        Tile(badge=badge, count=where.count(each), order=order)
        for order, (each, badge) in enumerate(BADGES.items())
        if each in always or each in where
    )


def _average(points: list[float], most: int) -> str:
    if not points:
        return ""
    return f"mean {fmean(points):.0f}, median {median(points):.0f} of {most} points"


def _checks(records: Sequence[Record | None]) -> tuple[CheckLine, ...]:
    """The checks in the order of how often they failed."""
    outcomes: dict[str, list[CheckOutcome]] = {}
    for record in records:
        if record is not None and record.verdict in (Verdict.PASS, Verdict.FAIL):
            for check in record.checks:
                outcomes.setdefault(check.id, []).append(check)
    lines = [_check_line(checks) for checks in outcomes.values()]
    return tuple(sorted(lines, key=lambda line: -line.failed))


def _check_line(outcomes: Sequence[CheckOutcome]) -> CheckLine:
    first = outcomes[0]
    failed = sum(check.status is Status.FAILED for check in outcomes)
    return CheckLine(
        title=one_line(first.title),
        points=f"{first.max_points} extra" if first.extra else str(first.max_points),
        failed=failed,
        of=len(outcomes),
        unchecked=sum(check.status is Status.NOT_CHECKED for check in outcomes),
        share=round(100 * failed / len(outcomes)),
    )


def _cluster(n: int, cluster: Cluster) -> ClusterView:
    return ClusterView(
        anchor=f"c{n}",
        count=len(cluster.members),
        title=cluster.diagnosis.title,
        members=tuple(link(member) for member in cluster.members[:MEMBERS]),
        more=max(0, len(cluster.members) - MEMBERS),
        example=link(cluster.example),
        lines=cluster.lines,
    )


def _problems(results: Sequence[StudentResult]) -> tuple[MissingMark, ...]:
    """One for each reason: a missing compiler may have stopped them all."""
    reasons: dict[tuple[StudentStanding, str, str], list[Link]] = {}
    for where in (StudentStanding.FAULT, StudentStanding.REFUSED, StudentStanding.WAITING):
        for result in results:
            if standing(result) is where:
                why, what_to_do = why_no_mark(result), remedy(result)
                reasons.setdefault((where, why, what_to_do), []).append(link(result))
    return tuple(
        MissingMark(
            members=tuple(members),
            badge=BADGES[where],
            why=one_line(why, limit=400),
            remedy=one_line(what_to_do, limit=300),
        )
        for (where, why, what_to_do), members in reasons.items()
    )


def _equal(results: Sequence[StudentResult]) -> tuple[EqualPrograms, ...]:
    """Groups of equal programs, the largest first."""
    by_key = {result.student.key: result for result in results}
    groups: dict[str, list[StudentResult]] = {}
    for result in results:
        if result.equal_to in by_key:
            groups.setdefault(result.equal_to, [by_key[result.equal_to]]).append(result)
    ordered = sorted(groups.values(), key=lambda group: -len(group))
    return tuple(
        EqualPrograms(members=tuple(link(member) for member in group)) for group in ordered
    )


def _facts(info: RunInfo, results: Sequence[StudentResult]) -> tuple[tuple[str, str], ...]:
    spent = sorted(result.seconds for result in results if result.seconds > 0)
    saved = sum(1 for result in results if result.equal_to)
    facts = [
        ("Begun", moment(info.created)),
        ("Finished", moment(info.finished) if info.finished else "not yet"),
        ("Wall clock", style.seconds_text(info.seconds)),
        ("Workers", str(info.workers)),
    ]
    if spent:
        facts.append(("Programs graded", f"{len(spent)}, in {style.seconds_text(sum(spent))}"))
        facts.append(
            (
                "For one program",
                (
                    f"median {style.seconds_text(median(spent))}, "
                    f"longest {style.seconds_text(spent[-1])}"
                ),
            )
        )
    if saved:
        facts.append(("Equal programs", f"{saved} taken from another student's run, at no cost"))
    facts.append(("Rubric", one_line(info.rubric) or "the puzzle's own"))
    return tuple(facts)


TEMPLATE = "class.html.j2"
SCRIPT = "class.js"


SIMILAR = 6
"""Pairs that the dashboard names; all are on the page of their own."""


def render_dashboard(
    info: RunInfo,
    results: Sequence[StudentResult],
    similar: Overview | None = None,
    found: Sequence[Cluster] | None = None,
) -> str:
    """The page; the same results always give the same text.

    Args:
        info: The run.
        results: Everybody, in the order of the table.
        similar: What the comparison of the programs found.
        found: The clusters of the class, where they are known already; see `dashboard`.
    """
    script, digest = _script()
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            page=dashboard(info, results, found),
            similar=similar,
            similar_pairs=similar.pairs[:SIMILAR] if similar else (),
            script=script,
            script_digest=digest,
        )
    )


@lru_cache(maxsize=1)
def _script() -> tuple[Markup, str]:
    """The script as it stands between its tags, and the digest that the policy allows."""
    source = (data_directory("templates") / SCRIPT).read_text(encoding="utf-8")
    digest = b64encode(sha256(source.encode("utf-8")).digest()).decode("ascii")
    # Our own file is the one text of the page that is not escaped.
    return Markup(source), f"sha256-{digest}"  # noqa: S704
