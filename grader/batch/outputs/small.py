"""As much of a record as tables and gradebooks need, so that a whole class fits into memory."""

from __future__ import annotations

from msgspec.structs import replace

from grader.record import CheckOutcome, Record


class Small:
    """Makes records small. What many of a class have in common is kept once."""

    def __init__(self) -> None:
        self._checks: dict[CheckOutcome, CheckOutcome] = {}

    def record(self, record: Record) -> Record:
        """The record with verdict, points, checks and what is said in summary.

        Without the text, the cases, messages, launches, and how and where it was made.
        """
        return replace(
            record,
            submission=replace(record.submission, text=""),
            checks=tuple(self._checks.setdefault(each, each) for each in record.checks),
            counterexamples=(),
            findings=(),
            diagnostics=(),
            fault=replace(record.fault, detail="") if record.fault is not None else None,
            toolchain=None,
            device=None,
            isolation=None,
            shapes=(),
            stages=(),
            kernels=(),
            look=(),
            rubric=None,
            launches=(),
            cases=None,
        )
