"""What is wrong with a submission, in a sentence for an instructor; who has the same trouble.

Two records with the same `Diagnosis.key` have the same trouble, as far as the records tell. What a
record says best comes first: that nothing was filled in, the compiler's message, a mistake that the
puzzle knows by its pattern, what the device saw, the wrong numbers themselves, and last which
checks failed.

Students with the same trouble are put together, with an example from which one sees the trouble.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec

from grader.batch.model import StudentResult
from grader.device import Finding, FindingKind, Space
from grader.intake.display import one_line
from grader.marks import untouched
from grader.record import (
    Aspect,
    Attribution,
    Counterexample,
    Diagnostic,
    Record,
    Status,
    Tensor,
    Verdict,
)
from grader.report import style
from grader.wording.findings import FINDING_DIAGNOSES

LONG = 180
"""Characters of a sentence made from a message."""
FEW = 4
"""Elements of a tensor in a sentence."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The trouble with one submission."""

    key: str
    title: str
    """A sentence, without a full stop."""


_NOTHING = Diagnosis(key="nothing", title="Nothing was filled in: it is the skeleton as given")
_ENDS_A_RUN = {
    FindingKind.OUT_OF_BOUNDS,
    FindingKind.MISALIGNED,
    FindingKind.BUDGET_EXCEEDED,
    FindingKind.STACK_OVERFLOW,
    FindingKind.MISSING_FUNCTION,
}
_PLACES = {
    Space.SHARED: "a shared array",
    Space.GLOBAL: "a buffer in global memory",
    Space.LOCAL: "a local array",
    Space.CONST: "constant memory",
}
# The number of a signal says what happened; all others differ from one file to the next.
_NUMBER = re.compile(r"(?<!signal )(?<![\w.])-?\d[\d.]*(?![\w.])")
_YOUR = re.compile(r"\byour\b")
_QUOTED = re.compile(r"'[^'\n]{60,}'")


def diagnose(record: Record) -> Diagnosis | None:
    """The trouble that a record tells of; None where nothing failed or there is no mark.

    Under a rubric with a pass mark, also who passed may have one.
    """
    failed = any(check.status is Status.FAILED and not check.extra for check in record.checks)
    passed = record.verdict is Verdict.PASS
    if record.verdict not in (Verdict.PASS, Verdict.FAIL) or (passed and not failed):
        return None
    if untouched(record):
        return _NOTHING
    return (
        _compiler(record)
        or _known_mistake(record)
        or _no_output(record)
        or _wrong_example(record)
        or _unclean(record)
        or _checks(record)
    )


def normalised(message: str) -> str:
    """A message without what differs from one file to the next: its numbers and long types."""
    return _NUMBER.sub("N", _QUOTED.sub("'...'", " ".join(message.split())))


def first_sentence(text: str) -> str:
    """The first sentence of a text, without its full stop."""
    told = " ".join(text.split())
    end = re.search(r"\.(?=\s|$)", told)
    return told[: end.start()] if end else told


# ---- what a record says, best first ----


def _compiler(record: Record) -> Diagnosis | None:
    if record.cases_run:
        return None
    error: Diagnostic | None = next((d for d in record.diagnostics if d.severity == "error"), None)
    if error is None:
        return None
    start = {
        "package": "Does not compile",
        "compile": "Compiles alone, but not in a graph",
        "run": "Fails when it is started",
        "program": "Does not build as a program",
    }[error.stage]
    told = first_sentence(error.advice) if error.advice else normalised(error.message)
    return _made("compiler", f"{start}: {_clause(told)}", error.stage, told)


def _known_mistake(record: Record) -> Diagnosis | None:
    for case in record.counterexamples:
        if case.explanation and not _is_extra(record, case.check):
            # Written to the student; here the instructor reads it.
            told = _YOUR.sub("the student's", first_sentence(case.explanation))
            return _made("mistake", told, case.mistake or told)
    return None


