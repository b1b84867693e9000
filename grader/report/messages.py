"""What the compiler said and what the device saw, each at its line of the source."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from grader.device import Dim3, Finding
from grader.record import CheckedFinding, Diagnostic, Note, Record
from grader.report import values
from grader.report.source import Excerpt, excerpt
from grader.report.wording import SHORT, Badge, ReportLimits, cut, sentence
from grader.wording import FINDING_TITLES


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


def diagnostic_view(
    diagnostic: Diagnostic, record: Record, steps: list[str], limits: ReportLimits
) -> DiagnosticView:
    """One message; its advice is left out where ``steps``, shown before, has it."""
    error = diagnostic.severity == "error"
    return DiagnosticView(
        badge=Badge("✗", "error", "fail") if error else Badge("!", "warning", "none"),
        place=_place(diagnostic.file, diagnostic.line, diagnostic.column),
        message=cut(diagnostic.message, limits.text),
        excerpt=excerpt(
            record.submission.text, diagnostic.line, diagnostic.column, context=limits.context
        ),
        # Said at the top already, where it is the next step.
        advice="" if diagnostic.advice in steps else cut(diagnostic.advice, limits.text),
        notes=tuple(_note(n, diagnostic, record) for n in diagnostic.notes[: limits.notes]),
        more_notes=max(0, len(diagnostic.notes) - limits.notes),
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


def finding_excerpt(finding: Finding, record: Record, *, context: int = 2) -> Excerpt | None:
    """The line of the student's source that a finding is about, where it is known."""
    if finding.source_file is not None and not is_submission(finding.source_file, record):
        return None
    return excerpt(record.submission.text, finding.source_line, context=context)


def finding_view(checked: CheckedFinding, record: Record, limits: ReportLimits) -> FindingView:
    """One finding, in the student's terms."""
    finding = checked.finding
    return FindingView(
        title=FINDING_TITLES[finding.kind],
        message=sentence(cut(finding.message, limits.text)),
        explanation=cut(checked.explanation, limits.text),
        facts=tuple((term, value) for term, value in _finding_facts(checked) if value),
        excerpt=finding_excerpt(finding, record, context=limits.context),
    )


def _finding_facts(checked: CheckedFinding) -> list[tuple[str, str]]:
    finding = checked.finding
    many = f"{finding.count:,} times in this run" if finding.count > 1 else ""
    instruction = cut(finding.ptx_text or "", SHORT).strip()
    if instruction and finding.ptx_line is not None:
        instruction = f"{instruction} (PTX line {finding.ptx_line})"
    return [
        ("Input", cut(values.sizes_text(checked.sizes), SHORT)),
        ("Thread", who(finding.block, finding.thread)),
        ("Other thread", who(finding.other_block, finding.other_thread)),
        ("Access", _access(finding)),
        ("Seen", many),
        ("Instruction", instruction),
    ]


def who(block: Dim3 | None, thread: Dim3 | None) -> str:
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
