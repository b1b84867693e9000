"""The student's file, with what was found in the margin at its lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from grader.device import Finding, of_file
from grader.record import Record
from grader.report.messages import (
    LEX_LIMIT,
    Fragment,
    SourceLine,
    coloured,
    is_submission,
    whole_line,
)

AROUND = 8
"""Lines before and after a marked one that are listed of a long file."""
AT_A_LINE = 4
"""What is named at one line at most."""


class MarginNote(msgspec.Struct, frozen=True, kw_only=True):
    """What was found at a line."""

    line: int
    text: str
    target: str
    """The id of what explains it."""


class ListedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line, or a gap."""

    source: SourceLine | None
    notes: tuple[MarginNote, ...] = ()
    skipped: int = 0
    """Not zero: this stands for so many lines that are not listed."""


def notes_of(finding: Finding, title: str, target: str, record: Record) -> Iterator[MarginNote]:
    """A finding at its line, and the other side of a race at its own."""
    if finding.source_line is not None and (
        finding.source_file is None or is_submission(finding.source_file, record)
    ):
        yield MarginNote(line=finding.source_line, text=title, target=target)
        other = of_file(finding.other_source)
        if other is not None and other.line != finding.source_line:
            text = f"{title}: the other side of line {finding.source_line}"
            yield MarginNote(line=other.line, text=text, target=target)


def listing(source: str, notes: Iterable[MarginNote], most: int) -> tuple[ListedLine, ...]:
    """The lines of a file with their notes.

    Args:
        source: The file.
        notes: What was found.
        most: A longer file is cut to what lies around the notes, or without any to its beginning;
            0 for no listing at all.
    """
    at: dict[int, list[MarginNote]] = {}
    pieces = _pieces(source)
    for note in notes:
        if 0 < note.line <= len(pieces):
            at.setdefault(note.line, []).append(note)
    if not most:
        return ()
    shown: Sequence[int] = range(1, len(pieces) + 1)
    if len(pieces) > most:
        near = {line + k for line in at for k in range(-AROUND, AROUND + 1)}
        inside = sorted(line for line in near if 0 < line <= len(pieces))
        shown = (inside or shown)[:most]
    rows: list[ListedLine] = []
    last = 0
    for number in shown:
        if number > last + 1:
            rows.append(ListedLine(source=None, skipped=number - last - 1))
        line = SourceLine(number, whole_line(pieces[number - 1]), marked=number in at)
        rows.append(ListedLine(source=line, notes=tuple(at.get(number, ())[:AT_A_LINE])))
        last = number
    if last < len(pieces):
        rows.append(ListedLine(source=None, skipped=len(pieces) - last))
    return tuple(rows)


def _pieces(source: str) -> Sequence[tuple[Fragment, ...]]:
    """Each line in coloured pieces, without the empty one behind the last line feed."""
    lines = source.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if len(source) > LEX_LIMIT:
        return [(Fragment(line.removesuffix("\r")),) for line in lines]
    return coloured(source)[: len(lines)]
