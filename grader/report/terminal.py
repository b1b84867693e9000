"""Lines of a terminal, cleaned of what a terminal would obey; a counterexample in a few of them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from grader.intake.display import for_terminal
from grader.record import Counterexample
from grader.report import style
from grader.report.counterexample import DecodedCase, case_place
from grader.report.messages import excerpt

if TYPE_CHECKING:
    from rich.text import Text


_ASCII = {"✓": "+", "✗": "x", "○": "o", "↩": "<", "…": "...", "\N{REPLACEMENT CHARACTER}": "?"}
_COLOURS = {"pass": "green", "fail": "red", "none": "", "refused": "yellow", "fault": "magenta"}
_INPUT_LIMIT = 4_000
"""Characters of one text that are looked at: many times what any line shows."""


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

    def wrap(self, text: str, *, indent: int = 0, bullet: str = "", limit: int) -> list[Text]:
        """A paragraph of at most ``limit`` lines; the last one ends in dots if more was said."""
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

    def hanging(self, lead: list[tuple[str, str]], text: str, *, limit: int) -> list[Text]:
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
        from rich.cells import cell_len

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
        # A column far to the right: show the end of what is before it.
        while before and cell_len(before) > room - 16:
            before = before[max(1, cell_len(before) - room + 16) :]
        code = self.one_line([(number, "dim"), (before + after, "")])
        if shown.column is None:
            return [code]
        blank = " " * (len(number) - 2) + "| " + " " * cell_len(before)
        return [code, self.line((blank, "dim"), ("^", "bold red"))]


LABEL = 12
"""Columns of the row names."""


def variants(example: Counterexample, paper: Paper, *, said: AbstractSet[str]) -> list[list[Text]]:
    """A counterexample, from its fullest form to nothing.

    Args:
        example: What to show.
        paper: Where.
        said: Sentences that stand elsewhere on the screen.
    """
    title, told, rows, why = _parts(example, paper, said)
    lines = paper.wrap(told, indent=2, limit=4)
    return [[title, *lines, *rows, *why], [title, *rows, *why], []]


def case_lines(example: Counterexample, paper: Paper) -> list[Text]:
    """One counterexample in its fullest form."""
    title, told, rows, why = _parts(example, paper, frozenset())
    return [title, *paper.wrap(told, indent=2, limit=4), *rows, *why]


def _parts(
    example: Counterexample, paper: Paper, said: AbstractSet[str]
) -> tuple[Text, str, list[Text], list[Text]]:
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
    sentences = (case.summary(), example.explanation)
    told = " ".join(each for each in sentences if each and each not in said)
    why = paper.wrap(example.error, indent=2, limit=3) if not example.answered else []
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
    total = style.size(case.output.expected)
    if len(columns) >= total or not columns:
        return ""
    return f" (elements {columns.start} to {columns.stop - 1} of {total})"


def _rows(case: DecodedCase, columns: range, paper: Paper) -> list[Text]:
    widths = [_width(case, index) for index in columns]
    lines = []
    for tensor, numbers in case.inputs:
        if len(numbers) != len(case.expected):
            shown = ", ".join(style.shortest(v, tensor.dtype) for v in numbers[:32])
            lines.append(paper.one_line([(_label(tensor.name), "dim"), (f"  {shown}", "")]))
    for name, cells in _cells(case, columns):
        pieces = [(_label(name), "dim")]
        for index, cell, width in zip(columns, cells, widths, strict=True):
            look = "bold red" if name == "got" and index in case.wrong else ""
            pieces.append((cell.rjust(width), look))
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