def _no_output(record: Record) -> Diagnosis | None:
    """Every run of a check ends in an error: what the device saw, or else the error itself."""
    for case in record.counterexamples:
        if not case.error or case.answered:
            continue
        seen = _ended_by(record, case)
        if seen is not None and seen.kind is not FindingKind.BAD_LAUNCH:
            title = _finding_title(seen)
            what = (seen.kind.value, str(seen.space))
            return _made("crash", f"{title}, and the run ends there", *what)
        told = normalised(next((line for line in case.error.splitlines() if line.strip()), ""))
        return _made("crash", f"No run gives an output: {_clause(told)}", told)
    return None


def _wrong_example(record: Record) -> Diagnosis | None:
    """The published example is the same for everybody, so equal wrong answers tell of one cause."""
    case = next((c for c in record.counterexamples if c.published), None)
    wrong = next((each for each in case.shown if each.mismatches), None) if case else None
    if case is None or wrong is None or wrong.got is None:
        return None
    start = wrong.mismatches[0].index
    got, want = _few(wrong.got, start), _few(wrong.expected, start)
    place = f" from element {start} on" if start else ""
    title = f"The published example gives {got} where {want} is right{place}"
    unwritten = any(_is_symptom(found) for found in _own(record))
    if unwritten and any(m.got == "nan" for m in wrong.mismatches):
        # The device fills memory that nothing wrote with NaN.
        title += ": it reads memory that nothing wrote"
    inputs = "".join(t.data.hex() for t in case.inputs)
    return _made("published", title, inputs, wrong.got.data.hex())


def _unclean(record: Record) -> Diagnosis | None:
    failed = {
        check.aspect
        for check in record.checks
        if check.status is Status.FAILED and not check.beyond
    }
    if Aspect.VALUES in failed or Aspect.CLEAN not in failed:
        return None
    order = list(FINDING_DIAGNOSES)
    seen = sorted(_own(record), key=lambda f: (_is_symptom(f), order.index(f.kind)))
    if not seen:
        return None
    title = _finding_title(seen[0])
    title = f"The values are right, but: {title[0].lower()}{title[1:]}"
    return _made("unclean", title, seen[0].kind.value, str(seen[0].space))


def _checks(record: Record) -> Diagnosis:
    failed = [c for c in record.checks if c.status is Status.FAILED and not c.extra]
    names = ", ".join(
        f"\N{LEFT DOUBLE QUOTATION MARK}{one_line(c.title, limit=60)}"
        f"\N{RIGHT DOUBLE QUOTATION MARK}"
        for c in failed[:3]
    )
    start = one_line(record.headline, limit=LONG).rstrip(". ")
    counted = {case.check for case in record.counterexamples if case.mismatch_count}
    if len(failed) == 1 and failed[0].sentence and failed[0].id not in counted:
        told = normalised(failed[0].sentence).rstrip(".")
        return _made("check", f"{start}: {told}", failed[0].id, told)
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    title = f"{start} (failed: {names}{more})" if failed else start
    return _made("checks", title, *(c.id for c in failed), *(() if failed else (start,)))


# ---- words ----


def _made(kind: str, title: str, *parts: str) -> Diagnosis:
    digest = blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()
    return Diagnosis(key=f"{kind}-{digest}", title=one_line(title, limit=LONG))


def _own(record: Record) -> list[Finding]:
    return [f.finding for f in record.findings if f.attribution is Attribution.STUDENT]


def _is_extra(record: Record, check: str) -> bool:
    return any(c.id == check and c.extra for c in record.checks)


def _is_symptom(found: Finding) -> bool:
    # A cell that nobody wrote is mostly what a race or a wrong index leaves behind.
    return found.kind is FindingKind.UNINITIALISED_READ


def _ended_by(record: Record, case: Counterexample) -> Finding | None:
    """The finding that a case without output ended with, else one of the run that ends cases."""
    if case.finding is not None and not _is_symptom(case.finding):
        return case.finding
    return next((found for found in _own(record) if found.kind in _ENDS_A_RUN), None)


def _finding_title(finding: Finding) -> str:
    what = _PLACES.get(finding.space, "memory") if finding.space else "memory"
    past = {"write": "writes past", "atomic": "updates past"}.get(
        finding.access or "", "reads past"
    )
    return FINDING_DIAGNOSES[finding.kind].format(what=what, past=past)


def _few(tensor: Tensor, start: int) -> str:
    numbers = style.decode(tensor, start + FEW + 1)[start:]
    shown = ", ".join(style.shortest(n, tensor.dtype) for n in numbers[:FEW])
    return f"{shown}, ..." if len(numbers) > FEW else shown


