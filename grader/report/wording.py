"""The words of a verdict, the same in every format: states, next steps, lengths."""

from __future__ import annotations

import msgspec

from grader.device import Writer
from grader.record import Attribution, CheckedFinding, Record, Status, Verdict, Visibility

SHORT = 200
"""Characters of one name or title."""


class ReportLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a record is shown."""

    cases: int
    findings: int
    """Of the student's code, and again of the given code."""
    diagnostics: int
    notes: int
    """Under one message of the compiler."""
    shapes: int
    text: int
    """Characters of one message."""
    context: int
    """Lines of source around a marked one."""


LIMITS = (
    ReportLimits(cases=3, findings=8, diagnostics=10, notes=4, shapes=200, text=1_200, context=2),
    ReportLimits(cases=2, findings=3, diagnostics=3, notes=2, shapes=60, text=400, context=1),
    ReportLimits(cases=1, findings=1, diagnostics=1, notes=0, shapes=20, text=120, context=0),
)
"""From what every sensible record fits to what even a hostile one fits."""


class Badge(msgspec.Struct, frozen=True):
    """A state as an icon and a word; ``tone`` names the colour."""

    icon: str
    word: str
    tone: str


STATUS = {
    Status.PASSED: Badge("✓", "passed", "pass"),
    Status.FAILED: Badge("✗", "failed", "fail"),
    Status.NOT_CHECKED: Badge("○", "not checked", "none"),
}
VERDICT = {
    Verdict.PASS: Badge("✓", "Passed", "pass"),
    Verdict.FAIL: Badge("✗", "Not passed", "fail"),
    Verdict.REFUSED: Badge("↩", "Not accepted", "refused"),
    Verdict.FAULT: Badge("!", "No mark", "fault"),
}
HIDDEN_FROM_STUDENTS = {
    Visibility.VISIBLE: "",
    Visibility.HIDDEN: "hidden from students",
    Visibility.AFTER_DUE: "students see it after the due date",
}
"""What an instructor is told of a check. In a student's copy all that is left is visible."""
WRITERS: dict[Writer, str] = {
    Writer.NOBODY: "nobody",
    Writer.HOST_COPY: "a copy from the host",
    Writer.MEMSET: "memset, not by a kernel",
    Writer.DEVICE_COPY: "a copy on the device",
    Writer.KERNEL: "a kernel",
}
"""Who wrote an element last, where it is not known which thread."""


def badge(record: Record) -> Badge:
    """The verdict as an icon and a word; not the final one where something is still to come."""
    final = VERDICT[record.verdict]
    if record.withheld is None or record.withheld.final:
        return final
    word = "Right so far" if record.verdict is Verdict.PASS else "Not right yet"
    return Badge(final.icon, word, final.tone)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters of a text, saying how many are missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} more characters)"


def cut_head(text: str, limit: int) -> str:
    """The last ``limit`` characters: what a failing process said last matters most."""
    return text if len(text) <= limit else f"({len(text) - limit} characters) …{text[-limit:]}"


def sentence(text: str) -> str:
    """A message as a sentence: a capital first, a full stop last."""
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?:)" else text + "."


def noted(text: str, note: str) -> str:
    """``Real numbers (hidden from students)``; the text alone where there is no note."""
    return f"{text} ({note})" if note else text


def lead(record: Record) -> str:
    """What the verdict means, where the word alone could be misread."""
    if record.verdict is Verdict.FAULT:
        return "the grader failed, not your work"
    if record.verdict is Verdict.REFUSED:
        return "it was not graded"
    return ""


def extra_text(record: Record) -> str:
    """``+ 10 extra``, or nothing where no extra credit was earned."""
    return f"+ {record.extra_score} extra" if record.extra_score else ""


def next_title(record: Record) -> str:
    """The heading of what to do now."""
    return {
        Verdict.PASS: "What you can do next",
        Verdict.FAIL: "What to do next",
        Verdict.REFUSED: "What to hand in instead",
        Verdict.FAULT: "What happens now",
    }[record.verdict]


def next_steps(record: Record) -> list[str]:
    """What to do, most useful first; never empty for a verdict that asks for something."""
    steps = [step for step in record.advice if step.strip()]
    if record.verdict is Verdict.FAULT:
        standing = "You lose nothing: no points were taken, and the same file can be graded again."
        remedy = [record.fault.remedy] if record.fault and record.fault.remedy else []
        return [standing, *dict.fromkeys([*remedy, *steps])]
    if record.verdict is Verdict.REFUSED:
        remedy = [record.fault.remedy] if record.fault and record.fault.remedy else []
        fallback = f"Hand in your {record.puzzle.name} source: one Mojo file, UTF-8 text."
        return list(dict.fromkeys([*steps, *remedy])) or [fallback]
    if record.verdict is Verdict.PASS:
        open_ = record.withheld is not None or record.score < record.max_score
        return steps or ([] if open_ else ["Nothing: all points are yours."]) or _look_at(record)
    told = [d.advice for d in record.diagnostics if d.severity == "error" and d.advice][:1]
    told += [c.explanation for c in record.counterexamples if c.explanation][:1]
    told += [f.explanation for f in split_findings(record)[0] if f.explanation][:1]
    return steps or told or _look_at(record)


def _look_at(record: Record) -> list[str]:
    failed = [c.title for c in record.checks if c.status is Status.FAILED and not c.extra][:1]
    return [f"Look at the first check that failed: {title}." for title in failed]


def split_findings(record: Record) -> tuple[list[CheckedFinding], list[CheckedFinding]]:
    """The findings about the student's code, and those about the code that was given."""
    parts: tuple[list[CheckedFinding], list[CheckedFinding]] = ([], [])
    for finding in record.findings:
        parts[finding.attribution is Attribution.SKELETON].append(finding)
    return parts
