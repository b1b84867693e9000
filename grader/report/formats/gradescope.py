"""Gradescope's ``/autograder/results/results.json``.

Source: "Autograder Specifications", "Output format",
https://gradescope-autograders.readthedocs.io/en/latest/specs/

There is no score at the top: it would replace the sum of the tests. Without a
mark there is no score at all. Gradescope then reports that the autograder
failed, which is so, instead of entering a zero.

Gradescope hides tests itself and keeps the whole mark. So a whole record, the
instructor's, is written with all tests, each with its visibility; what stands
above the tests is for students and is made of their copy. Its "after the due
date" is that of the assignment in Gradescope.
"""

from __future__ import annotations

import msgspec

from grader.audience import for_audience
from grader.intake.display import one_line
from grader.record import SCHEMA, Record, Status, Verdict, Visibility
from grader.report.formats import elements

STATUS = {Status.PASSED: "passed", Status.FAILED: "failed", Status.NOT_CHECKED: "failed"}
"""Gradescope knows no third state; what was not checked says so in its output."""
VISIBILITY = {
    Visibility.VISIBLE: "visible",
    Visibility.HIDDEN: "hidden",
    Visibility.AFTER_DUE: "after_due_date",
}


def render_gradescope(record: Record) -> bytes:
    """One document, to be written in one go."""
    document: dict[str, object] = {
        "output": elements.screen_text(for_audience(record, "student")),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        # What the grader prints is for the instructor; the students' text is in "output".
        "stdout_visibility": "hidden",
        "execution_time": round(sum(stage.seconds for stage in record.stages)),
        "extra_data": {
            "verdict": record.verdict.value,
            "record": SCHEMA,
            "submission_sha256": one_line(record.submission.sha256),
            "grader": one_line(record.grader_version),
        },
    }
    if record.verdict is Verdict.FAULT:
        document["output"] = elements.fault_text(record)
    elif record.verdict is Verdict.REFUSED:
        document["score"] = 0
    else:
        document["tests"] = _tests(record)
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _tests(record: Record) -> list[dict[str, object]]:
    tests: list[dict[str, object]] = []
    for number, item in enumerate(elements.reported_tests(record), start=1):
        test: dict[str, object] = {
            "name": elements.title_of_test(item),
            "number": str(number),
            "score": item.points,
            # Extra credit is on top of what can be had.
            "max_score": 0 if item.extra else item.max_points,
            "output": _output(record, item),
            "visibility": VISIBILITY[item.visibility],
            "tags": [item.id],
        }
        if item.max_points and not item.extra:
            # Left out where no points were to be had: it would be shown as a failed test.
            test["status"] = STATUS[item.status]
        tests.append(test)
    return tests


def _output(record: Record, item: elements.ReportedTest) -> str:
    if item.status is not Status.FAILED:
        return elements.reason_text(item)
    return "\n\n".join(part for part in (item.reason, elements.case_text(record, item.id)) if part)
