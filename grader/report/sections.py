"""Sections of a report as data: the rubric, how it was graded, what only an instructor sees."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

import msgspec

from grader.errors import RecordError
from grader.record import (
    CheckOutcome,
    PartInfo,
    ProgramOutput,
    Reason,
    Record,
    ShapeRun,
    Stage,
    Status,
)
from grader.report import style
from grader.report.style import SHORT, STATUS, Badge, ReportLimits, cut
from grader.wording.checks import (
    HIDDEN_FROM_STUDENTS,
    LANES,
    checks_not_made,
    program_sentence,
    reason_in_short,
)
from grader.wording.findings import FINDING_TITLES

PROGRAMS = 8
"""Runs of the program that are shown."""


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
    short: str
    """The same in a word or two, where the whole of it is told elsewhere."""
    cause: Reason | None
    part: str = ""
    note: str = ""


def check_runs(checks: tuple[CheckOutcome, ...]) -> list[CheckRun]:
    """The rubric in short: neighbours that were not made for one reason are one line."""
    runs: list[CheckRun] = []
    groups = groupby(checks, key=lambda c: (c.status, c.extra, c.reason, c.data, c.visibility))
    for (status, extra, *_), group in groups:
        members = list(group)
        reason = members[0].sentence
        if status is Status.NOT_CHECKED and len(members) > 1:
            title = checks_not_made(len(members))
            runs.append(_run(members, title, reason))
            continue
        for check in members:
            title = f"{check.title} (extra)" if extra else check.title
            runs.append(_run([check], title, "" if status is Status.PASSED else reason))
    return runs


def _run(checks: list[CheckOutcome], title: str, reason: str) -> CheckRun:
    first = checks[0]
    return CheckRun(
        badge=STATUS[first.status],
        title=title,
        points=sum(check.points for check in checks),
        max_points=sum(check.max_points for check in checks),
        reason=reason,
        short=reason_in_short(first.reason, first.data, reason),
        cause=first.reason,
        part=first.part,
        note=HIDDEN_FROM_STUDENTS[first.visibility],
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


def check_row(
    check: CheckOutcome, limits: ReportLimits, *, marked: bool, short: bool = False
) -> CheckRow:
    """One check; without points where there is no mark.

    Args:
        check: How it ended.
        limits: How much is shown.
        marked: Whether there is a mark.
        short: Whether a problem is left out, since its cause is told elsewhere.
    """
    told = short and check.reason is Reason.PROBLEM
    reason = "" if told else check.sentence
    return CheckRow(
        badge=STATUS[check.status],
        title=cut(check.title, SHORT),
        points=f"{check.points} / {check.max_points}" if marked else "",
        reason=cut(reason, limits.text),
        cases=f"{check.cases:,} cases" if check.cases > 1 else "",
        note=HIDDEN_FROM_STUDENTS[check.visibility],
    )


def once(rows: Iterable[CheckRow]) -> Iterator[CheckRow]:
    """Rows in which no reason stands twice."""
    seen: set[str] = set()
    for row in rows:
        repeated = row.reason in seen and not row.cases
        yield msgspec.structs.replace(row, reason="") if repeated else row
        seen.add(row.reason)


class ProgramRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the submission's own program."""

    title: str
    told: str
    """What came of it, as a sentence."""
    text: str
    """What it printed."""


def program_rows(record: Record, limits: ReportLimits) -> tuple[ProgramRow, ...]:
    """What the program printed, run by run; the last lines are the results."""
    return tuple(
        ProgramRow(
            title=f"Run with {cut(each.command, SHORT)}" if each.command else "Run by itself",
            told=cut(style.sentence(program_told(each)), limits.text),
            text=style.cut_head("\n".join(printed_lines(each)), 2 * limits.text),
        )
        for each in record.programs[:PROGRAMS]
    )


_DEBUGGING = re.compile(r"\s*To get more accurate error information, set MODULAR_DEBUG")


