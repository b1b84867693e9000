"""Lines of a terminal, cleaned of what a terminal would obey; a counterexample in a few of them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from grader.intake.display import for_terminal, one_line
from grader.record import Counterexample
from grader.report import style
from grader.report.counterexample import DecodedCase, case_place, index_text
from grader.report.messages import excerpt
from grader.wording.verdicts import smallest

if TYPE_CHECKING:
    from rich.text import Text


_ASCII = {"✓": "+", "✗": "x", "○": "o", "↩": "<", "…": "...", "\N{REPLACEMENT CHARACTER}": "?"}
_COLOURS = {"pass": "green", "fail": "red", "none": "", "refused": "yellow", "fault": "magenta"}
_INPUT_LIMIT = 4_000
"""Characters of one text that are looked at: many times what any line shows."""
ALL = 16
"""Lines of a paragraph: more than any sentence of ours has, at 40 columns, too."""


class Paper:
    """What can be written on one terminal: its width and its characters.

    Every text goes through `clean` on its way into a line.
    """

    def __init__(self, width: int, encoding: str) -> None:
        self.width = width
        self.encoding = encoding

    def clean(self, text: str) -> str:
        """One line of text without anything that a terminal would act on."""
        flat = text[:_INPUT_LIMIT].replace("\r\n", " ").replace("\n", " ").expandtabs(4)
        return self._encodable(for_terminal(flat))

    def symbol(self, char: str) -> str:
        """A symbol of ours, or its stand-in where the stream can't carry it."""
        try:
            char.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return _ASCII.get(char, "?")
        return char

    def _encodable(self, text: str) -> str:
        try:
            text.encode(self.encoding)
        except LookupError:
            return text.encode("ascii", "backslashreplace").decode("ascii")
        except UnicodeEncodeError:
            swapped = "".join(self.symbol(char) if char in _ASCII else char for char in text)
            return swapped.encode(self.encoding, "backslashreplace").decode(self.encoding)
        return text

    def colour(self, tone: str) -> str:
        """The terminal colour of a tone of the view."""
        return _COLOURS[tone]

    def line(self, *pieces: tuple[str, str]) -> Text:
        """Pieces of text, each with its style."""
        from rich.text import Text

        made = Text()
        for text, look in pieces:
            made.append(self.clean(text), look)
        return made

    def one_line(self, pieces: list[tuple[str, str]]) -> Text:
        """The same, cut at the width."""
        made = self.line(*pieces)
        return self._cut(made)

    def _cut(self, line: Text) -> Text:
        dots = self.symbol("…")
        if line.cell_len > self.width:
            line.truncate(self.width - len(dots), overflow="crop")
            line.append(dots)
        return line

    def spread(self, left: list[tuple[str, str]], right: str) -> Text:
        """Text at the left, and a name at the right where there is room for it."""
        made = self.line(*left)
        name = self.line((right, "dim"))
        room = self.width - made.cell_len - name.cell_len
        if room < 2:
            return self._cut(made)
        made.append(" " * room)
        return made.append_text(name)

    def wrap(self, text: str, *, indent: int = 0, bullet: str = "", limit: int = ALL) -> list[Text]:
        """A paragraph of at most ``limit`` lines; the last one ends in dots if more was said.

        What somebody needs gets all lines that it takes: `ALL` stops a text that is absurdly long.
        """
        from rich.console import Console

        start = " " * indent + (f"{bullet} " if bullet else "")
        body = self.line((text, ""))
        if not body.plain.strip():
            return []
        console = Console(width=self.width, color_system=None, _environ={})
        wrapped = list(body.wrap(console, self.width - len(start), overflow="fold"))
        lines = [
            self.line((start if not place else " " * len(start), "")).append_text(part)
            for place, part in enumerate(wrapped[:limit])
        ]
        if len(wrapped) > limit:
            dots = self.symbol("…")
            lines[-1].rstrip()
            lines[-1].truncate(self.width - len(dots), overflow="crop")
            lines[-1].append(dots)
        return lines

    def hanging(self, lead: list[tuple[str, str]], text: str, *, limit: int = ALL) -> list[Text]:
        """A paragraph behind a lead, whose further lines begin below its text."""
        first = self.line(*lead)
        width = min(first.cell_len, self.width // 3)
        lines = self.wrap(text, indent=width, limit=limit)
        if not lines or first.cell_len > width:
            # The lead is too long to stand before all of it.
            return self.wrap(first.plain + text, limit=limit)
        lines[0] = first.append_text(lines[0][width:])
        return lines

    def source(self, text: str, line: int | None, column: int | None) -> list[Text]:
        """One line of the source with its number, and a caret under the column."""
        from rich.cells import cell_len, chop_cells

        shown = excerpt(text, line, column, context=0)
        if shown is None:
            return []
        number = f"  {shown.line:>4} | "
        before, after = "", ""
        found = False
        for piece in shown.lines[0].fragments:
            found = found or piece.caret
            if found:
                after += piece.text
            else:
                before += piece.text
        before, after = self.clean(before), self.clean(after)
        room = self.width - len(number)
        margin = " " * (len(number) - 2) + "| "
        rows = [self.line((number, "dim"), (before + after, ""))]
        if rows[0].cell_len > self.width:
            # A long line goes on below, so that nothing of it is missing.
            pieces = chop_cells(before + after, room)
            rows = [
                self.line((margin if place else number, "dim"), (piece, ""))
                for place, piece in enumerate(pieces)
            ]
        if shown.column is None:
            return rows
        at, left = 0, before
        while at + 1 < len(rows) and len(left) >= len(pieces[at]):
            left = left[len(pieces[at]) :]
            at += 1
        caret = self.line((margin + " " * cell_len(left), "dim"), ("^", "bold red"))
        return [*rows[: at + 1], caret, *rows[at + 1 :]]


LABEL = 12
"""Columns of the row names."""
SHOWN = 32
"""Elements of an input that does not stand beside the output."""


def variants(
    example: Counterexample, paper: Paper, *, said: AbstractSet[str], beyond: bool = False
) -> list[list[Text]]:
    """A counterexample, from its fullest form to nothing.

    Args:
        example: What to show.
        paper: Where.
        said: Sentences that stand elsewhere on the screen.
        beyond: Whether it is of extra credit.
    """
    title, told, rows, why = _parts(example, paper, said, beyond=beyond)
    lines = paper.wrap(told, indent=2)
    short = [*title, *rows, *why]
    # A long rubric is shortened before the numbers go.
    return [[*title, *lines, *rows, *why], short, short, []]


def case_lines(example: Counterexample, paper: Paper) -> list[Text]:
    """One counterexample in its fullest form."""
    title, told, rows, why = _parts(example, paper, frozenset(), beyond=False)
    return [*title, *paper.wrap(told, indent=2), *rows, *why]


def _parts(
    example: Counterexample, paper: Paper, said: AbstractSet[str], *, beyond: bool
) -> tuple[list[Text], str, list[Text], list[Text]]:
    """The title, what it means, its rows, and what the run said."""
    case = DecodedCase(example)
    columns = _columns(case, paper.width - LABEL)
    # Where nothing is marked, numbers say nothing.
    marked = any(index in case.wrong for index in columns)
    which = f"{smallest(beyond=beyond)}: {case_place(example)}"
    title = paper.wrap(which + (_part(case, columns) if marked else ""))
    for line in title:
        line.stylize("bold")
    rows = _rows(case, columns, paper) if marked else []
    sentences = (case.summary(), example.explanation)
    told = " ".join(each for each in sentences if each and each not in said)
    new = example.error and not any(one_line(example.error) in each for each in said)
    why = paper.wrap(example.error, indent=2, limit=6) if not example.answered and new else []
    return title, told, rows, why


def _columns(case: DecodedCase, width: int) -> range:
    """The longest run of elements that fits and has the first wrong one in it.

    Of an output of more dimensions it is the part of a row.
    """
    total = max(1, len(case.expected))
    first = min(min(case.wrong, default=0), total - 1)
    row = case.row_of(first)
    start, stop, used = first, first + 1, _width(case, first)
    while stop - start < len(row):
        # Two elements of what is before, then all of what is after, then the rest.
        before = start > row.start and (first - start < 2 or stop == row.stop)
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
    row = case.row_of(columns.start)
    flat = len(case.shape) < 2
    rows = [("index" if flat else "column", [str(i - row.start) for i in columns])]
    for number, (tensor, numbers) in enumerate(case.inputs):
        if len(numbers) == len(case.expected):
            rows.append((tensor.name, [case.input_text(number, i) for i in columns]))
    rows.append(("expected", [case.expected_text(i) for i in columns]))
    if case.got or case.wrong:
        rows.append(("got", [case.got_text(i) for i in columns]))
    return rows


def _part(case: DecodedCase, columns: range) -> str:
    """Which part of the output is shown, where that is not all of it."""
    total = style.size(case.output.expected)
    row = case.row_of(columns.start)
    if len(columns) >= total or not columns:
        return ""
    which = f"{columns.start - row.start} to {columns.stop - 1 - row.start} of {len(row)}"
    if len(case.shape) < 2:
        return f" (elements {which})"
    at = index_text(columns.start, case).rpartition(", ")[0]
    part = f", columns {which}" if len(columns) < len(row) else ""
    return f" (row {at} of {case.shape[-2]}{part})"


def _rows(case: DecodedCase, columns: range, paper: Paper) -> list[Text]:
    widths = [_width(case, index) for index in columns]
    lines = []
    beside = [tensor for tensor, numbers in case.inputs if len(numbers) == len(case.expected)]
    for tensor in case.example.inputs:
        if not any(tensor is each for each in beside):
            lead = [(_label(tensor.name), "dim"), ("  ", "")]
            lines += paper.hanging(lead, style.listed(tensor, SHOWN))
    for name, cells in _cells(case, columns):
        pieces = [(_label(name), "dim")]
        for index, cell, width in zip(columns, cells, widths, strict=True):
            look = "bold red" if name == "got" and index in case.wrong else ""
            pieces.append((cell.rjust(width), look))
        lines.append(paper.one_line(pieces))
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
