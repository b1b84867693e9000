"""PrairieLearn's ``results.json`` of an external grader.

Source: "External grading", "Grading result",
https://prairielearn.readthedocs.io/en/latest/externalGrading/

``gradable: false`` is PrairieLearn's own word for "there is no mark": the
attempt is given back, so it stands for a refused file and for a fault of ours.
Points stand on all tests, as it asks.
"""

from __future__ import annotations

import msgspec

from grader.intake.display import one_line
from grader.record import Record, Status, Verdict
from grader.report.formats import elements
from grader.report.style import next_steps
from grader.wording.checks import HIDDEN_FROM_STUDENTS


def render_prairielearn(record: Record) -> bytes:
    """One document."""
    document: dict[str, object]
    if record.verdict in (Verdict.FAULT, Verdict.REFUSED):
        fault = record.verdict is Verdict.FAULT
        told = elements.fault_text(record) if fault else _refusal(record)
        document = {
            "gradable": False,
            "message": elements.headline(record),
            "format_errors": [told],
        }
    else:
        document = {
            "gradable": True,
            # 0 to 1; extra credit has no place in it and is told in its test.
            "score": record.score / record.max_score if record.max_score else 0.0,
            "message": elements.headline(record),
            "output": elements.screen_text(record),
            "tests": [_test(record, item) for item in elements.reported_tests(record)],
        }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _refusal(record: Record) -> str:
    steps = [one_line(step, limit=400) for step in next_steps(record)[:3]]
    return " ".join([one_line(record.headline, limit=400), *steps])


def _test(record: Record, item: elements.ReportedTest) -> dict[str, object]:
    told = elements.reason_text(item)
    if item.extra and item.points:
        told = f"{item.points} points of extra credit. {told}".strip()
    case = elements.case_text(record, item.id) if item.status is Status.FAILED else ""
    return {
        "name": elements.title_of_test(item),
        "description": HIDDEN_FROM_STUDENTS[item.visibility],
        "points": 0 if item.extra else item.points,
        "max_points": 0 if item.extra else item.max_points,
        "message": told,
        "output": case,
        "images": [],
    }
