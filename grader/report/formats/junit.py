"""JUnit's XML, as Jenkins reads it.

Source: ``junit-10.xsd`` of the Jenkins xUnit plugin,
https://github.com/jenkinsci/xunit-plugin. A wrong answer is a ``failure``, a
fault of ours an ``error``, what was not checked ``skipped``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from grader.intake.display import for_terminal, one_line
from grader.record import Record, Status, Verdict
from grader.report.formats import elements
from grader.report.formats.elements import line_messages

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def render_junit(record: Record) -> bytes:
    """One suite with a test case for each check."""
    suite = ET.Element("testsuite")
    properties = ET.SubElement(suite, "properties")
    for name, value in _facts(record):
        ET.SubElement(properties, "property", name=name, value=one_line(value, limit=400))
    kinds = _cases(record, suite)
    ET.SubElement(suite, "system-out").text = _shown(elements.screen_text(record))
    seconds = f"{sum(max(0.0, stage.seconds) for stage in record.stages):.3f}"
    counts = {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
    }
    suite.attrib.update(
        name=_suite(record),
        **counts,
        skipped=str(kinds.count("skipped")),
        time=seconds,
        timestamp=one_line(record.created, limit=40),
        file=one_line(record.submission.name),
    )
    root = ET.Element("testsuites", {"name": "mojo-grade", "time": seconds, **counts})
    root.append(suite)
    ET.indent(root)
    return DECLARATION + ET.tostring(root, encoding="unicode").encode("utf-8") + b"\n"


def _facts(record: Record) -> list[tuple[str, str]]:
    facts = [("verdict", record.verdict.value), ("sha256", record.submission.sha256)]
    if record.verdict is not Verdict.FAULT:
        facts += [("score", str(record.score)), ("max_score", str(record.max_score))]
        facts.append(("extra_score", str(record.extra_score)))
    return [*facts, ("grader_version", record.grader_version)]


def _cases(record: Record, suite: ET.Element) -> list[str]:
    """Add the test cases; what each came to, empty for one that passed."""
    kinds = []
    if record.verdict is Verdict.FAULT:
        kinds.append(_case(record, suite, "grader", "error", elements.headline(record), "fault"))
        fault = record.fault
        suite[-1][0].text = _shown(for_terminal(fault.detail)) if fault else ""
    if record.verdict is Verdict.REFUSED:
        name = "the file can be read"
        kinds.append(_case(record, suite, name, "failure", elements.headline(record), "refused"))
    for item in elements.reported_tests(record):
        name = elements.marked_title_of_test(item)
        if item.status is Status.PASSED:
            kinds.append(_case(record, suite, name, "", "", ""))
        elif item.status is Status.NOT_CHECKED or record.verdict is Verdict.FAULT:
            kinds.append(_case(record, suite, name, "skipped", item.reason, ""))
        else:
            told = item.reason or "failed"
            kinds.append(_case(record, suite, name, "failure", told, item.id))
            suite[-1][0].text = _shown(_details(record, item.id))
    return kinds


def _case(record: Record, suite: ET.Element, name: str, kind: str, message: str, type_: str) -> str:
    case = ET.SubElement(suite, "testcase", name=name, classname=_suite(record), time="0.000")
    if kind:
        told = ET.SubElement(case, kind, message=message)
        if type_:
            told.set("type", type_)
    return kind


def _details(record: Record, check: str) -> str:
    lines = [f"line {p.line}: {p.title}: {p.message}" for p in line_messages(record)[:20] if p.line]
    case = elements.case_text(record, check)
    return "\n".join([*([case] if case else []), *lines])


def _suite(record: Record) -> str:
    return one_line(record.puzzle.name) or "puzzle"


def _shown(text: str) -> str:
    """A text without U+FFFE and U+FFFF, which XML 1.0 forbids; `for_terminal` took others out."""
    return text.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
