"""Cells of a CSV file that no spreadsheet takes for a formula.

A cell that starts with ``= + - @``, also behind blank space, is computed when
the file is opened, and the quotes of CSV do not help (OWASP, "CSV Injection",
https://owasp.org/www-community/attacks/CSV_Injection). Such a text gets an
apostrophe in front. Where a spreadsheet separates by semicolons, a semicolon
within a text begins a new cell, so what follows it is guarded as well.
A number is no formula and stays as it is; one with a sign is no mark, no
identifier and no name, and a sign is what a formula may begin with.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from grader.intake.display import one_line

LIMIT = 1_000
"""Characters of one cell."""
_FORMULA = "=+\\-@|%\uff1d\uff0b\uff0d\uff20"
"""With the wide forms, which some spreadsheets take for the same."""
_STARTS = re.compile(rf"""(\A|;)(?=[\s"']*[{_FORMULA}])""")


def text(value: str, *, limit: int = LIMIT) -> str:
    """A text as a cell: one line, and a formula to nobody."""
    return _STARTS.sub(r"\1'", one_line(value, limit=limit))


def table(rows: Iterable[Iterable[str]]) -> bytes:
    """Finished cells as CSV: UTF-8, separated by commas, lines ended by CR LF (RFC 4180)."""
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n").writerows(rows)
    return stream.getvalue().encode("utf-8")
