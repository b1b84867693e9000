"""What the compiler said and what the device saw, each at its line in an excerpt of the source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath

import msgspec

from grader.device import Dim3, Finding, of_file
from grader.guidance import Cause
from grader.intake.indexed import indexed_array
from grader.record import Attribution, CaseTrace, CheckedFinding, Diagnostic, Note, Record
from grader.report import style
from grader.report.launch import LaunchDrawing, draw_launch
from grader.report.style import SHORT, Badge, ReportLimits, cut, sentence
from grader.wording.findings import FINDING_TITLES
from grader.wording.verdicts import THOUGHTS_TITLE

CONTEXT = 2
"""Lines shown before and after the marked one."""
LINE_LIMIT = 400
"""Characters of one line that are shown, around the column."""
LEX_LIMIT = 16 * 1024
"""A longer source is not coloured: the report must not wait for it."""


class Fragment(msgspec.Struct, frozen=True):
    """A piece of one line in one colour."""

    text: str
    style: str = ""
    """``k`` keyword, ``s`` string, ``c`` comment, ``n`` number, ``f`` defined or called name,
    ``b`` built-in, or empty."""
    caret: bool = False
    """The column of the message is the first character of this piece."""


class SourceLine(msgspec.Struct, frozen=True):
    """One line of an excerpt."""

    number: int
    fragments: tuple[Fragment, ...]
    marked: bool = False


class Excerpt(msgspec.Struct, frozen=True):
    """Consecutive lines of the submission."""

    lines: tuple[SourceLine, ...]
    line: int
    column: int | None = None
    """In characters from one, where it is known."""


def excerpt(
    source: str, line: int | None, column: int | None = None, *, context: int = CONTEXT
) -> Excerpt | None:
    """The lines around ``line`` (from one), or None where the source has no such line.

    Args:
        source: The whole submission.
        line: The line to mark.
        column: Byte in the line, from one, as the compiler counts.
        context: Lines before and after.
    """
    if line is None or line < 1 or not source:
        return None
    lines = _lines(source)
    if line > len(lines):
        return None
    at = None if column is None or column < 1 else _characters(lines[line - 1], column)
    first, last = max(1, line - context), min(len(lines), line + context)
    indent = _common_indent(lines[first - 1 : last])
    shown = []
    for number in range(first, last + 1):
        marked = number == line
        fragments = coloured(source)[number - 1] if len(source) <= LEX_LIMIT else None
        pieces = fragments or (Fragment(lines[number - 1]),)
        shown.append(
            SourceLine(
                number=number,
                fragments=_window(pieces, at if marked else None, indent),
                marked=marked,
            )
        )
    return Excerpt(tuple(shown), line, None if at is None else at + 1)


def _lines(source: str) -> list[str]:
    """Lines as the compiler counts them: only a line feed ends one."""
    lines = source.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _characters(line: str, column: int) -> int:
    """Characters before the ``column``-th byte; at most the length of the line."""
    before = line.encode("utf-8", "surrogatepass")[: column - 1]
    return len(before.decode("utf-8", "ignore"))


def _common_indent(lines: list[str]) -> int:
    """Characters of indentation that all lines share: dropped, so that a phone shows the code."""
    filled = [line for line in lines if line.strip()]
    if not filled:
        return 0
    # What the first and the last in order share, all of them share.
    low, high = min(filled), max(filled)
    width = len(low) - len(low.lstrip(" \t"))
    return next((i for i in range(width) if low[i] != high[i : i + 1]), width)


def _window(pieces: tuple[Fragment, ...], at: int | None, indent: int) -> tuple[Fragment, ...]:
    """Drop the indentation, split at the caret, and keep `LINE_LIMIT` characters around it."""
    total = sum(len(piece.text) for piece in pieces)
    start = min(indent, total) if at is None else min(indent, at)
    low_end = start
    if total - start > LINE_LIMIT and at is not None:
        start = max(start, min(at - LINE_LIMIT // 2, total - LINE_LIMIT))
    stop = min(total, start + LINE_LIMIT)
    kept: list[Fragment] = [Fragment("…", "c")] if start > low_end else []
    position = 0
    for piece in pieces:
        low, high = max(position, start), min(position + len(piece.text), stop)
        text = piece.text[low - position : high - position]
        cut = -1 if at is None else at - low
        if low < high and 0 <= cut < len(text):
            if cut:
                kept.append(Fragment(text[:cut], piece.style))
            kept.append(Fragment(text[cut:], piece.style, caret=True))
        elif low < high:
            kept.append(Fragment(text, piece.style))
        position += len(piece.text)
    if at is not None and at >= total:
        kept.append(Fragment(" ", "", caret=True))
    if stop < total:
        kept.append(Fragment("…", "c"))
    return tuple(kept)


def whole_line(pieces: tuple[Fragment, ...]) -> tuple[Fragment, ...]:
    """A line with its indentation, cut where it is very long."""
    return _window(pieces, None, 0)


_STYLES = (
    ("Token.Comment", "c"),
    ("Token.Literal.String", "s"),
    ("Token.Literal.Number", "n"),
    ("Token.Keyword", "k"),
    ("Token.Operator.Word", "k"),
    ("Token.Name.Decorator", "f"),
    ("Token.Name.Function", "f"),
    ("Token.Name.Class", "f"),
    ("Token.Name.Builtin", "b"),
)
_MOJO_WORDS = re.compile(r"\b(?:comptime|alias|ref|owned|out|mut|read|where)\b")


@lru_cache(maxsize=4)
def coloured(source: str) -> tuple[tuple[Fragment, ...], ...]:
    """Every line of ``source`` in coloured pieces, by Pygments' Mojo lexer."""
    from pygments.lexers.mojo import (  # type: ignore[import-untyped, unused-ignore]
        MojoLexer,
    )

    lines: list[list[Fragment]] = [[]]
    # Unprocessed: the usual entry strips blank lines at the ends, and line
    # numbers would no longer be the compiler's.
    for _, kind, text in MojoLexer().get_tokens_unprocessed(source):
        style = _style(str(kind), text)
        for index, part in enumerate(text.split("\n")):
            if index:
                lines.append([])
            if part and lines[-1] and lines[-1][-1].style == style:
                lines[-1][-1] = Fragment(lines[-1][-1].text + part, style)
            elif part:
                lines[-1].append(Fragment(part, style))
    for line in lines:
        # Only the end of a line: a carriage return inside of one has to be seen.
        if line and line[-1].text.endswith("\r"):
            line[-1] = Fragment(line[-1].text[:-1], line[-1].style)
    return tuple(tuple(line) for line in lines)


