"""The job summary: the verdict as GitHub's Markdown, in which any text is shown as it is."""

from __future__ import annotations

import html
import re

from grader.audience import as_seen
from grader.intake.display import for_terminal, one_line
from grader.record import Audience, Record, Status, Verdict
from grader.report import style
from grader.report.formats import elements
from grader.report.formats.elements import line_messages
from grader.report.style import STATUS, next_steps, next_title
from grader.report.style import badge as verdict_badge

MAX_BYTES = 200_000
"""GitHub shows at most 1 MiB of a step's summary, and drops all of a longer one."""
_PLACES = 20
_ROWS = 40


def render_summary(record: Record, audience: Audience = "student") -> str:
    """The summary, with what matters most first, and never more than `MAX_BYTES`.

    Args:
        record: What to render.
        audience: An instructor also sees the static look, the operator's detail
            of a fault and what is needed to repeat the run.
    """
    record = as_seen(record, audience)
    parts = [_title(record), _next(record)]
    if record.verdict is Verdict.FAULT:
        parts.append(_fault(record, audience))
    parts += [_places(record), _cases(record), _rubric(record), _run(record)]
    if audience == "instructor":
        parts.append(_look(record))
    text, size = "", 0
    for part in parts:
        size += len(part.encode("utf-8")) + 2
        if size > MAX_BYTES:
            text += "_More is in the report of this run._\n"
            break
        text += f"{part}\n\n" if part else ""
    return text


def _title(record: Record) -> str:
    badge = verdict_badge(record)
    name = inline(record.submission.name, limit=80)
    told = inline(elements.headline(record), limit=400)
    return f"## {badge.icon} {name}\n\n**{told}**"


def _next(record: Record) -> str:
    steps = [inline(step, limit=500) for step in next_steps(record)[:4]]
    if not steps:
        return ""
    return "\n".join([f"### {next_title(record)}", "", *(f"- {step}" for step in steps)])


def _fault(record: Record, audience: Audience) -> str:
    text = f"### What went wrong on our side\n\n{inline(elements.fault_text(record), limit=1_200)}"
    detail = record.fault.detail if record.fault and audience == "instructor" else ""
    return f"{text}\n\n{block(detail)}" if detail else text


def _places(record: Record) -> str:
    """The compiler's messages and the device's findings, with their lines."""
    found = [place for place in line_messages(record) if place.rule != "check"]
    if not found or record.verdict is Verdict.REFUSED:
        return ""
    rows = ["### In your file", "", "| line | what | |", "| ---: | --- | --- |"]
    for place in found[:_PLACES]:
        line = str(place.line) if place.line else ""
        rows.append(f"| {line} | {inline(place.title)} | {inline(place.message, limit=800)} |")
    if len(found) > _PLACES:
        rows.append(f"\n{len(found) - _PLACES} more are in the report.")
    return "\n".join(rows)


def _cases(record: Record) -> str:
    """The first case of each check, at most two."""
    checks = list(dict.fromkeys(case.check for case in record.counterexamples))[:2]
    if not checks:
        return ""
    titles = {
        item.id: elements.marked_title_of_test(item) for item in elements.reported_tests(record)
    }
    blocks = []
    for check in checks:
        if check in titles:
            blocks.append(f"{STATUS[Status.FAILED].icon} {inline(titles[check])}")
        blocks.append(block(elements.case_text(record, check)))
    return "\n\n".join(["### The smallest input that breaks it", *blocks])


def _rubric(record: Record) -> str:
    if not record.checks:
        return ""
    marked = record.verdict in (Verdict.PASS, Verdict.FAIL)
    title = "### Points" if marked else "### What had been checked by then"
    rows = [title, "", "| | check | points | why |", "| --- | --- | ---: | --- |"]
    for item in elements.reported_tests(record)[:_ROWS]:
        badge = STATUS[item.status]
        points = _together(f"{item.points} / {item.max_points}") if marked else ""
        why = inline(item.reason, limit=400) if item.status is not Status.PASSED else ""
        state = _together(f"{badge.icon} {badge.word}")
        rows.append(
            f"| {state} | {inline(elements.marked_title_of_test(item))} | {points} | {why} |"
        )
    return "\n".join(rows)


def _together(text: str) -> str:
    """A text that GitHub does not break where a column is narrow."""
    return text.replace(" ", "&nbsp;")


def _run(record: Record) -> str:
    told = []
    if record.toolchain is not None:
        told.append(f"MAX {record.toolchain.max_version}, edition {record.toolchain.edition}")
    if record.device is not None:
        told.append(record.device.name)
    if record.cases_run and record.withheld is None:
        told.append(f"{record.cases_run} cases")
    seconds = sum(max(0.0, stage.seconds) for stage in record.stages)
    if seconds:
        told.append(style.seconds_text(seconds))
    if record.isolation is not None and record.isolation.note:
        told.append(record.isolation.note)
    return inline("; ".join(told), limit=600)


def _look(record: Record) -> str:
    """What an instructor may look at in the source; it is never part of the verdict."""
    rows = ["### For the instructor", "", inline(f"Seed: {record.seed}", limit=260)]
    rows += [f"- line {look.line}: {inline(look.sentence)}" for look in record.look[:_PLACES]]
    return "\n".join(rows)


_SIGNS = re.compile(r"[^\w\s]|_", re.ASCII)
_PLAIN = frozenset(",;('\"?/%")
"""Signs that mean nothing in a line of text, also at its start."""
ZERO_WIDTH_SPACE = "&#8203;"


def inline(text: str, *, limit: int = 300) -> str:
    """A text for the middle of a line, a heading or the cell of a table."""
    return _SIGNS.sub(_reference, one_line(text, limit=limit).strip())


def _reference(found: re.Match[str]) -> str:
    sign = found[0]
    if sign in _PLAIN or not sign.isascii():
        return sign
    # GitHub looks for mentions in what Markdown has made, where a reference is a sign again.
    after = ZERO_WIDTH_SPACE if sign == "@" else ""
    return f"&#{ord(sign)};{after}"


def block(text: str, *, limit: int = 4_000) -> str:
    """Lines in a fixed-width font.

    HTML, not a fence: a fence ends where the text has one. The first line stands
    behind the tag, and blank lines are kept; only ``</pre>`` ends it (CommonMark,
    section 4.6, kind 1), which can't be in an escaped text.
    """
    return f"<pre>{html.escape(for_terminal(text, limit=limit), quote=False)}</pre>"