def _clause(text: str) -> str:
    """A message after a colon: without a full stop."""
    return text.strip().rstrip(".") or "no message"


LINE = 220
"""Characters of a line."""


def example_lines(record: Record) -> tuple[tuple[str, str], ...]:
    """The smallest case, or the compiler's message with its line, as term and value."""
    if record.counterexamples:
        lines = _case_lines(record, record.counterexamples[0])
    else:
        source = record.submission.text.split("\n")
        error = next((d for d in record.diagnostics if d.severity == "error"), None)
        lines = [] if error is None else [("the compiler said", error.message)]
        if error is not None and error.line is not None and 0 < error.line <= len(source):
            lines.append((f"line {error.line}", source[error.line - 1].strip()))
    return tuple((one_line(k, limit=40), one_line(v, limit=LINE)) for k, v in lines)


def _case_lines(record: Record, case: Counterexample) -> list[tuple[str, str]]:
    seen = next((f for f in record.findings if f.attribution is Attribution.STUDENT), None)
    if case.answered and not case.mismatch_count and seen is not None:
        # The numbers are right; what is wrong is how they came about.
        return [("sizes", style.sizes_text(seen.sizes)), ("the device saw", seen.finding.message)]
    lines = [(tensor.name, _numbers(tensor)) for tensor in case.inputs]
    for output in case.shown:
        of = f" {output.expected.name}" if len(case.outputs) > 1 else ""
        lines.append((f"expected{of}", _numbers(output.expected)))
        if output.got is not None:
            lines.append((f"got{of}", _numbers(output.got)))
    return lines if case.answered else [*lines, ("the run said", case.error)]


def _numbers(tensor: Tensor) -> str:
    shown = [style.shortest(v, tensor.dtype) for v in style.decode(tensor, 16)]
    return ", ".join(shown) + (", ..." if style.size(tensor) > 16 else "")


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Students whose records show the same trouble."""

    diagnosis: Diagnosis
    members: tuple[StudentResult, ...]
    example: StudentResult
    """The one whose smallest counterexample is the smallest: the quickest to understand."""
    lines: tuple[tuple[str, str], ...]
    """What the example shows, as term and value."""


class _Example(msgspec.Struct, frozen=True, kw_only=True):
    size: int
    student: str
    diagnosis: Diagnosis
    lines: tuple[tuple[str, str], ...]


class Troubles:
    """The trouble of each student, from one record at a time; no record is kept."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        """The key of the trouble, by the key of the student."""
        self._examples: dict[str, _Example] = {}

    def add(self, student: str, record: Record) -> None:
        """Take a student's record into account."""
        found = diagnose(record)
        if found is None:
            return
        self._of[student] = found.key
        best, size = self._examples.get(found.key), _case_size(record)
        if best is None or (size, student) < (best.size, best.student):
            self._examples[found.key] = _Example(
                size=size, student=student, diagnosis=found, lines=example_lines(record)
            )

    def clusters(self, results: Iterable[StudentResult]) -> list[Cluster]:
        """The clusters, the largest first; in the order of ``results`` within each."""
        members: dict[str, list[StudentResult]] = {}
        for result in results:
            if key := self._of.get(result.student.key):
                members.setdefault(key, []).append(result)
        made = [self._cluster(key, tuple(who)) for key, who in members.items()]
        return sorted(made, key=lambda c: (-len(c.members), c.diagnosis.title, c.diagnosis.key))

    def _cluster(self, key: str, members: tuple[StudentResult, ...]) -> Cluster:
        example = self._examples[key]
        return Cluster(
            diagnosis=example.diagnosis,
            members=members,
            example=next(each for each in members if each.student.key == example.student),
            lines=example.lines,
        )


def clusters(results: Sequence[StudentResult]) -> list[Cluster]:
    """The clusters of whole results."""
    troubles = Troubles()
    for result in results:
        if result.record is not None:
            troubles.add(result.student.key, result.record)
    return troubles.clusters(results)


def _case_size(record: Record) -> int:
    cases = record.counterexamples
    return sum(len(tensor.data) for tensor in cases[0].inputs) if cases else 0
