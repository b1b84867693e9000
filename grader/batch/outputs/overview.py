"""The overview of a run over several puzzles: a row for each student, a column for each puzzle.

It is made from the results of the classes alone. A student has a mark where a class has one, and an
empty cell everywhere else: who handed in nothing for a puzzle has no zero in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import fmean
from urllib.parse import quote

import msgspec

from grader import __version__
from grader.batch.compare import pair
from grader.batch.model import RunInfo, Student, StudentResult
from grader.batch.outputs.class_table import BADGES, link, mark, number, standing
from grader.batch.outputs.gradebooks import table, text
from grader.batch.outputs.gradebooks.generic import BYTE_ORDER_MARK
from grader.batch.outputs.write import OutputFolder, page_code
from grader.intake.display import one_line
from grader.record import StudentStanding
from grader.report.html import environment
from grader.report.sections import moment
from grader.report.style import Badge

TEMPLATE = "overview.html.j2"
_NAME = 80


class UngradedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is graded as no puzzle."""

    student: str
    source: str
    why: str
    remedy: str = ""


class HandedOverSource(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a folder or archive when it was sorted last."""

    name: str
    notes: tuple[str, ...] = ()
    left_out: tuple[UngradedFile, ...] = ()


class SeveralInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a run over several puzzles knows besides its classes."""

    title: str
    created: str
    finished: str = ""
    sources: dict[str, HandedOverSource] = {}
    """By where they are; see `grader.batch.merge.origin_of`."""


class PuzzleResults(msgspec.Struct, frozen=True, kw_only=True):
    """One class, as the overview needs it."""

    folder: str
    """Name of its folder: that of the puzzle."""
    title: str
    number: int
    """Of the puzzle in the book; 0 where it has none."""
    info: RunInfo
    students: tuple[Student, ...]
    cells: dict[str, OverviewCell]
    """By the student's key; who handed in nothing has none."""


class OverviewCell(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended for one student in one puzzle."""

    href: str
    badge: Badge
    points: str
    """Empty where there is no mark."""
    note: str
    late: str
    passed: bool


class OverviewRow(msgspec.Struct, frozen=True, kw_only=True):
    """One student."""

    student: Student
    name: str
    id: str
    cells: tuple[OverviewCell | None, ...]
    total: str
    """Of the marks that there are; empty where there is none."""
    marks: int


class OverviewColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One puzzle."""

    name: str
    title: str
    number: int
    href: str
    max_score: int
    marks: int
    passed: int
    mean: str
    unmarked: int
    """Handed in, and without a mark."""


class OverviewPage(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page."""

    title: str
    columns: tuple[OverviewColumn, ...]
    rows: tuple[OverviewRow, ...]
    notes: tuple[str, ...]
    left_out: tuple[UngradedFile, ...]
    legend: tuple[Badge, ...]
    created: str
    version: str


def puzzle_results(
    folder: str, title: str, number: int, info: RunInfo, results: Iterable[StudentResult]
) -> PuzzleResults:
    """A class without its records, of which there are many."""
    students, cells = [], {}
    for result in results:
        students.append(result.student)
        if standing(result) is not StudentStanding.NOTHING:
            cells[result.student.key] = _cell(folder, info, result)
    return PuzzleResults(
        folder=folder,
        title=title,
        number=number,
        info=info,
        students=tuple(students),
        cells=cells,
    )


def _cell(folder: str, info: RunInfo, result: StudentResult) -> OverviewCell:
    given, where = mark(result, info), standing(result)
    href = link(result).href
    return OverviewCell(
        href=f"{quote(folder, safe='')}/{href}" if href else "",
        badge=BADGES[where],
        points="" if given is None else number(given.points),
        note=given.note if given is not None else "",
        late=result.student.late_in_words,
        passed=where is StudentStanding.PASSED,
    )


def overview(info: SeveralInfo, classes: Sequence[PuzzleResults]) -> OverviewPage:
    """Prepare the page for the template."""
    rows = sorted(_rows(classes), key=lambda row: (row.name.casefold(), row.student.key))
    several = len(info.sources) > 1
    used = {cell.badge: None for row in rows for cell in row.cells if cell is not None}
    return OverviewPage(
        title=one_line(info.title),
        columns=tuple(_column(each) for each in classes),
        rows=tuple(rows),
        notes=tuple(
            one_line(f"{source.name}: {note}" if several else note, limit=600)
            for source in info.sources.values()
            for note in source.notes
        ),
        left_out=tuple(each for source in info.sources.values() for each in source.left_out),
        legend=tuple(badge for badge in BADGES.values() if badge in used),
        created=moment(info.finished or info.created),
        version=__version__,
    )


def _rows(classes: Sequence[PuzzleResults]) -> Iterator[OverviewRow]:
    """Everybody of any class. Who is who is found out as between any two runs."""
    people: dict[str, Student] = {}
    keys: list[dict[str, str]] = []
    """For each class, the key in it by the key in `people`."""
    for each in classes:
        known = pair(list(people.values()), each.students)
        here = {}
        for student in each.students:
            old = known.get(student.key)
            key = old.key if old is not None else _free(student.key, people)
            here[key] = student.key
            people.setdefault(key, msgspec.structs.replace(student, key=key))
        keys.append(here)
    for key, student in people.items():
        cells = tuple(
            each.cells.get(here[key]) if key in here else None
            for each, here in zip(classes, keys, strict=True)
        )
        points = [Decimal(cell.points) for cell in cells if cell is not None and cell.points]
        yield OverviewRow(
            student=student,
            name=one_line(student.name, limit=_NAME).strip() or student.key,
            id=one_line(student.id or student.email, limit=_NAME),
            cells=cells,
            total=number(sum(points, Decimal(0))) if points else "",
            marks=len(points),
        )


def _free(key: str, taken: dict[str, Student]) -> str:
    wanted, n = key, 1
    while key in taken:
        n += 1
        key = f"{wanted}-{n}"
    return key


def _column(each: PuzzleResults) -> OverviewColumn:
    marks = [float(cell.points) for cell in each.cells.values() if cell.points]
    return OverviewColumn(
        name=each.folder,
        title=each.title,
        number=each.number,
        href=f"{quote(each.folder, safe='')}/index.html",
        max_score=each.info.max_score,
        marks=len(marks),
        passed=sum(cell.passed for cell in each.cells.values()),
        mean=f"{fmean(marks):.0f}" if marks else "",
        unmarked=sum(not cell.points for cell in each.cells.values()),
    )


def marks_table(page: OverviewPage) -> bytes:
    """The marks as CSV: a row for each student, a column for each puzzle, then the total."""
    head = ["student", "name", "id", "email", *(each.name for each in page.columns), "total"]
    rows = [
        [
            text(row.student.key),
            text(row.name),
            text(row.student.id),
            text(row.student.email),
            *("" if cell is None else cell.points for cell in row.cells),
            row.total,
        ]
        for row in page.rows
    ]
    return BYTE_ORDER_MARK + table([head, *rows])


def render_overview(page: OverviewPage) -> str:
    """The page; the same results always give the same text."""
    return environment().get_template(TEMPLATE).render(page=page)


def write_overview(folder: Path, info: SeveralInfo, classes: Sequence[PuzzleResults]) -> None:
    """Write the page and the table into the run's folder, where they changed.

    Raises:
        GraderFault: a file can't be written.
    """
    page = overview(info, classes)
    target = OutputFolder(folder)
    source = page_code() + msgspec.json.encode(page)
    target.put("index.html", source, lambda: render_overview(page).encode("utf-8"))
    target.put("marks.csv", source, partial(marks_table, page))
    target.finish()
