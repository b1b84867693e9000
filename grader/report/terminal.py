"""Lines of a terminal: wrapped, cut and cleaned of what a terminal would obey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.intake.display import for_terminal
from grader.report.source import excerpt

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
        for text, style in pieces:
            made.append(self.clean(text), style)
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
