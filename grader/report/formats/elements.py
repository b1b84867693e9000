"""What the formats are made of: tests with points, messages with a line, a verdict as one text."""

from __future__ import annotations

from typing import Literal

import msgspec

from grader.device import of_file
from grader.intake.display import for_terminal, one_line
from grader.marks import unreachable
from grader.record import (
    Aspect,
    Attribution,
    CheckedFinding,
    CheckOutcome,
    Diagnostic,
    Reason,
    Record,
    Status,
    Verdict,
    Visibility,
)
from grader.report.messages import is_submission
from grader.report.style import SHORT, badge, extra_text, lead, next_steps, noted, sentence
from grader.wording.checks import HIDDEN_FROM_STUDENTS, not_checked
from grader.wording.findings import FINDING_TITLES
from grader.wording.verdicts import NOTHING_LOST, fault_sentence

REASON = 400
"""Characters of the reason of one test."""


class ReportedTest(msgspec.Struct, frozen=True, kw_only=True):
    """One test in another system's terms. All texts are safe to show, in one line."""

    id: str
    name: str
    status: Status
    points: int
    max_points: int
    extra: bool
    reason: str
    """Why it failed or was not made; may be empty for one that passed."""
    visibility: Visibility
    """Always visible in a student's copy: what is hidden is not in it."""


def reported_tests(record: Record) -> tuple[ReportedTest, ...]:
    """Every check of the record as a test.

    The points of those that are not extra add up to ``record.score``, what they
    can give to ``record.max_score``, and the extra ones' points to
    ``record.extra_score``, whatever the checks themselves say: points that the
    device could not look for are out of reach, and extra credit counts only on
    top of all others. Without a mark (refused, fault) nothing gives points.
    """
    marked = record.verdict in (Verdict.PASS, Verdict.FAIL)
    out_of_reach = unreachable(record.checks) if marked else frozenset()
    made: list[ReportedTest] = []
    for place, check in enumerate(record.checks):
        points, most = check.points, check.max_points
        if not marked or (check.extra and not record.extra_score):
            points = 0
        if not marked or place in out_of_reach:
            most = 0
        made.append(
            ReportedTest(
                id=one_line(check.id, limit=SHORT) or "check",
                name=one_line(check.title, limit=SHORT) or "check",
                status=check.status,
                points=points,
                max_points=most,
                extra=check.extra,
                reason=sentence(one_line(check.sentence, limit=REASON)),
                visibility=check.visibility,
            )
        )
    return tuple(made)


def title_of_test(item: ReportedTest) -> str:
    """The name of a test, with what it is where that is not plain."""
    return f"{item.name} (extra credit)" if item.extra else item.name


def marked_title_of_test(item: ReportedTest) -> str:
    """The name of a test, and for an instructor whether students see it.

    For formats that have no field of their own for that.
    """
    return noted(title_of_test(item), HIDDEN_FROM_STUDENTS[item.visibility])


def reason_text(item: ReportedTest) -> str:
    """The reason; where the check was not made, it says so in front."""
    if item.status is Status.NOT_CHECKED:
        return not_checked(item.reason)
    return item.reason


def total_points(record: Record) -> int:
    """The points to enter in a gradebook: the score and the extra credit."""
    return record.score + record.extra_score


Level = Literal["error", "warning", "note"]
MESSAGE = 1_000
"""Characters of one message."""


class LineMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message at a line of the submission. All texts are safe to show, in one line."""

    rule: str
    """What kind of thing it is: ``compile-error``, ``check-exact``, ``finding-race``."""
    level: Level
    title: str
    message: str
    line: int | None = None
    """From one; None where nothing is known but the file."""
    column: int | None = None
    """In characters from one, as the source shows them."""
    note: str = ""
    """For an instructor: whether students see the check that it is about."""


def line_messages(record: Record) -> tuple[LineMessage, ...]:
    """What there is to say of lines: errors first, within a level in the order of the record.

    Empty for a fault of the grader: nothing is said of the student's lines then.
    """
    if record.verdict is Verdict.FAULT:
        return ()
    made: list[LineMessage] = []
    if record.verdict is Verdict.REFUSED:
        steps = " ".join(sentence(one_line(step, limit=300)) for step in next_steps(record)[:2])
        told = f"{sentence(one_line(record.headline, limit=400))} {steps}".strip()
        return (LineMessage(rule="refused", level="error", title="Not accepted", message=told),)
    made += [_diagnostic(d, record) for d in record.diagnostics]
    made += _checks(record, has_errors=any(place.level == "error" for place in made))
    made += [_finding(f, record) for f in record.findings]
    if record.verdict is Verdict.PASS:
        # Nothing cost a point: said, but not as an error.
        made = [_lowered(place) for place in made]
    order = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(made, key=lambda place: order[place.level]))


def _lowered(place: LineMessage) -> LineMessage:
    return msgspec.structs.replace(place, level="warning") if place.level == "error" else place


def _checks(record: Record, *, has_errors: bool) -> list[LineMessage]:
    """Failed checks, each with its smallest case; the compiler's errors say more than theirs."""
    made = []
    for check in record.checks:
        if check.status is not Status.FAILED or (has_errors and check.aspect in _COMPILING):
            continue
        case = next((c for c in record.counterexamples if c.check == check.id), None)
        parts = [sentence(one_line(check.sentence, limit=400))]
        if case is not None:
            sizes = ", ".join(f"{name} {value}" for name, value in case.sizes.items())
            parts.append(f"Smallest failing input: {one_line(sizes)}.")
            parts.append(sentence(one_line(case.explanation, limit=400)))
        made.append(
            LineMessage(
                rule="check",
                level="warning" if check.extra else "error",
                title=one_line(check.title, limit=SHORT),
                message=" ".join(part for part in parts if part) or "Failed.",
                note=HIDDEN_FROM_STUDENTS[check.visibility],
                line=_line(_line_of(check), record),
            )
        )
    if record.verdict is Verdict.FAIL and not made and not has_errors:
        told = sentence(one_line(record.headline, limit=400))
        made.append(LineMessage(rule="check", level="error", title="Not passed", message=told))
    return made


def _line_of(check: CheckOutcome) -> int | None:
    """The line that costs too much, where that is why it failed."""
    line = check.data.get("line") if check.reason is Reason.OVER_LIMIT else None
    return line if isinstance(line, int) else None


_COMPILING = frozenset({Aspect.PACKAGES, Aspect.COMPILES})


def _diagnostic(diagnostic: Diagnostic, record: Record) -> LineMessage:
    own = diagnostic.file is None or is_submission(diagnostic.file, record)
    parts = [sentence(one_line(diagnostic.message, limit=MESSAGE))]
    parts.append(sentence(one_line(diagnostic.advice, limit=400)))
    error = diagnostic.severity == "error"
    line = _line(diagnostic.line, record) if own else None
    return LineMessage(
        rule="compile-error" if error else "compile-warning",
        level="error" if error else "warning",
        title="Compiler error" if error else "Compiler warning",
        message=" ".join(part for part in parts if part) or "The compiler gave no message.",
        line=line,
        column=_column(diagnostic.column, line, record),
    )


def _finding(checked: CheckedFinding, record: Record) -> LineMessage:
    finding = checked.finding
    own = finding.source_file is None or is_submission(finding.source_file, record)
    given = checked.attribution is Attribution.SKELETON
    title = FINDING_TITLES[finding.kind]
    parts = [sentence(one_line(finding.message, limit=400))]
    parts.append(sentence(one_line(checked.explanation, limit=400)))
    line = _line(finding.source_line, record) if own else None
    place = of_file(finding.source)
    there = place is not None and place.line == line
    return LineMessage(
        rule=f"finding-{finding.kind.value}",
        level="note" if given else "error",
        title=f"{title}, in the given code (costs nothing)" if given else title,
        message=" ".join(part for part in parts if part),
        line=line,
        column=_column(place.column, line, record) if place and there else None,
    )


def _line(line: int | None, record: Record) -> int | None:
    """The line; None where the submission does not have it."""
    count = record.submission.text.count("\n") + 1
    return line if line is not None and 1 <= line <= count else None


def _column(column: int | None, line: int | None, record: Record) -> int | None:
    """The column in characters, from the compiler's in bytes; at most one past the line."""
    if column is None or line is None or column < 1:
        return None
    text = record.submission.text.split("\n")[line - 1]
    before = text.encode("utf-8", "surrogatepass")[: column - 1]
    return len(before.decode("utf-8", "ignore")) + 1


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
            fault_sentence(what),
            remedy,
            NOTHING_LOST,
        )
        if part
    )


def screen_text(record: Record) -> str:
    """The verdict on one screen, as ``grade submit`` prints it."""
    from grader.report.text import screen

    return for_terminal(screen(record, WIDTH))


def case_text(record: Record, check: str | None = None) -> str:
    """The smallest failing input (of one check) as aligned rows; empty where there is none."""
    from grader.report import terminal
    from grader.report.terminal import Paper

    found = [c for c in record.counterexamples if check is None or c.check == check][:1]
    if not found:
        return ""
    lines = terminal.case_lines(found[0], Paper(WIDTH, "utf-8"))
    return "\n".join(line.plain.rstrip() for line in lines)
