"""The page as data: everything that a template prints, and nothing that it has to work out.

What is shown is capped here, so that a report stays small and readable
whatever the record holds; each cap says what it left out.
"""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from pathlib import PurePosixPath

import msgspec

from grader.device.evidence import Finding, FindingKind
from grader.record import (
    Attribution,
    Check,
    CheckedFinding,
    Diagnostic,
    Note,
    Record,
    ShapeRun,
    Stage,
    Status,
    Verdict,
)
from grader.report import values
from grader.report.counterexample import CaseView, case_view
from grader.report.source import Excerpt, excerpt

CASES = 3
FINDINGS = 8
DIAGNOSTICS = 10
NOTES = 4
CHECKS = 40
SHAPES = 200
ADVICE = 5
TEXT = 1_200
"""Characters of one message."""
SHORT = 200
"""Characters of one name or title."""
DETAIL = 4_000
"""Characters of the operator's detail: the last ones."""


class Badge(msgspec.Struct, frozen=True):
    """A state as an icon and a word; ``tone`` names the colour."""

    icon: str
    word: str
    tone: str


STATUS = {
    Status.PASSED: Badge("✓", "passed", "pass"),
    Status.FAILED: Badge("✗", "failed", "fail"),
    Status.NOT_CHECKED: Badge("–", "not checked", "none"),
}
VERDICT = {
    Verdict.PASS: Badge("✓", "Passed", "pass"),
    Verdict.FAIL: Badge("✗", "Not passed", "fail"),
    Verdict.REFUSED: Badge("↩", "Not accepted", "refused"),
    Verdict.FAULT: Badge("!", "No mark", "fault"),
}


class CheckRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the rubric."""

    badge: Badge
    title: str
    points: str
    """``20 / 20``; empty where there is no mark."""
    reason: str
    cases: str


class Segment(msgspec.Struct, frozen=True):
    """A piece of the bar under the score."""

    weight: int
    tone: str


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A note of the compiler."""

    place: str
    message: str
    excerpt: Excerpt | None = None


class DiagnosticView(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the compiler."""

    badge: Badge
    place: str
    message: str
    excerpt: Excerpt | None
    advice: str
    notes: tuple[PlaceView, ...]
    more_notes: int


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of the device."""

    title: str
    message: str
    explanation: str
    facts: tuple[tuple[str, str], ...]
    excerpt: Excerpt | None


class FaultView(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no verdict."""

    title: str
    what: str
    stage: str
    kind: str
    detail: str


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
    next_title: str
    next_steps: tuple[str, ...]
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
    skeleton_findings: tuple[FindingView, ...]
    more_skeleton_findings: int
    fault: FaultView | None
    rubric_title: str
    how_title: str
    facts: tuple[FactRow, ...]
    shapes: ShapeTable | None
    stages: tuple[StageRow, ...]
    created: str
    version: str


def page(record: Record) -> Page:
    """Prepare a record for the HTML template."""
    badge = VERDICT[record.verdict]
    marked = record.verdict in (Verdict.PASS, Verdict.FAIL)
    checks = record.checks[:CHECKS]
    # Errors before warnings; the compiler's order within each.
    messages = sorted(record.diagnostics, key=lambda d: d.severity != "error")
    titles = {check.id: check.title for check in checks}
    cases = [case_view(c, titles.get(c.check, c.check)) for c in record.counterexamples[:CASES]]
    by_student, by_skeleton = split_findings(record)
    steps = next_steps(record)[:ADVICE]
    fault = None
    if record.fault is not None:
        ours = record.verdict is Verdict.FAULT
        fault = FaultView(
            title="What went wrong on our side" if ours else "Why it was not accepted",
            what=cut(record.fault.what),
            stage=cut(record.fault.stage, SHORT),
            kind=cut(record.fault.kind, SHORT),
            detail=cut_head(record.fault.detail),
        )
    return Page(
        title=_title(record),
        badge=badge,
        lead=lead(record),
        score=str(record.score) if marked else "",
        max_score=str(record.max_score) if marked else "",
        extra=extra_text(record) if marked else "",
        segments=_segments(checks) if marked else (),
        headline=cut(record.headline),
        file=cut(record.submission.name, SHORT),
        puzzle=cut(record.puzzle.title or record.puzzle.name, SHORT),
        next_title=next_title(record),
        next_steps=tuple(cut(step) for step in steps),
        checks=tuple(_check(c, marked=marked) for c in checks if not c.extra),
        extra_checks=tuple(_check(c, marked=marked) for c in checks if c.extra),
        errors_first=not cases and any(d.severity == "error" for d in messages),
        diagnostics=tuple(_diagnostic(d, record, steps) for d in messages[:DIAGNOSTICS]),
        more_diagnostics=max(0, len(messages) - DIAGNOSTICS),
        case=cases[0] if cases else None,
        more_cases=tuple(cases[1:]),
        hidden_cases=max(0, len(record.counterexamples) - CASES),
        findings=tuple(_finding(f, record) for f in by_student[:FINDINGS]),
        more_findings=max(0, len(by_student) - FINDINGS),
        skeleton_findings=tuple(_finding(f, record) for f in by_skeleton[:FINDINGS]),
        more_skeleton_findings=max(0, len(by_skeleton) - FINDINGS),
        fault=fault,
        rubric_title="Points" if marked else "What had been checked by then",
        how_title="About this file" if record.verdict is Verdict.REFUSED else "How it was graded",
        facts=_facts(record),
        shapes=_shapes(record.shapes),
        stages=tuple(_stage(s) for s in record.stages[:20]),
        created=_moment(record.created),
        version=cut(record.grader_version, SHORT),
    )


def cut(text: str, limit: int = TEXT) -> str:
    """At most ``limit`` characters of a text, saying how many are missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} more characters)"