def printed_lines(run: ProgramOutput) -> list[str]:
    """What a run printed, without empty lines and what helps with nothing here."""
    lines = (line for line in run.text.splitlines() if line.strip())
    return [line for line in lines if not _DEBUGGING.match(line)]


def program_told(run: ProgramOutput) -> str:
    """What came of one run of a program."""
    return program_sentence(run.end, said=run.said, printed=run.printed)


class ShapeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One compiled shape."""

    sizes: tuple[str, ...]
    part: str
    origin: str
    cases: int
    outcome: Badge


class ShapeTable(msgspec.Struct, frozen=True, kw_only=True):
    """All shapes of the run."""

    names: tuple[str, ...]
    rows: tuple[ShapeRow, ...]
    total: int
    more: int


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the run."""

    name: str
    outcome: str
    seconds: str
    peak: str


class FactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One fact about the run."""

    term: str
    value: str
    remark: str = ""
    warns: bool = False
    """The remark says that something was less than it should be."""


KERNELS = 6
"""Kernels that are named."""
NAME = 40
"""Characters of the name of a part."""
PARTS = 8
"""Parts of a puzzle that are told of."""


def shape_table(shapes: tuple[ShapeRun, ...], limits: ReportLimits) -> ShapeTable | None:
    """The shapes of the plan, or None where none was compiled."""
    if not shapes:
        return None
    names = list(dict.fromkeys(name for shape in shapes[: limits.shapes] for name in shape.sizes))[
        :8
    ]
    rows = tuple(
        ShapeRow(
            sizes=tuple(str(shape.sizes.get(name, "")) for name in names),
            part=f"{cut(shape.part, NAME)} {shape.scope}" if shape.part else shape.scope,
            origin=cut(shape.origin, SHORT),
            cases=shape.cases,
            outcome=_shape_outcome(shape),
        )
        for shape in shapes[: limits.shapes]
    )
    return ShapeTable(
        names=tuple(cut(name, SHORT) for name in names),
        rows=rows,
        total=len(shapes),
        more=max(0, len(shapes) - limits.shapes),
    )


def _shape_outcome(shape: ShapeRun) -> Badge:
    if not shape.cases:
        return Badge("○", "not run", "none")
    if not shape.failures:
        return Badge("✓", "right", "pass")
    return Badge("✗", f"{shape.failures} wrong", "fail")


def stage_row(stage: Stage) -> StageRow:
    """One stage; a skipped one took no time."""
    return StageRow(
        name=cut(stage.name, SHORT),
        outcome=stage.outcome.value,
        seconds=style.seconds_text(stage.seconds),
        peak="" if stage.peak_bytes is None else style.bytes_text(stage.peak_bytes),
    )


def facts(record: Record, *, mangled: bool = True) -> tuple[FactRow, ...]:
    """The facts that a reader needs to trust or repeat the run.

    Args:
        record: What they are of.
        mangled: Whether kernels have the names that the compiler gave them, too.
    """
    rows: list[FactRow] = []

    def say(term: str, value: str, remark: str = "", *, warns: bool = False) -> None:
        if value:
            row = FactRow(term=term, value=cut(value, 400), remark=cut(remark, 400), warns=warns)
            rows.append(row)

    if record.puzzle.reason:
        say("Puzzle", record.puzzle.name, record.puzzle.reason)
    for kernel, own in record.puzzle.taken.items():
        say("Kernel", own, f"graded as {kernel}, which the file does not have, or leaves empty")
    for part in record.puzzle.parts[:PARTS]:
        of = f" of {cut(part.name, NAME)}" if len(record.puzzle.parts) > 1 else ""
        say(f"Task{of}", part.formula, part.domain)
        say(f"Sizes{of} tried", *_sizes_tried(record, part))
    if record.toolchain is not None:
        chain = record.toolchain
        named = [("MAX", chain.max_version), ("Mojo", chain.mojo_version)]
        named.append(("Python", chain.python_version))
        versions = ", ".join(f"{name} {version}" for name, version in named if version)
        say("Toolchain", versions or chain.edition, chain.edition_reason)
    if record.device is not None:
        say("Device", record.device.name, record.device.reason)
    if record.toolchain is not None and record.toolchain.lane is not None:
        say("Run", LANES[record.toolchain.lane])
    if record.isolation is not None:
        note = record.isolation.note
        say("Isolation", record.isolation.level, note, warns=bool(note))
    if record.cases_run and record.withheld is None:
        say("Examples", f"{record.examples:,} asked for, {record.cases_run:,} run")
        say("Seed", record.seed, "The same seed repeats this run.")
    kernels = record.kernels if mangled else tuple(_named_kernels(record))
    more = f", and {len(kernels) - KERNELS} more" if len(kernels) > KERNELS else ""
    say(
        "Kernels launched" if len(kernels) > 1 else "Kernel launched",
        ", ".join(kernels[:KERNELS]) + more,
    )
    if record.submission.sha256:
        size = style.bytes_text(record.submission.size)
        say("File", f"{size}, SHA-256 {record.submission.sha256}")
    return tuple(rows)


def _named_kernels(record: Record) -> Iterator[str]:
    """The kernels that were launched, as the file calls them."""
    text = record.submission.text
    own = dict.fromkeys(re.findall(r"^(?:def|fn)\s+(\w+)", text, re.MULTILINE))
    for name in own:
        if any(re.match(rf"(?:\w+_)?{name}(?:\b|_|$)", each) for each in record.kernels):
            yield name


def _sizes_tried(record: Record, part: PartInfo) -> tuple[str, str]:
    """At how many of the assigned sizes something ran, and why at no more."""
    own = [shape for shape in record.shapes if shape.part in ("", part.name)]
    planned = [shape for shape in own if shape.scope == "assigned"]
    count = sum(1 for shape in planned if shape.cases)
    if not planned:
        return "", ""
    if not part.sizes:
        return str(count), "There are too many to try each one: these are the boundaries and some."
    why = (
        "The file is the given one with a plain launch, which treats all sizes alike: a sample "
        "stands for them. grade submit --sizes all tries every one."
    )
    sampled = len(planned) < part.sizes
    return f"{count} of {part.sizes}", why if sampled else ""


def moment(created: str) -> str:
    """``22 November 2025, 16:04 UTC``; as it stands where it is not a date."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return cut(created, SHORT)
    zone = " UTC" if when.utcoffset() is not None and not when.utcoffset() else ""
    return f"{when.day} {when:%B %Y, %H:%M}{zone}"


ROWS = 60
"""Rows that one table shows."""


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


class AgainView(msgspec.Struct, frozen=True, kw_only=True):
    """How whoever has the record sees a case again."""

    replay: str
    repro: str
    """Writes a program that runs it by itself; empty where there is none."""


def again_view(record: Record) -> AgainView | None:
    """The commands for the smallest failing case; None where a record has nothing to run."""
    examples = [each.case for each in record.counterexamples if each.case]
    found = examples or [each.case for each in record.findings if each.case]
    if not found or not record.is_whole or record.cases is None:
        return None
    return AgainView(
        replay=replay_command(found[0]),
        repro="grade report record.json --format repro" if examples else "",
    )


def replay_command(case: int) -> str:
    """The command that runs a case of this record again."""
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
            cut(style.sizes_text(each.sizes), SHORT),
            replay_command(each.case),
        )
        for each in record.counterexamples
    ]
    rows += [
        (
            FINDING_TITLES[each.finding.kind],
            cut(style.sizes_text(each.sizes), SHORT),
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
            style.grid_text(each.grid, each.cluster),
            style.dims_text(each.block),
            style.bytes_text(each.shared_bytes),
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
            cut(style.sizes_text(case.sizes), SHORT),
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
