"""Exercism's ``results.json``, version 3.

Source: "The Test Runner Interface",
https://exercism.org/docs/building/tooling/test-runners/interface

``error`` is Exercism's word for "no test was run": a file that does not
compile, one that can't be read, and a fault of ours, each with its own message.
"""

from __future__ import annotations

import msgspec

from grader.intake.display import one_line
from grader.record import Record, Status, Verdict
from grader.report.formats import elements

MESSAGE = 65_535
"""Bytes of any message; the source counts characters, and fewer where some take more bytes."""
OUTPUT = 500
"""Characters of the output of one test."""
CUT = "\n[cut at 500 characters]"
STATUS = {Status.PASSED: "pass", Status.FAILED: "fail", Status.NOT_CHECKED: "error"}


def render_exercism(record: Record) -> bytes:
    """One document."""
    if record.verdict is Verdict.FAULT:
        document = _error(elements.fault_text(record))
    elif record.verdict is Verdict.REFUSED or not record.cases_run:
        document = _error(elements.screen_text(record))
    else:
        document = {
            "version": 3,
            "status": "pass" if record.verdict is Verdict.PASS else "fail",
            "message": None,
            "tests": [
                _test(record, item)
                for item in elements.reported_tests(record)
                if item.points or not item.extra
            ],
        }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _error(message: str) -> dict[str, object]:
    kept = message.encode("utf-8")[:MESSAGE].decode("utf-8", "ignore")
    return {"version": 3, "status": "error", "message": kept, "tests": []}


def _test(record: Record, item: elements.ReportedTest) -> dict[str, object]:
    status = STATUS[item.status]
    output = elements.case_text(record, item.id) if item.status is Status.FAILED else ""
    if len(output) > OUTPUT:
        # The rows come first in the text: what is cut is the end of the longest ones.
        output = output[: OUTPUT - len(CUT)] + CUT
    return {
        "name": elements.marked_title_of_test(item),
        "status": status,
        "message": None if status == "pass" else elements.reason_text(item) or "Failed.",
        "output": output or None,
        "test_code": one_line(_formula(record, item.id), limit=500) or item.name,
    }


def _formula(record: Record, check: str) -> str:
    """What the part of a check computes; of a check of the file, what all do."""
    part = next((each.part for each in record.checks if each.id == check), "")
    formulas = [each.formula for each in record.puzzle.parts if part in ("", each.name)]
    return "; ".join(formulas)
