"""The HTML report: one file, no network, no script.

`page` makes the record into everything that the template prints, so that the template works nothing
out. What is shown is capped there: a report stays small and readable whatever the record holds, and
each cap says what it left out.

Everything that a record holds is escaped, twice guarded: Jinja's autoescape is always on, and every
printed text passes `for_terminal` on the way, so that control characters and characters that
reorder a line are seen, not obeyed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from grader.audience import as_seen
from grader.folders import data_directory
from grader.guidance import Cause, causes, joined, sketches, telling
from grader.intake.display import for_terminal
from grader.record import (
    Audience,
    CheckedFinding,
    Counterexample,
    Diagnostic,
    OutputCase,
    Record,
    Verdict,
)
from grader.report.annotated_source import ListedLine, MarginNote, listing, notes_of
from grader.report.counterexample import CaseView, case_view
from grader.report.launch import LaunchDrawing, draw_launch
from grader.report.messages import (
    CauseView,
    DiagnosticView,
    FindingView,
    cause_view,
    diagnostic_view,
    finding_view,
)
from grader.report.places import PlacesDrawing, draw_places
from grader.report.profiles import UsageView, usage_view
from grader.report.sections import (
    AgainView,
    CheckRow,
    FactRow,
    InstructorView,
    ProgramRow,
    Segment,
    ShapeTable,
    StageRow,
    again_view,
    check_row,
    facts,
    instructor_view,
    moment,
    once,
    program_rows,
    segments,
    shape_table,
    stage_row,
)
from grader.report.since import SinceView, since_view
from grader.report.style import (
    LIMITS,
    SHORT,
    Badge,
    ReportLimits,
    cut,
    cut_head,
    extra_text,
    lead,
    next_steps,
    next_title,
    split_findings,
)
from grader.report.style import badge as verdict_badge
from grader.wording.findings import FINDING_TITLES
from grader.wording.verdicts import SKETCH_TITLE, THOUGHTS_TITLE, smallest_input

if TYPE_CHECKING:
    from jinja2 import Environment, Template


CHECKS = 40
ADVICE = 5
STAGES = 20
DETAIL = 4_000
"""Characters of the operator's detail: the last ones."""


class HintView(msgspec.Struct, frozen=True, kw_only=True):
    """A step of hints, behind a fold."""

    title: str
    steps: tuple[str, ...] = ()
    sketches: tuple[tuple[str, str], ...] = ()
    """The line that each is about, if it is known, and its text."""


