"""The class in figures: where each student stands, a row for each, and the distribution of points.

A mark exists only where a run came to a verdict. A fault of the grader, a refused file, nothing
handed in and a run that is still to come all give no mark: an empty cell, never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import quote

import msgspec

from grader.batch.model import RunInfo, StudentResult
from grader.intake.display import one_line
from grader.record import Record, StudentStanding, Verdict
from grader.report.formats import elements
from grader.report.style import Badge, sentence
from grader.wording.verdicts import (
    GRADE_AGAIN,
    extra_credit,
    scaled_points,
    standing_without_mark,
)

_CENT = Decimal("0.01")


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Points for the gradebook."""

    points: Decimal
    """Points out of ``RunInfo.max_score``; extra credit is included, so it may be more."""
    note: str = ""
    """What was done to the score, where it is not the score itself."""


def standing(result: StudentResult) -> StudentStanding:
    """Where a student stands."""
    if result.record is None:
        if result.refusal is not None:
            return StudentStanding.REFUSED
        return StudentStanding.NOTHING if result.attempt is None else StudentStanding.WAITING
    return {
        Verdict.PASS: StudentStanding.PASSED,
        Verdict.FAIL: StudentStanding.FAILED,
        Verdict.REFUSED: StudentStanding.REFUSED,
        Verdict.FAULT: StudentStanding.FAULT,
    }[result.record.verdict]


def mark(result: StudentResult, info: RunInfo) -> Mark | None:
    """The mark, or None where there is none.

    A real GPU does not show everything that has points, so a record may be out
    of fewer points than the class is. Its score is then scaled: what the
    device can't show costs nobody a point.
    """
    record = result.record
    if record is None or record.verdict not in (Verdict.PASS, Verdict.FAIL):
        return None
    points = Decimal(elements.total_points(record))
    if record.max_score == info.max_score or record.max_score <= 0:
        return Mark(points=points)
    scaled = (points * info.max_score / record.max_score).quantize(_CENT, ROUND_HALF_UP)
    return Mark(
        points=scaled,
        note=scaled_points(points, record.max_score, info.max_score),
    )


def number(value: Decimal) -> str:
    """A number without an exponent and without zeros that say nothing: ``60``, ``57.5``."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def why_no_mark(result: StudentResult) -> str:
    """One sentence for the instructor; empty where there is a mark."""
    where, what = standing(result), ""
    if where is StudentStanding.REFUSED:
        what = _refused(result)
    elif where is StudentStanding.FAULT:
        what = _faulted(result.record)
    return standing_without_mark(where, _stopped(what))


def remedy(result: StudentResult) -> str:
    """What can be done about a missing mark; empty where nothing is missing or known."""
    where = standing(result)
    if where is StudentStanding.REFUSED and result.refusal is not None:
        return sentence(result.refusal.remedy)
    if where in (StudentStanding.REFUSED, StudentStanding.FAULT) and result.record is not None:
        fault, advice = result.record.fault, result.record.advice
        told = (fault.remedy if fault else "") or (advice[0] if advice else "")
        if told:
            return sentence(told)
    if where is StudentStanding.FAULT:
        return GRADE_AGAIN
    return ""


def _stopped(told: str) -> str:
    """A clause with a full stop. Its first word may be a file's name, so it keeps its case."""
    told = " ".join(told.split())
    return told if not told or told[-1] in ".!?" else f"{told}."


def _refused(result: StudentResult) -> str:
    if result.refusal is not None:
        return result.refusal.what
    return result.record.headline if result.record is not None else ""


def _faulted(record: Record | None) -> str:
    if record is None:
        return ""
    return record.fault.what if record.fault is not None else record.headline