def _style(kind: str, text: str) -> str:
    if kind.startswith("Token.Name") and _MOJO_WORDS.fullmatch(text):
        return "k"
    return next((style for prefix, style in _STYLES if kind.startswith(prefix)), "")


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
    hint_title: str
    """Of the fold that the explanation is behind; empty where it is no hint."""
    facts: tuple[tuple[str, str], ...]
    excerpt: Excerpt | None


class CauseView(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, at its place in the file."""

    title: str
    message: str
    excerpt: Excerpt | None
    facts: tuple[tuple[str, str], ...]
    """What the device saw of it."""
    launch: LaunchDrawing | None


def titles_of(parts: Sequence[str], record: Record) -> str:
    """What parts are called, in a sentence; empty where the puzzle has one."""
    titles = [each.title for each in record.puzzle.parts if each.name in parts]
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def cause_view(
    cause: Cause, parts: Sequence[str], record: Record, limits: ReportLimits
) -> CauseView:
    """The cause of what is wrong with some parts."""
    checked = cause.finding
    part = titles_of(parts, record)
    title = FINDING_TITLES[checked.finding.kind] if checked is not None else ""
    return CauseView(
        title=" in ".join(each for each in (title, part) if each),
        message=sentence(cut(cause.sentence, limits.text)),
        excerpt=excerpt(record.submission.text, cause.line, cause.column, context=limits.context),
        facts=_shown_facts(checked) if checked is not None else (),
        launch=_launch_of(checked, record) if checked is not None else None,
    )


def _launch_of(checked: CheckedFinding, record: Record) -> LaunchDrawing | None:
    """The drawing of a finding, where the record has a trace of it."""
    finding = checked.finding
    name, text = record.submission.name, record.submission.text
    for trace in record.traces:
        if trace.part != checked.part or trace.finding is None:
            continue
        own = trace.finding
        same = (own.kind, own.block, own.thread, own.cell, own.access)
        if same == (finding.kind, finding.block, finding.thread, finding.cell, finding.access):
            return draw_launch(_named(trace, finding, text), name, text)
    return None


def _named(trace: CaseTrace, finding: Finding, text: str) -> CaseTrace:
    """The trace of an op with the name of its array, where another build has told the line."""
    place = of_file(finding.source)
    if place is None or len(trace.arrays) != 1 or trace.arrays[0].name in text:
        return trace
    old = trace.arrays[0]
    name = indexed_array(text, place.line, place.column)
    if not name or old.space is not finding.space:
        return trace
    renamed = msgspec.structs.replace(old, name=name)
    steps = tuple(
        msgspec.structs.replace(step, array=name) if step.array == old.name else step
        for step in trace.steps
    )
    return msgspec.structs.replace(trace, arrays=(renamed,), steps=steps)


def diagnostic_view(
    diagnostic: Diagnostic, record: Record, steps: list[str], limits: ReportLimits
) -> DiagnosticView:
    """One message; its advice is left out where ``steps``, shown before, has it."""
    error = diagnostic.severity == "error"
    # A step begins with its line.
    told = any(step.endswith(diagnostic.advice) for step in steps)
    return DiagnosticView(
        badge=Badge("✗", "error", "fail") if error else Badge("!", "warning", "none"),
        place=_place(_own_name(diagnostic.file, record), diagnostic.line, diagnostic.column),
        message=cut(diagnostic.message, limits.text),
        excerpt=excerpt(
            record.submission.text, diagnostic.line, diagnostic.column, context=limits.context
        ),
        advice="" if told else cut(diagnostic.advice, limits.text),
        notes=tuple(_note(n, diagnostic, record) for n in diagnostic.notes[: limits.notes]),
        more_notes=max(0, len(diagnostic.notes) - limits.notes),
    )


def _note(note: Note, parent: Diagnostic, record: Record) -> PlaceView:
    own = note.file is None or is_submission(note.file, record) or note.file == parent.file
    shown = excerpt(record.submission.text, note.line, note.column, context=0) if own else None
    return PlaceView(
        place=_place(_own_name(note.file, record), note.line, note.column),
        message=cut(note.message, 400),
        excerpt=shown,
    )


def _own_name(file: str | None, record: Record) -> str | None:
    """The student's file as the student calls it."""
    return record.submission.name if is_submission(file, record) else file


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


def finding_view(
    checked: CheckedFinding, record: Record, steps: list[str], limits: ReportLimits
) -> FindingView:
    """One finding, in the student's terms; what ``steps``, shown before, have is left out."""
    finding = checked.finding
    return FindingView(
        title=FINDING_TITLES[finding.kind],
        message=sentence(cut(finding.message, limits.text)),
        explanation=""
        if any(step.endswith(checked.explanation) for step in steps)
        else cut(checked.explanation, limits.text),
        hint_title=THOUGHTS_TITLE if checked.attribution is Attribution.STUDENT else "",
        facts=_shown_facts(checked),
        excerpt=finding_excerpt(finding, record, context=limits.context),
    )


def _shown_facts(checked: CheckedFinding) -> tuple[tuple[str, str], ...]:
    return tuple((term, value) for term, value in _finding_facts(checked) if value)


def _finding_facts(checked: CheckedFinding) -> list[tuple[str, str]]:
    finding = checked.finding
    many = f"{finding.count:,} times in this run" if finding.count > 1 else ""
    instruction = cut(finding.ptx_text or "", SHORT).strip()
    if instruction and finding.ptx_line is not None:
        instruction = f"{instruction} (PTX line {finding.ptx_line})"
    return [
        ("Input", cut(style.sizes_text(checked.sizes), SHORT)),
        ("Thread", who(finding.block, finding.thread)),
        ("Other thread", who(finding.other_block, finding.other_thread)),
        ("Access", _access(finding)),
        ("Seen", many),
        ("Instruction", instruction),
    ]


def who(block: Dim3 | None, thread: Dim3 | None) -> str:
    """``block 0, thread 3``; empty where it is not known."""
    parts = [
        f"{word} {style.dims_text(place)}"
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
