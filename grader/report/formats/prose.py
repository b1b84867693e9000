"""A verdict as plain text, for the one field of prose that most formats have."""

from __future__ import annotations

from grader.intake.display import for_terminal, one_line
from grader.record import Record, Verdict
from grader.report.wording import badge, extra_text, lead, sentence

WIDTH = 100
"""Columns of the text that is shown in a fixed-width font."""


def headline(record: Record, *, limit: int = 300) -> str:
    """The verdict and the score in one line: ``Not passed, 60 / 100: Wrong values ...``."""
    word = badge(record).word
    told = sentence(one_line(record.headline, limit=limit))
    if record.verdict in (Verdict.PASS, Verdict.FAIL):
        extra = extra_text(record)
        return f"{word}, {record.score} / {record.max_score}{f' {extra}' if extra else ''}: {told}"
    return f"{word} ({lead(record)}): {told}"


def fault_text(record: Record) -> str:
    """Why there is no mark, said so that nobody reads it as a bad one."""
    fault = record.fault
    what = sentence(one_line(fault.what if fault else record.headline, limit=600))
    remedy = sentence(one_line(fault.remedy, limit=400)) if fault else ""
    return " ".join(
        part
        for part in (
            f"The grader failed, not the submission: {what}",
            remedy,
            "No points were taken; the same file can be graded again.",
        )
        if part
    )


def whole(record: Record) -> str:
    """The verdict on one screen, as ``grade submit`` prints it."""
    from grader.report.text import screen

    return for_terminal(screen(record, WIDTH))


def case_text(record: Record, check: str | None = None) -> str:
    """The smallest failing input (of one check) as aligned rows; empty where there is none."""
    from grader.report import terminal_case
    from grader.report.terminal import Paper

    found = [c for c in record.counterexamples if check is None or c.check == check][:1]
    if not found:
        return ""
    lines = terminal_case.lines(found[0], Paper(WIDTH, "utf-8"))
    return "\n".join(line.plain.rstrip() for line in lines)
