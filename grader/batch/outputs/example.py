"""What the example of a cluster shows: a few lines from which an instructor sees the trouble."""

from __future__ import annotations

from grader.intake.display import one_line
from grader.record import Attribution, Counterexample, Record, Tensor
from grader.report import values

LINE = 220
"""Characters of a line."""


def example_lines(record: Record) -> tuple[tuple[str, str], ...]:
    """The smallest case, or the compiler's message with its line, as term and value."""
    if record.counterexamples:
        lines = _case(record, record.counterexamples[0])
    else:
        source = record.submission.text.split("\n")
        error = next((d for d in record.diagnostics if d.severity == "error"), None)
        lines = [] if error is None else [("the compiler said", error.message)]
        if error is not None and error.line is not None and 0 < error.line <= len(source):
            lines.append((f"line {error.line}", source[error.line - 1].strip()))
    return tuple((one_line(k, limit=40), one_line(v, limit=LINE)) for k, v in lines)


def _case(record: Record, case: Counterexample) -> list[tuple[str, str]]:
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
