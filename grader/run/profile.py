"""What a program's kernels cost, line by line, on the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from grader.report.profiles import (
    HEADINGS,
    LEGEND,
    MEANING,
    NOTHING,
    code_of,
    kinds_text,
    remarks,
    row,
    title,
)
from grader.run.document import RunDocument

_WIDTH: Final = 80


def as_text(document: RunDocument, text: str) -> str:
    """The profile for a terminal.

    Args:
        document: The run.
        text: The program.
    """
    return "\n".join(_lines(document, text.split("\n"))) + "\n"


def _lines(document: RunDocument, source: Sequence[str]) -> Iterator[str]:
    if not document.profiles:
        yield NOTHING
    for profile in document.profiles:
        yield title(profile)
        yield textwrap.indent(textwrap.fill(kinds_text(profile), _WIDTH - 2), "  ")
        rows = [(row(cost), code_of(cost, source)) for cost in profile.lines]
        rows.append((("all", *row(profile.total)[1:]), ""))
        names = tuple(name for name, _ in HEADINGS)
        widths = [max(len(each[k]) for each in (names, *(r for r, _ in rows))) for k in range(7)]
        for cells, code in ((names, ""), *rows):
            numbers = "  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True))
            yield f"  {numbers}   {code}".rstrip()
        yield from (
            textwrap.fill(f"- {each}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
            for each in remarks(profile)
        )
        yield ""
    if document.profiles:
        yield from (textwrap.fill(each, _WIDTH) for each in (MEANING, LEGEND))