def cut_head(text: str, limit: int = DETAIL) -> str:
    """The last ``limit`` characters: what a failing process said last matters most."""
    return text if len(text) <= limit else f"({len(text) - limit} characters) …{text[-limit:]}"


def sentence(text: str) -> str:
    """A message as a sentence: a capital first, a full stop last."""
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?:)" else text + "."


def lead(record: Record) -> str:
    """What the verdict means, where the word alone could be misread."""
    if record.verdict is Verdict.FAULT:
        return "the grader failed, not your work"
    if record.verdict is Verdict.REFUSED:
        return "it was not graded"
    return ""


def extra_text(record: Record) -> str:
    """``+ 10 extra``, or nothing where no extra credit was earned."""
    return f"+ {record.extra_score} extra" if record.extra_score else ""


def next_title(record: Record) -> str:
    """The heading of what to do now."""
    return {
        Verdict.PASS: "What you can do next",
        Verdict.FAIL: "What to do next",
        Verdict.REFUSED: "What to hand in instead",
        Verdict.FAULT: "What happens now",
    }[record.verdict]


def next_steps(record: Record) -> list[str]:
    """What to do, most useful first; never empty for a verdict that asks for something."""
    steps = [step for step in record.advice if step.strip()]
    if record.verdict is Verdict.FAULT:
        standing = "You lose nothing: no points were taken, and the same file can be graded again."
        remedy = [record.fault.remedy] if record.fault and record.fault.remedy else []
        return [standing, *dict.fromkeys([*remedy, *steps])]
    if record.verdict is Verdict.REFUSED:
        remedy = [record.fault.remedy] if record.fault and record.fault.remedy else []
        fallback = f"Hand in your {record.puzzle.name} source: one Mojo file, UTF-8 text."
        return list(dict.fromkeys([*steps, *remedy])) or [fallback]
    if record.verdict is Verdict.PASS:
        return steps or ["Nothing: all points are yours."]
    told = [d.advice for d in record.diagnostics if d.severity == "error" and d.advice][:1]
    told += [c.explanation for c in record.counterexamples if c.explanation][:1]
    told += [f.explanation for f in split_findings(record)[0] if f.explanation][:1]
    failed = [c.title for c in record.checks if c.status is Status.FAILED and not c.extra][:1]
    return steps or told or [f"Look at the first check that failed: {t}." for t in failed]


class CheckRun(msgspec.Struct, frozen=True, kw_only=True):
    """One check, or neighbours that were not made for the same reason."""

    badge: Badge
    title: str
    points: int
    max_points: int
    reason: str


def check_runs(checks: tuple[Check, ...]) -> list[CheckRun]:
    """The rubric for little room."""
    runs: list[CheckRun] = []
    groups = groupby(checks, key=lambda c: (c.status, c.extra, c.reason))
    for (status, extra, reason), group in groups:
        members = list(group)
        if status is Status.NOT_CHECKED and len(members) > 1:
            title = f"{len(members)} checks were not made"
            runs.append(_run(members, title, reason))
            continue
        for check in members:
            title = f"{check.title} (extra)" if extra else check.title
            runs.append(_run([check], title, "" if status is Status.PASSED else reason))
    return runs


