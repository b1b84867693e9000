"""SARIF 2.1.0: what the compiler and the device say of the student's lines.

Source: "Static Analysis Results Interchange Format (SARIF) Version 2.1.0",
OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/, and "SARIF support for
code scanning" of GitHub's documentation for what an upload must have. A fault
of ours is a notification of an invocation that did not succeed, and no result.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

import msgspec

from grader.intake.display import one_line
from grader.record import Record, Verdict
from grader.report.formats import elements
from grader.report.formats.elements import LineMessage, line_messages
from grader.report.style import noted
from grader.wording.findings import FINDING_TITLES

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
RESULTS = 200
"""Far below the 5,000 that GitHub shows of one upload."""

_RULES: dict[str, tuple[str, str]] = {
    "compile-error": ("The file does not compile", "The compiler rejects the file."),
    "compile-warning": ("The compiler warns", "The compiler accepts the file with a warning."),
    "check": ("A check of the rubric failed", "The output is not what the task asks for."),
    "refused": ("The file can't be graded", "What was handed in can't be taken as a submission."),
    **{
        f"finding-{kind.value}": (title, "Seen while the kernel ran on the software device.")
        for kind, title in FINDING_TITLES.items()
    },
}


def render_sarif(record: Record, path: str | None = None) -> bytes:
    """One log with one run.

    Args:
        record: What to render.
        path: Of the submission, relative to the repository; by default its name.
    """
    named = one_line(record.submission.name if path is None else path, limit=1_000)
    uri = quote(named.lstrip("/"), safe="/._-~") or "submission"
    shown = line_messages(record)[:RESULTS]
    rules = list(dict.fromkeys(place.rule for place in shown))
    fault = record.verdict is Verdict.FAULT
    invocation: dict[str, object] = {"executionSuccessful": not fault}
    if fault:
        message = {"text": elements.fault_text(record)}
        invocation["toolExecutionNotifications"] = [{"level": "error", "message": message}]
    run = {
        "tool": {
            "driver": {
                "name": "mojo-grade",
                "semanticVersion": one_line(record.grader_version) or "0",
                "rules": [_rule(name) for name in rules],
            }
        },
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": [_result(place, rules.index(place.rule), uri, record) for place in shown],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _rule(name: str) -> dict[str, object]:
    short, full = _RULES[name]
    return {
        "id": name,
        "shortDescription": {"text": short},
        "fullDescription": {"text": full},
        "help": {"text": f"{full} The report of the run shows where and why."},
    }


def _result(place: LineMessage, rule: int, uri: str, record: Record) -> dict[str, object]:
    # Code scanning shows nothing that has no line; the whole file starts at the first.
    region = {"startLine": place.line or 1}
    if place.column is not None:
        region["startColumn"] = place.column
    text = f"{noted(place.title, place.note)}: {place.message}"
    result: dict[str, object] = {
        "ruleId": place.rule,
        "ruleIndex": rule,
        "level": place.level,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(place, record)},
    }
    if place.note:
        result["properties"] = {"tags": [place.note]}
    return result


def _fingerprint(place: LineMessage, record: Record) -> str:
    """The same for the same message on the same text, wherever the line moves to."""
    lines = record.submission.text.split("\n")
    line = lines[place.line - 1].strip() if place.line else ""
    said = f"{place.rule}\x00{place.title}\x00{line}"
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
