"""Classroom 50's ``result.json``.

Source: "The result.json contract" in
https://github.com/foundation50/classroom50/wiki/Advanced-Autograding, and in that
repository ``schemas/result-v1.schema.json`` and ``validate_result`` of its
``runner.py``. No score may be above its maximum there, in the whole or in a
test: a document that has one becomes an error. So extra credit is said in the
name of its test and gives no points.

Its runner takes an autograder that ends with anything but 0 for "status=error",
which is what a fault of ours is. So the document of a fault has no tests and
0 of 0 points, and the autograder that wraps this command must pass exit code 4
on (`grade init course` writes one that does).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from grader.record import Record, Status, Verdict
from grader.report.formats import elements


def render_classroom50(record: Record, environment: Mapping[str, str] | None = None) -> bytes:
    """One document; whose submission it is stands in the runner's environment."""
    given = os.environ if environment is None else environment
    commit = given.get("COMMIT_URL", "") or _commit(given)
    tests = [] if record.verdict is Verdict.FAULT else _tests(record)
    document = {
        "schema": "classroom50/result/v1",
        "classroom": given.get("CLASSROOM", ""),
        "assignment": given.get("ASSIGNMENT", ""),
        # The runner writes its own over these two.
        "assignment_type": given.get("ASSIGNMENT_TYPE", "") or "individual",
        "owner": given.get("OWNER", "") or given.get("USERNAME", ""),
        "submission": given.get("SUBMISSION_TAG", ""),
        "commit": commit,
        "release": given.get("RELEASE_URL", ""),
        "review": given.get("REVIEW_URL", "") or commit,
        "datetime": _instant(record.created),
        "graded_at": _instant(record.created),
        "score": sum(int(str(test["score"])) for test in tests),
        "max-score": sum(int(str(test["max-score"])) for test in tests),
        "tests": tests,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _commit(given: Mapping[str, str]) -> str:
    server, repository, commit = (
        given.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_SHA")
    )
    return f"{server}/{repository}/commit/{commit}" if server and repository and commit else ""


def _instant(created: str) -> str:
    """UTC to the second with a Z, as the contract writes it."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        when = datetime.fromtimestamp(0, UTC)
    if when.utcoffset() is None:
        when = when.replace(tzinfo=UTC)
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tests(record: Record) -> list[dict[str, object]]:
    if record.verdict is Verdict.REFUSED:
        told = elements.headline(record)
        return [_test("The file can be read", False, 0, record.max_score, "refused", told)]
    return [
        _test(
            _name(item),
            item.status is Status.PASSED,
            0 if item.extra else item.points,
            0 if item.extra else item.max_points,
            item.status.value,
            elements.reason_text(item),
        )
        for item in elements.reported_tests(record)
        if _counts(item)
    ]


def _counts(item: elements.ReportedTest) -> bool:
    """Whether a test is listed: not if it is unearned extra credit, or not shown by the device.

    To Classroom 50 a submission has failed as soon as one test has not passed.
    """
    if item.extra:
        return item.points > 0
    return item.max_points > 0 or item.status is not Status.NOT_CHECKED


def _name(item: elements.ReportedTest) -> str:
    name = elements.marked_title_of_test(item)
    return f"{name}: {item.points} points" if item.extra else name


def _test(
    name: str, passed: bool, score: int, max_score: int, status: str, message: str
) -> dict[str, object]:
    # Fields that the contract does not name are kept as they are.
    return {
        "test-name": name,
        "passed": passed,
        "score": score,
        "max-score": max_score,
        "status": status,
        "message": message,
    }