def _run(checks: list[Check], title: str, reason: str) -> CheckRun:
    return CheckRun(
        badge=STATUS[checks[0].status],
        title=title,
        points=sum(check.points for check in checks),
        max_points=sum(check.max_points for check in checks),
        reason=reason,
    )


def split_findings(record: Record) -> tuple[list[CheckedFinding], list[CheckedFinding]]:
    """The findings about the student's code, and those about the code that was given."""
    parts: tuple[list[CheckedFinding], list[CheckedFinding]] = ([], [])
    for finding in record.findings:
        parts[finding.attribution is Attribution.SKELETON].append(finding)
    return parts


def _title(record: Record) -> str:
    name, badge = cut(record.submission.name, 80), VERDICT[record.verdict]
    if record.verdict in (Verdict.PASS, Verdict.FAIL):
        return f"{badge.word}, {record.score} of {record.max_score}: {name}"
    return f"{badge.word}: {name}"


def _segments(checks: tuple[Check, ...]) -> tuple[Segment, ...]:
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


def _check(check: Check, *, marked: bool) -> CheckRow:
    return CheckRow(
        badge=STATUS[check.status],
        title=cut(check.title, SHORT),
        points=f"{check.points} / {check.max_points}" if marked else "",
        reason=cut(check.reason),
        cases=f"{check.cases:,} cases" if check.cases > 1 else "",
    )


def _diagnostic(diagnostic: Diagnostic, record: Record, steps: list[str]) -> DiagnosticView:
    error = diagnostic.severity == "error"
    return DiagnosticView(
        badge=Badge("✗", "error", "fail") if error else Badge("!", "warning", "none"),
        place=_place(diagnostic.file, diagnostic.line, diagnostic.column),
        message=cut(diagnostic.message),
        excerpt=excerpt(record.submission.text, diagnostic.line, diagnostic.column),
        # Said at the top already, where it is the next step.
        advice="" if diagnostic.advice in steps else cut(diagnostic.advice),
        notes=tuple(_note(n, diagnostic, record) for n in diagnostic.notes[:NOTES]),
        more_notes=max(0, len(diagnostic.notes) - NOTES),
    )


def _note(note: Note, parent: Diagnostic, record: Record) -> PlaceView:
    own = note.file is None or is_submission(note.file, record) or note.file == parent.file
    shown = excerpt(record.submission.text, note.line, note.column, context=0) if own else None
    return PlaceView(
        place=_place(note.file, note.line, note.column),
        message=cut(note.message, 400),
        excerpt=shown,
    )


def is_submission(file: str | None, record: Record) -> bool:
    """Whether a path that a compiler or a device names is the student's own file.

    The submission is packaged under the puzzle's name, whatever it was called.
    """
    if file is None:
        return False
    return PurePosixPath(file).name in (record.submission.name, f"{record.puzzle.name}.mojo")


def _place(file: str | None, line: int | None, column: int | None) -> str:
    if line is None:
        return cut(file or "", SHORT)
    where = f"line {line}" if column is None else f"line {line}, column {column}"
    return f"{cut(file, SHORT)}, {where}" if file else where


FINDING_TITLES = {
    FindingKind.OUT_OF_BOUNDS: "Access outside of an array",
    FindingKind.MISALIGNED: "Misaligned access",
    FindingKind.UNINITIALISED_READ: "Read of memory that nothing wrote",
    FindingKind.RACE: "Race between two threads",
    FindingKind.BARRIER_DIVERGENCE: "Barrier that not every thread reaches",
    FindingKind.BUDGET_EXCEEDED: "Kernel that does not come to an end",
    FindingKind.BAD_LAUNCH: "Launch that the device refuses",
    FindingKind.TRAP: "Kernel that stopped itself",
}


def finding_excerpt(finding: Finding, record: Record, *, context: int = 2) -> Excerpt | None:
    """The line of the student's source that a finding is about, where it is known."""
    if finding.source_file is not None and not is_submission(finding.source_file, record):
        return None
    return excerpt(record.submission.text, finding.source_line, context=context)


def _finding(checked: CheckedFinding, record: Record) -> FindingView:
    finding = checked.finding
    return FindingView(
        title=FINDING_TITLES[finding.kind],
        message=sentence(cut(finding.message)),
        explanation=cut(checked.explanation),
        facts=tuple((term, value) for term, value in _finding_facts(checked) if value),
        excerpt=finding_excerpt(finding, record),
    )