class FaultView(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no verdict."""

    title: str
    what: str
    stage: str
    kind: str
    detail: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report."""

    title: str
    badge: Badge
    lead: str
    """What stands behind the word of the verdict: ``the grader failed, not your work``."""
    score: str
    max_score: str
    extra: str
    segments: tuple[Segment, ...]
    headline: str
    file: str
    puzzle: str
    causes: tuple[CauseView, ...]
    next_title: str
    next_steps: tuple[str, ...]
    hints: tuple[HintView, ...]
    """What shows when it is asked for."""
    since: SinceView | None
    checks: tuple[CheckRow, ...]
    extra_checks: tuple[CheckRow, ...]
    errors_first: bool
    """The compiler's messages explain the verdict, so they stand before the rubric."""
    diagnostics: tuple[DiagnosticView, ...]
    more_diagnostics: int
    case: CaseView | None
    more_cases: tuple[CaseView, ...]
    hidden_cases: int
    findings: tuple[FindingView, ...]
    more_findings: int
    places: tuple[PlacesDrawing, ...]
    """Where in the block the wrong outputs lie, part by part."""
    listing: tuple[ListedLine, ...]
    """The student's file, with what was found at its lines."""
    marked: bool
    """Whether something was found at a line of it."""
    case_title: str
    """Above the first case."""
    programs: tuple[ProgramRow, ...]
    usage: UsageView | None
    skeleton_findings: tuple[FindingView, ...]
    more_skeleton_findings: int
    fault: FaultView | None
    rubric_title: str
    how_title: str
    facts: tuple[FactRow, ...]
    shapes: ShapeTable | None
    stages: tuple[StageRow, ...]
    instructor: InstructorView | None
    again: AgainView | None
    """How to run a case again."""
    created: str
    version: str


def page(record: Record, limits: ReportLimits, audience: Audience = "student") -> Page:
    """Prepare a record for the HTML template."""
    badge = verdict_badge(record)
    marked = record.verdict in (Verdict.PASS, Verdict.FAIL)
    checks = record.checks[:CHECKS]
    # Errors before warnings; the compiler's order within each.
    messages = sorted(record.diagnostics, key=lambda d: d.severity != "error")
    titles = {check.id: check.title for check in checks}
    told = causes(record)
    examples = telling(record, told)
    # The compiler's messages have a place of their own.
    known = [each for each in told if each.diagnostic is None]
    said = {each.sentence for each in known}
    cases = [
        case_view(
            c,
            output,
            titles.get(c.check, c.check),
            limits,
            said=said,
            launch=_launch_of(c, output, record),
        )
        for c in examples[: limits.cases]
        for output in c.shown[: limits.cases]
    ]
    explained = {each.part for each in known}
    rows = list(
        once(check_row(c, limits, marked=marked, short=c.part in explained) for c in checks)
    )
    by_student, by_skeleton = split_findings(record)
    by_student = [each for each in by_student if not any(each is c.finding for c in known)]
    steps = next_steps(record)[:ADVICE]
    open_steps = next_steps(record, 1)
    fault = None
    if record.fault is not None:
        ours = record.verdict is Verdict.FAULT
        fault = FaultView(
            title="What went wrong on our side" if ours else "Why it was not accepted",
            what=cut(record.fault.what, limits.text),
            stage=cut(record.fault.stage, SHORT),
            kind=cut(record.fault.kind, SHORT),
            detail=cut_head(record.fault.detail, DETAIL),
        )
    stories = joined(known)[: limits.findings]
    extra = {check.id for check in record.checks if check.extra}
    rows_of_file = listing(
        record.submission.text,
        _margin(
            record,
            [each for each, _ in stories],
            by_student[: limits.findings],
            by_skeleton[: limits.findings],
            messages[: limits.diagnostics],
        ),
        # A right file has nothing in it that its author has to find.
        limits.listed if record.verdict is not Verdict.PASS else 0,
    )
    noted = any(row.notes for row in rows_of_file)
    return Page(
        title=_title(record),
        badge=badge,
        lead=lead(record),
        score=str(record.score) if marked else "",
        max_score=str(record.max_score) if marked else "",
        extra=extra_text(record) if marked else "",
        segments=segments(checks) if marked else (),
        headline=cut(record.headline, limits.text),
        file=cut(record.submission.name, SHORT),
        puzzle=cut(record.puzzle.title or record.puzzle.name, SHORT),
        causes=tuple(cause_view(*each, record, limits) for each in stories),
        next_title=next_title(record),
        next_steps=tuple(cut(step, limits.text) for step in steps if step in open_steps),
        hints=tuple(_hints([step for step in steps if step not in open_steps], record, limits)),
        since=since_view(record),
        checks=tuple(row for row, c in zip(rows, checks, strict=True) if not c.extra),
        extra_checks=tuple(row for row, c in zip(rows, checks, strict=True) if c.extra),
        errors_first=not cases and any(d.severity == "error" for d in messages),
        diagnostics=tuple(
            diagnostic_view(d, record, steps, limits) for d in messages[: limits.diagnostics]
        ),
        more_diagnostics=max(0, len(messages) - limits.diagnostics),
        case=cases[0] if cases else None,
        more_cases=tuple(cases[1:]),
        hidden_cases=max(0, len(examples) - limits.cases),
        findings=tuple(
            finding_view(f, record, steps, limits) for f in by_student[: limits.findings]
        ),
        more_findings=max(0, len(by_student) - limits.findings),
        places=tuple(filter(None, map(draw_places, record.places[: limits.cases]))),
        # Where nothing is wrong with the file, and nothing noted, it shows nothing.
        listing=rows_of_file if noted or record.verdict is Verdict.FAIL else (),
        marked=noted,
        case_title=smallest_input(beyond=bool(examples) and examples[0].check in extra),
        programs=program_rows(record, limits),
        usage=usage_view(record, limits),
        skeleton_findings=tuple(
            finding_view(f, record, steps, limits) for f in by_skeleton[: limits.findings]
        ),
        more_skeleton_findings=max(0, len(by_skeleton) - limits.findings),
        fault=fault,
        rubric_title="Points" if marked else "What had been checked by then",
        how_title="About this file" if record.verdict is Verdict.REFUSED else "How it was graded",
        facts=facts(record, mangled=audience == "instructor"),
        shapes=shape_table(record.shapes, limits),
        stages=tuple(stage_row(s) for s in record.stages[:STAGES]),
        instructor=instructor_view(record, limits) if audience == "instructor" else None,
        again=again_view(record) if record.verdict is Verdict.FAIL else None,
        created=moment(record.created),
        version=cut(record.grader_version, SHORT),
    )


def _margin(
    record: Record,
    known: Sequence[Cause],
    findings: Sequence[CheckedFinding],
    given: Sequence[CheckedFinding],
    messages: Sequence[Diagnostic],
) -> Iterator[MarginNote]:
    """What stands in the margin of the file, each with the id of what explains it."""
    for number, cause in enumerate(known, start=1):
        target = f"cause-{number}"
        if cause.finding is not None:
            title = FINDING_TITLES[cause.finding.finding.kind]
            yield from notes_of(cause.finding.finding, title, target, record)
        elif cause.line is not None:
            yield MarginNote(line=cause.line, text=cut(cause.sentence, SHORT), target=target)
    for name, group in (("finding", findings), ("given", given)):
        for number, each in enumerate(group, start=1):
            title = FINDING_TITLES[each.finding.kind]
            yield from notes_of(each.finding, title, f"{name}-{number}", record)
    for number, message in enumerate(messages, start=1):
        if message.line is not None:
            text = f"{message.severity}: {cut(message.message, SHORT)}"
            yield MarginNote(line=message.line, text=text, target=f"message-{number}")


def _launch_of(example: Counterexample, output: OutputCase, record: Record) -> LaunchDrawing | None:
    """The drawing of a case, where the record has a trace of it."""
    return next(
        (
            draw_launch(trace, record.submission.name, record.submission.text)
            for trace in record.traces
            if trace.check == example.check
            and trace.sizes == example.sizes
            and any(each.name == output.expected.name for each in trace.outputs)
        ),
        None,
    )


def _hints(steps: list[str], record: Record, limits: ReportLimits) -> Iterator[HintView]:
    if steps:
        yield HintView(title=THOUGHTS_TITLE, steps=tuple(cut(step, limits.text) for step in steps))
    if shapes := sketches(record)[: limits.findings]:
        yield HintView(
            title=SKETCH_TITLE,
            sketches=tuple(
                (f"Line {line}" if line else "", cut(text, limits.text)) for line, text in shapes
            ),
        )


def _title(record: Record) -> str:
    name, badge = cut(record.submission.name, 80), verdict_badge(record)
    if record.verdict in (Verdict.PASS, Verdict.FAIL):
        return f"{badge.word}, {record.score} of {record.max_score}: {name}"
    return f"{badge.word}: {name}"


MAX_BYTES = 300_000
TEMPLATE = "report.html.j2"


def render_html(record: Record, audience: Audience = "student") -> str:
    """The report of one record; the same record always gives the same text.

    A student's is made of the student's copy, whichever record is given.

    A record with more in it than `MAX_BYTES` hold is shown in less detail.
    """
    record = as_seen(record, audience)
    text = ""
    for limits in LIMITS:
        text = _template().render(page=page(record, limits, audience))
        if len(text.encode("utf-8")) <= MAX_BYTES:
            break
    return text


def preload() -> None:
    """Load the template engine and compile the templates, the included ones too."""
    templates = environment()
    for name in templates.list_templates(filter_func=lambda name: name.startswith("report")):
        templates.get_template(name)


def _template() -> Template:
    return environment().get_template(TEMPLATE)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The template engine of every page: whatever is printed is escaped and made visible."""
    # Imported here: jinja2 takes longer to import than a small report to render.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(data_directory("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _finalize(value: object) -> object:
    # Exactly str: what a macro returns is Markup, and has been through here.
    return for_terminal(value) if type(value) is str else value