HEIGHT = 210
"""Height of the plot, in the drawing's units; labels stand above and below."""
_TENTHS = 10


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """One bar: the students whose mark lies in a range."""

    label: str
    """Below the bar: where the range begins."""
    range: str
    """In words: ``10 to 19``."""
    count: int
    passed: int
    x: float
    """Left edge in percent of the width."""
    width: float
    pass_y: float
    pass_height: float
    fail_y: float
    fail_height: float
    top: float
    """Where the bar ends."""


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """All bars; drawn in a box of 100 % by `HEIGHT` units."""

    bins: tuple[Bin, ...]
    height: int
    summary: str
    """The same in words."""


def histogram(marks: Sequence[tuple[Decimal, bool]], max_score: int) -> Histogram | None:
    """The bars of marks with whether each passed; None where there is no mark.

    Tenths of the points, then those with all points, then those with more.
    """
    if not marks or max_score <= 0:
        return None
    counts = [[0, 0] for _ in range(_TENTHS + 2)]
    for points, passed in marks:
        counts[_bin(points, max_score)][passed] += 1
    if not sum(counts[-1]):
        counts.pop()
    most = max(sum(pair) for pair in counts)
    pitch = 100 / len(counts)
    bins = tuple(
        _bar(index, failed, passed, most, pitch, max_score)
        for index, (failed, passed) in enumerate(counts)
    )
    told = "; ".join(f"{b.range}: {b.count}" for b in bins if b.count)
    return Histogram(bins=bins, height=HEIGHT, summary=f"Points and how many have them. {told}.")


def _bin(points: Decimal, max_score: int) -> int:
    if points >= max_score:
        return _TENTHS + (points > max_score)
    return max(0, int(points * _TENTHS / max_score))


def _bar(index: int, failed: int, passed: int, most: int, pitch: float, max_score: int) -> Bin:
    fail_height = round(failed * HEIGHT / most, 2)
    pass_height = round(passed * HEIGHT / most, 2)
    low, high = _ceil(index, max_score), _ceil(index + 1, max_score) - 1
    label, words = str(low), f"{low} to {high}" if high > low else str(low)
    if index == _TENTHS:
        label = words = str(max_score)
    elif index > _TENTHS:
        label, words = f">{max_score}", f"more than {max_score}"
    return Bin(
        label=label,
        range=words,
        count=failed + passed,
        passed=passed,
        x=round(index * pitch + pitch * 0.09, 3),
        width=round(pitch * 0.82, 3),
        pass_y=round(HEIGHT - pass_height, 2),
        pass_height=pass_height,
        fail_y=round(HEIGHT - pass_height - fail_height, 2),
        fail_height=fail_height,
        top=round(HEIGHT - pass_height - fail_height, 2),
    )


def _ceil(index: int, max_score: int) -> int:
    """The first whole number of points in a tenth."""
    return -(-index * max_score // _TENTHS)


NAME = 80
TROUBLE = 150
BADGES = {
    StudentStanding.PASSED: Badge("✓", StudentStanding.PASSED.value, "pass"),
    StudentStanding.FAILED: Badge("✗", StudentStanding.FAILED.value, "fail"),
    StudentStanding.REFUSED: Badge("↩", StudentStanding.REFUSED.value, "refused"),
    StudentStanding.FAULT: Badge("!", StudentStanding.FAULT.value, "fault"),
    StudentStanding.WAITING: Badge("…", StudentStanding.WAITING.value, "none"),
    StudentStanding.NOTHING: Badge("∅", StudentStanding.NOTHING.value, "none"),
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
    """Place of the result among all kinds of results, for sorting."""
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
    """Name of the student whose equal program was graded for both."""
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
    return [_student_row(info, result, names, troubles, n) for n, result in enumerate(results)]


def name(result: StudentResult) -> str:
    """A student's name as it is shown; never empty."""
    return one_line(result.student.name, limit=NAME).strip() or result.student.key


def link(result: StudentResult) -> Link:
    """A student's name and the instructor's report."""
    there = result.record is not None or result.refusal is not None
    path = f"reports/{quote(result.student.key, safe='')}/report.html"
    return Link(name=name(result), href=path if there else "")


def _student_row(
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
    return extra_credit(record.extra_score) if record and record.extra_score else ""