def _finding_facts(checked: CheckedFinding) -> list[tuple[str, str]]:
    finding = checked.finding
    many = f"{finding.count:,} times in this run" if finding.count > 1 else ""
    instruction = cut(finding.ptx_text or "", SHORT).strip()
    if instruction and finding.ptx_line is not None:
        instruction = f"{instruction} (PTX line {finding.ptx_line})"
    return [
        ("Input", values.sizes_text(checked.sizes)),
        ("Thread", who(finding.block, finding.thread)),
        ("Other thread", who(finding.other_block, finding.other_thread)),
        ("Access", _access(finding)),
        ("Seen", many),
        ("Instruction", instruction),
    ]


def who(block: tuple[int, int, int] | None, thread: tuple[int, int, int] | None) -> str:
    """``block 0, thread 3``; empty where it is not known."""
    parts = [
        f"{word} {values.dims_text(place)}"
        for word, place in (("block", block), ("thread", thread))
        if place is not None
    ]
    return ", ".join(parts)


def _access(finding: Finding) -> str:
    if finding.access is None and finding.space is None:
        return ""
    memory = f"{finding.space.value} memory" if finding.space else "memory"
    cell = f", cell {finding.cell}" if finding.cell is not None else ""
    return f"{cut(finding.access or 'access', SHORT)} of {memory}{cell}"


def _shapes(shapes: tuple[ShapeRun, ...]) -> ShapeTable | None:
    if not shapes:
        return None
    names = list(dict.fromkeys(name for shape in shapes[:SHAPES] for name in shape.sizes))[:8]
    rows = tuple(
        ShapeRow(
            sizes=tuple(str(shape.sizes.get(name, "")) for name in names),
            part=shape.part,
            origin=cut(shape.origin, SHORT),
            cases=shape.cases,
            outcome=_shape_outcome(shape),
        )
        for shape in shapes[:SHAPES]
    )
    return ShapeTable(
        names=tuple(cut(name, SHORT) for name in names),
        rows=rows,
        total=len(shapes),
        more=max(0, len(shapes) - SHAPES),
    )


def _shape_outcome(shape: ShapeRun) -> Badge:
    if not shape.cases:
        return Badge("–", "not run", "none")
    if not shape.failures:
        return Badge("✓", "right", "pass")
    return Badge("✗", f"{shape.failures} wrong", "fail")


def _stage(stage: Stage) -> StageRow:
    return StageRow(
        name=cut(stage.name, SHORT),
        outcome=stage.outcome.value,
        seconds="" if stage.outcome == "skipped" else values.seconds_text(stage.seconds),
        peak="" if stage.peak_bytes is None else values.bytes_text(stage.peak_bytes),
    )


def _facts(record: Record) -> tuple[FactRow, ...]:
    rows: list[FactRow] = []

    def say(term: str, value: str, remark: str = "", *, warns: bool = False) -> None:
        if value:
            row = FactRow(term=term, value=cut(value, 400), remark=cut(remark, 400), warns=warns)
            rows.append(row)

    say("Task", record.puzzle.formula, record.puzzle.domain)
    if record.toolchain is not None:
        chain = record.toolchain
        named = [("MAX", chain.max_version), ("Mojo", chain.mojo_version)]
        named.append(("Python", chain.python_version))
        versions = ", ".join(f"{name} {version}" for name, version in named if version)
        say("Toolchain", versions or chain.edition, chain.edition_reason)
    if record.device is not None:
        say("Device", record.device.name, record.device.reason)
    if record.isolation is not None:
        note = record.isolation.note
        say("Isolation", record.isolation.level, note, warns=bool(note))
    if record.cases_run:
        say("Examples", f"{record.examples:,} asked for, {record.cases_run:,} run")
        say("Seed", record.seed, "The same seed repeats this run.")
    say("Kernels launched", ", ".join(record.kernels[:8]))
    if record.submission.sha256:
        size = values.bytes_text(record.submission.size)
        say("File", f"{size}, SHA-256 {record.submission.sha256}")
    return tuple(rows)


def _moment(created: str) -> str:
    """``22 November 2025, 16:04 UTC``; as it stands where it is not a date."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return cut(created, SHORT)
    zone = " UTC" if moment.utcoffset() is not None and not moment.utcoffset() else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"
