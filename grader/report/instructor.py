"""What only the instructor's report shows: for who marks and has to be able to check a mark."""

from __future__ import annotations

import msgspec

from grader.errors import RecordError
from grader.record import Record
from grader.report import values
from grader.report.run_view import FactRow
from grader.report.wording import SHORT, ReportLimits, cut
from grader.wording import FINDING_TITLES

ROWS = 60
"""Of one table."""


class TableView(msgspec.Struct, frozen=True, kw_only=True):
    """A plain table."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int = 0


class InstructorView(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the page that students do not get."""

    copy: bool
    """This is a student's copy: what was left out of it can't be shown."""
    rubric: tuple[FactRow, ...]
    look: TableView | None
    replay: TableView | None
    launches: TableView | None
    failing: TableView | None


def instructor_view(record: Record, limits: ReportLimits) -> InstructorView:
    """Prepare what an instructor sees besides what students see."""
    rows = min(ROWS, limits.shapes)
    return InstructorView(
        copy=record.withheld is not None,
        rubric=_rubric(record),
        look=_look(record, rows),
        replay=_replay(record, rows),
        launches=_launches(record, rows),
        failing=_failing(record, rows),
    )


def replay_command(case: int) -> str:
    """What runs a case of this record again."""
    return f"grade replay record.json --case {case}" if case else ""


def _rubric(record: Record) -> tuple[FactRow, ...]:
    rubric = record.rubric
    if rubric is None:
        return ()
    mark = "all points" if rubric.pass_mark is None else f"{rubric.pass_mark} points"
    rows = [FactRow(term="Rubric", value=cut(rubric.title, SHORT) or "of a file")]
    rows.append(FactRow(term="Pass mark", value=mark))
    if rubric.due:
        rows.append(FactRow(term="Due", value=cut(rubric.due, SHORT)))
    rows.append(FactRow(term="Hints", value="shown" if rubric.hints else "not shown to students"))
    if rubric.digest:
        rows.append(FactRow(term="Digest of the rubric", value=cut(rubric.digest, SHORT)))
    return tuple(rows)


def _look(record: Record, most: int) -> TableView | None:
    rows = tuple(
        (str(each.line), cut(each.kind, SHORT), cut(each.sentence, 400)) for each in record.look
    )
    return _table("Worth a look in the source; it never decides", ("Line", "What", ""), rows, most)


def _replay(record: Record, most: int) -> TableView | None:
    """Every counterexample and finding with the command that shows it again."""
    titles = {check.id: check.title for check in record.checks}
    rows = [
        (
            f"{cut(titles.get(each.check, each.check), SHORT)}: {cut(each.title, SHORT)}",
            cut(values.sizes_text(each.sizes), SHORT),
            replay_command(each.case),
        )
        for each in record.counterexamples
    ]
    rows += [
        (
            FINDING_TITLES[each.finding.kind],
            cut(values.sizes_text(each.sizes), SHORT),
            replay_command(each.case),
        )
        for each in record.findings
    ]
    found = tuple(row for row in rows if row[-1])
    return _table("How to run a case again", ("What it shows", "Sizes", "Command"), found, most)


def _launches(record: Record, most: int) -> TableView | None:
    rows = tuple(
        (
            cut(each.kernel, SHORT),
            values.dims_text(each.grid),
            values.dims_text(each.block),
            values.bytes_text(each.shared_bytes),
            f"{each.count:,}",
            f"{each.failed:,}",
            f"{each.most_instructions:,}",
        )
        for each in record.launches
    )
    columns = ("Kernel", "Grid", "Block", "Shared memory", "Launches", "Failed", "Instructions")
    return _table("Launches, alike ones together", columns, rows, most)


def _failing(record: Record, most: int) -> TableView | None:
    """The cases that failed a check, from the log."""
    from grader.caselog import unpack

    try:
        cases = unpack(record.cases) if record.cases is not None else ()
    except RecordError:
        return None
    rows = tuple(
        (
            str(number),
            cut(values.sizes_text(case.sizes), SHORT),
            cut(case.values, SHORT),
            cut(", ".join(case.failed), SHORT),
            "" if case.output else "no output",
        )
        for number, case in enumerate(cases, start=1)
        if case.failed
    )
    caption = f"Cases that failed a check, of {len(cases):,}"
    return _table(caption, ("Case", "Sizes", "Values", "Failed checks", ""), rows, most)


def _table(
    caption: str, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], limit: int
) -> TableView | None:
    if not rows:
        return None
    return TableView(
        caption=caption, columns=columns, rows=rows[:limit], more=max(0, len(rows) - limit)
    )
