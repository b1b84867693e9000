"""What is wrong with a submission, in a sentence for an instructor; who has the same trouble.

Two records with the same `Diagnosis.key` have the same trouble, as far as the records tell. The
trouble is the cause that the student reads of, the first of `grader.guidance.cause.causes`; where
no cause is certain, wrong answers to the published example tell students apart, and else the checks
that failed.

Students with the same trouble are put together, with an example from which one sees the trouble.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec

from grader.batch.model import StudentResult
from grader.guidance.cause import Cause, causes, failed_of
from grader.intake.display import one_line
from grader.marks import untouched
from grader.record import (
    Aspect,
    Attribution,
    CheckOutcome,
    Counterexample,
    ProblemKind,
    Record,
    Status,
    Tensor,
    Verdict,
)
from grader.report import style
from grader.wording.diagnoses import (
    DIAGNOSES,
    NOTHING_FILLED_IN,
    check_diagnosis,
    checks_diagnosis,
    compiler_diagnosis,
    example_diagnosis,
    finding_diagnosis,
    no_output_diagnosis,
    told_to_instructor,
)

LONG = 180
"""Characters of a sentence made from a message."""
FEW = 4
"""Elements of a tensor in a sentence."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The trouble with one submission."""

    key: str
    title: str
    """A sentence, without a full stop."""


# The number of a signal says what happened; all others differ from one file to the next.
_NUMBER = re.compile(r"(?<!signal )(?<![\w.])-?\d[\d.]*(?![\w.])")
_QUOTED = re.compile(r"'[^'\n]{60,}'")


def diagnose(record: Record) -> Diagnosis | None:
    """The trouble that a record tells of; None where nothing failed or there is no mark.

    Under a rubric with a pass mark, also who passed may have one.
    """
    failed = [check for checks in failed_of(record).values() for check in checks]
    if record.verdict is not Verdict.FAIL and not (record.verdict is Verdict.PASS and failed):
        return None
    if untouched(record):
        return _made("nothing", NOTHING_FILLED_IN)
    cause = next(iter(causes(record)), None)
    if cause is not None:
        return _of_cause(record, cause)
    return _wrong_example(record) or _of_checks(record, failed)


def normalised(message: str) -> str:
    """A message without what differs from one file to the next: its numbers and long types."""
    return _NUMBER.sub("N", _QUOTED.sub("'...'", " ".join(message.split())))


def first_sentence(text: str) -> str:
    """The first sentence of a text, without its full stop."""
    told = " ".join(text.split())
    end = re.search(r"\.(?=\s|$)", told)
    return told[: end.start()] if end else told


def _of_cause(record: Record, cause: Cause) -> Diagnosis:
    if cause.diagnostic is not None:
        said = cause.diagnostic
        told = normalised(first_sentence(said.advice) if said.advice else said.message)
        # What is packaged by itself becomes an op of a graph.
        in_graph = any(check.aspect is Aspect.PACKAGES for check in record.checks)
        title = compiler_diagnosis(said.stage, told, in_graph=in_graph)
        # Messages that mean the same are one trouble.
        return _made(f"{cause.key}-{said.stage}", title, title)
    if cause.finding is not None:
        seen = cause.finding.finding
        wrong = any(
            check.aspect is Aspect.VALUES and check.status is Status.FAILED
            for check in record.checks
        )
        title = finding_diagnosis(seen, values_are_right=not wrong)
        return _made(cause.key, title, str(seen.space), str(wrong))
    if cause.key == ProblemKind.NO_OUTPUT and cause.example is not None:
        lines = cause.example.error.splitlines()
        told = normalised(next((line for line in lines if line.strip()), ""))
        return _made(cause.key, no_output_diagnosis(told), told)
    told = DIAGNOSES.get(cause.key) or told_to_instructor(first_sentence(cause.sentence))
    return _made(cause.key, told)


def _wrong_example(record: Record) -> Diagnosis | None:
    """The published example is the same for everybody, so equal wrong answers tell of one cause."""
    case = next((c for c in record.counterexamples if c.published), None)
    wrong = next((each for each in case.shown if each.mismatches), None) if case else None
    if case is None or wrong is None or wrong.got is None:
        return None
    start = wrong.mismatches[0].index
    title = example_diagnosis(_few(wrong.got, start), _few(wrong.expected, start), start)
    inputs = "".join(t.data.hex() for t in case.inputs)
    return _made("published", title, inputs, wrong.got.data.hex())


def _of_checks(record: Record, failed: Sequence[CheckOutcome]) -> Diagnosis:
    counted = {case.check for case in record.counterexamples if case.mismatch_count}
    if len(failed) == 1 and failed[0].sentence and failed[0].id not in counted:
        told = normalised(failed[0].sentence)
        return _made("check", check_diagnosis(record.headline, told), failed[0].id, told)
    title = checks_diagnosis(record.headline, failed)
    return _made("checks", title, *(c.id for c in failed), *(() if failed else (title,)))


def _made(kind: str, title: str, *parts: str) -> Diagnosis:
    digest = blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()
    return Diagnosis(key=f"{kind}-{digest}", title=one_line(title, limit=LONG))


def _few(tensor: Tensor, start: int) -> str:
    numbers = style.decode(tensor, start + FEW + 1)[start:]
    shown = ", ".join(style.shortest(n, tensor.dtype) for n in numbers[:FEW])
    return f"{shown}, ..." if len(numbers) > FEW else shown


LINE = 220
"""Characters of a line."""


def example_lines(record: Record) -> tuple[tuple[str, str], ...]:
    """The smallest case, or the compiler's message with its line, as term and value.

    Before it what the report says, where the title leaves this file's own numbers out.
    """
    cause = next(iter(causes(record)), None)
    if record.counterexamples:
        lines = _case_lines(record, record.counterexamples[0])
        if cause is not None and cause.key in DIAGNOSES:
            lines.insert(0, ("the report says", cause.sentence))
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
