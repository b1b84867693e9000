"""Students with the same trouble, put together, with an example from which one sees the trouble."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from grader.batch.model import StudentResult
from grader.batch.outputs.diagnosis import Diagnosis, diagnose
from grader.intake.display import one_line
from grader.record import Attribution, Counterexample, Record, Tensor
from grader.report import values

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
        return [("sizes", values.sizes_text(seen.sizes)), ("the device saw", seen.finding.message)]
    lines = [(tensor.name, _numbers(tensor)) for tensor in case.inputs]
    for output in case.shown:
        of = f" {output.expected.name}" if len(case.outputs) > 1 else ""
        lines.append((f"expected{of}", _numbers(output.expected)))
        if output.got is not None:
            lines.append((f"got{of}", _numbers(output.got)))
    return lines if case.answered else [*lines, ("the run said", case.error)]


def _numbers(tensor: Tensor) -> str:
    shown = [values.shortest(v, tensor.dtype) for v in values.decode(tensor, 16)]
    return ", ".join(shown) + (", ..." if values.size(tensor) > 16 else "")


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
