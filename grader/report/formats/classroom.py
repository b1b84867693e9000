"""The result that GitHub Classroom's autograding reporter reads.

Source: ``src/main.js``, ``src/notify-classroom.js`` and
``src/helpers/test-helpers.js`` of
https://github.com/classroom-resources/autograding-grading-reporter: it decodes
base64 of JSON from ``<STEP-ID>_RESULTS``, adds up ``tests[].score``, and sends
no points at all where ``max_score`` is 0. So a fault of ours is status
``error`` with a ``max_score`` of 0: the mark that stood before stays.
"""

from __future__ import annotations

import base64

import msgspec

from grader.intake.display import one_line
from grader.record import Record, Status, Verdict
from grader.report.formats import elements

STATUS = {Status.PASSED: "pass", Status.FAILED: "fail", Status.NOT_CHECKED: "error"}
MESSAGE = 2_000
"""Characters of a message: the whole result is one environment variable."""


def render_classroom(record: Record) -> bytes:
    """Base64 in one line, for the step output ``result``."""
    return base64.b64encode(msgspec.json.encode(result(record)))


def result(record: Record) -> dict[str, object]:
    """The document that is encoded."""
    filename = one_line(record.submission.name, limit=100)
    if record.verdict in (Verdict.FAULT, Verdict.REFUSED):
        fault = record.verdict is Verdict.FAULT
        told = elements.fault_text(record) if fault else elements.headline(record)
        name = "Graded" if fault else "The file can be read"
        single = _test(name, "error" if fault else "fail", 0, told, filename)
        return {
            "version": 1,
            "status": "error" if fault else "fail",
            "max_score": 0 if fault else record.max_score,
            "tests": [single],
        }
    # Extra credit that was not earned is nobody's failed test.
    shown = [item for item in elements.reported_tests(record) if item.points or not item.extra]
    return {
        "version": 1,
        "status": "pass" if record.verdict is Verdict.PASS else "fail",
        "max_score": record.max_score,
        "tests": [
            _test(
                elements.marked_title_of_test(item),
                STATUS[item.status],
                item.points,
                _message(record, item),
                filename,
                line_no=_line(record, item),
            )
            for item in shown
        ],
    }


def _message(record: Record, item: elements.ReportedTest) -> str:
    told = elements.reason_text(item)
    if item.status is Status.FAILED:
        told = f"{told}\n{elements.case_text(record, item.id)}".strip()
    return told[:MESSAGE]


def _line(record: Record, item: elements.ReportedTest) -> int:
    """Where to look: the first error of the compiler, for the check that it fails."""
    if item.status is not Status.FAILED:
        return 0
    errors = [d.line for d in record.diagnostics if d.severity == "error" and d.line]
    return errors[0] or 0 if errors else 0


def _test(
    name: str, status: str, score: int, message: str, filename: str, *, line_no: int = 0
) -> dict[str, object]:
    return {
        "name": name,
        "status": status,
        "score": score,
        "message": message,
        "test_code": "",
        "filename": filename,
        "line_no": line_no,
        "duration": 0,
    }
