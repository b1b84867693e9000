"""One submission as a row of a spreadsheet.

A cell that starts with ``= + - @`` is a formula to a spreadsheet, also behind
blank space or a tab, and the quotes of CSV do not help. Such a cell gets an
apostrophe in front (OWASP, "CSV Injection"). Every cell is one line, so that
``tail -n +2`` puts the tables of many runs together.
"""

from __future__ import annotations

import csv
import io

from grader.intake.display import one_line
from grader.record import Record, Status, Verdict, Visibility
from grader.report.formats import elements

COLUMNS = (
    "submission",
    "sha256",
    "puzzle",
    "edition",
    "verdict",
    "score",
    "max_score",
    "extra_score",
    "total",
    "passed_checks",
    "failed_checks",
    "not_checked",
    "headline",
    "device",
    "isolation",
    "graded_at",
    "grader_version",
    "hidden_checks",
)
_CELL = 400
_FORMULA = frozenset("=+-@|%" + "\uff1d\uff0b\uff0d\uff20")
"""With the wide forms, which some spreadsheets take for the same."""


def render_csv(record: Record) -> bytes:
    """A header and one row, UTF-8, lines ended by CR LF (RFC 4180).

    ``score`` and ``total`` are empty where there is no mark: an empty cell is
    no grade in a gradebook, a zero is one.
    """
    marked = record.verdict is not Verdict.FAULT
    made = elements.reported_tests(record)
    of = {status: [i.id for i in made if i.status is status] for status in Status}
    hidden = [i.id for i in made if i.visibility is not Visibility.VISIBLE]
    row = {
        "submission": record.submission.name,
        "sha256": record.submission.sha256,
        "puzzle": record.puzzle.name,
        "edition": record.toolchain.edition if record.toolchain else "",
        "verdict": record.verdict.value,
        "score": str(record.score) if marked else "",
        "max_score": str(record.max_score),
        "extra_score": str(record.extra_score) if marked else "",
        "total": str(elements.total_points(record)) if marked else "",
        "passed_checks": " ".join(of[Status.PASSED]),
        "failed_checks": " ".join(of[Status.FAILED]),
        "not_checked": " ".join(of[Status.NOT_CHECKED]),
        "headline": elements.fault_text(record) if not marked else record.headline,
        "device": record.device.kind if record.device else "",
        "isolation": record.isolation.level if record.isolation else "",
        "graded_at": record.created,
        "grader_version": record.grader_version,
        # For an instructor: those above that students do not see, or not yet.
        "hidden_checks": " ".join(hidden),
    }
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerow([cell(row[name]) for name in COLUMNS])
    return stream.getvalue().encode("utf-8")


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula, in one line."""
    shown = one_line(text, limit=_CELL)
    return f"'{shown}" if shown.lstrip()[:1] in _FORMULA and shown.strip() else shown
