"""A counterexample for a terminal: one column an element, a few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.record import Counterexample, Record
from grader.report import values
from grader.report.counterexample import DecodedCase, case_place
from grader.report.terminal import Paper

if TYPE_CHECKING:
    from rich.text import Text

LABEL = 12
"""Columns of the row names."""


def variants(record: Record, paper: Paper) -> list[list[Text]]:
    """The smallest counterexample, from its fullest form to nothing."""
    title, told, rows, why = _parts(record.counterexamples[0], paper)
    return [
        [title, *paper.wrap(told, indent=2, limit=2), *rows, *why],
        [title, *rows, *why],
        [title, *paper.wrap(told, indent=2, limit=1)],
        [],
    ]


def lines(example: Counterexample, paper: Paper) -> list[Text]:
    """One counterexample in its fullest form."""
    title, told, rows, why = _parts(example, paper)
    return [title, *paper.wrap(told, indent=2, limit=4), *rows, *why]


def _parts(example: Counterexample, paper: Paper) -> tuple[Text, str, list[Text], list[Text]]:
    """The title, what it means, its rows, and what the run said."""
    case = DecodedCase(example)
    columns = _columns(case, paper.width - LABEL)
    title = paper.one_line(
        [
            ("Smallest failing input: ", "bold"),
            (case_place(example), "bold"),
            (_part(case, columns), ""),
        ]
    )
    rows = _rows(case, columns, paper)
    told = f"{case.summary()} {example.explanation}".strip()
    why = paper.wrap(example.error, indent=2, limit=1) if not example.answered else []
    return title, told, rows, why


def _columns(case: DecodedCase, width: int) -> range:
    """The longest run of elements that fits and has the first wrong one in it."""
    total = max(1, len(case.expected))
    first = min(min(case.wrong, default=0), total - 1)
    start, stop, used = first, first + 1, _width(case, first)
    while stop - start < total:
        # Two elements of what is before, then all of what is after, then the rest.
        before = start > 0 and (first - start < 2 or stop == total)
        used += _width(case, start - 1 if before else stop)
        if used > width:
            break
        start, stop = (start - 1, stop) if before else (start, stop + 1)
    return range(start, stop)


def _width(case: DecodedCase, index: int) -> int:
    one = range(index, index + 1)
    return 2 + max(len(cells[0]) for _, cells in _cells(case, one))


def _cells(case: DecodedCase, columns: range) -> list[tuple[str, list[str]]]:
    """The rows that stand under each other, by name."""
    rows = [("index", [str(i) for i in columns])]
    for number, (tensor, numbers) in enumerate(case.inputs):
        if len(numbers) == len(case.expected):
            rows.append((tensor.name, [case.input_text(number, i) for i in columns]))
    rows.append(("expected", [case.expected_text(i) for i in columns]))
    if case.got or case.wrong:
        rows.append(("got", [case.got_text(i) for i in columns]))
    return rows


def _part(case: DecodedCase, columns: range) -> str:
    total = values.size(case.output.expected)
    if len(columns) >= total or not columns:
        return ""
    return f" (elements {columns.start} to {columns.stop - 1} of {total})"


def _rows(case: DecodedCase, columns: range, paper: Paper) -> list[Text]:
    widths = [_width(case, index) for index in columns]
    lines = []
    for tensor, numbers in case.inputs:
        if len(numbers) != len(case.expected):
            shown = ", ".join(values.shortest(v, tensor.dtype) for v in numbers[:32])
            lines.append(paper.one_line([(_label(tensor.name), "dim"), (f"  {shown}", "")]))
    for name, cells in _cells(case, columns):
        pieces = [(_label(name), "dim")]
        for index, cell, width in zip(columns, cells, widths, strict=True):
            style = "bold red" if name == "got" and index in case.wrong else ""
            pieces.append((cell.rjust(width), style))
        lines.append(paper.one_line(pieces))
    if case.wrong and any(index in case.wrong for index in columns):
        lines.append(_marks(case, columns, widths, paper))
    return lines


def _label(name: str) -> str:
    return f"  {name[: LABEL - 3]}".ljust(LABEL)


def _marks(case: DecodedCase, columns: range, widths: list[int], paper: Paper) -> Text:
    marks = "".join(
        ("^" if index in case.wrong else "").rjust(width)
        for index, width in zip(columns, widths, strict=True)
    )
    return paper.line((_label("differs"), "dim"), (marks, "bold red"))
