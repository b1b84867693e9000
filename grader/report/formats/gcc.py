"""Messages as compilers write them: ``file:line:column: severity: text``, one a line.

Source: "GNU Coding Standards", section "Formatting Error Messages", and the severities of GCC. It
is what editors and CI look for (problem matchers of VS Code and GitHub, ``errorformat`` of vim,
``compile`` of Emacs). All of them want a line and a column, so what is about the whole file stands
at its beginning. The last line is the verdict, as a note, which none of them takes for a problem.
"""

from __future__ import annotations

from grader.intake.display import one_line
from grader.record import Record, Verdict
from grader.report.formats import elements
from grader.report.formats.elements import LineMessage, line_messages
from grader.report.style import noted


def render_gcc(record: Record, path: str = "") -> str:
    """One line for each message: those with a place first, and of these the errors.

    Args:
        record: What to render.
        path: Of the file, as whoever reads it names it; by default its name.
    """
    file = one_line(path or record.submission.name, limit=1_000) or "submission"
    # An editor goes to the first one.
    shown = sorted(line_messages(record), key=lambda each: each.line is None)
    lines = [_line(file, each) for each in shown]
    if record.verdict is Verdict.FAULT:
        # Nothing is wrong with the file, as far as anybody knows.
        lines.append(f"{file}:1:1: warning: {elements.fault_text(record)}")
    return "\n".join([*lines, f"{file}:1:1: note: {elements.headline(record)}", ""])


def _line(file: str, each: LineMessage) -> str:
    # A compiler's message is known for one by its place.
    title = "" if each.rule.startswith("compile-") else f"{noted(each.title, each.note)}: "
    return f"{file}:{each.line or 1}:{each.column or 1}: {each.level}: {title}{each.message}"
