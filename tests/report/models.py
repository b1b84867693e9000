"""The documents of other systems as types, each with the source that it was written from.

SARIF, JUnit and Classroom 50 publish a schema. The one of SARIF is used in `test_sarif_schema`; the
other two stand here, element by element. Unknown fields are refused, so that a field is only ever
written because a source names it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Natural = Annotated[int, Meta(ge=0)]
Strict: dict[str, Any] = {"forbid_unknown_fields": True, "kw_only": True}


# https://gradescope-autograders.readthedocs.io/en/latest/specs/ ("Output format")
Visibility = Literal["hidden", "after_due_date", "after_published", "visible"]
TextFormat = Literal["text", "html", "simple_format", "md", "ansi"]


class GradescopeTest(msgspec.Struct, **Strict):
    name: str
    score: float
    max_score: float
    number: str
    output: str
    visibility: Visibility
    tags: list[str]
    status: Literal["passed", "failed"] | msgspec.UnsetType = msgspec.UNSET


class Gradescope(msgspec.Struct, **Strict):
    output: str
    output_format: TextFormat
    test_output_format: TextFormat
    test_name_format: TextFormat
    visibility: Visibility
    stdout_visibility: Visibility
    execution_time: Natural
    extra_data: dict[str, str]
    score: float | msgspec.UnsetType = msgspec.UNSET
    tests: list[GradescopeTest] | msgspec.UnsetType = msgspec.UNSET


# https://prairielearn.readthedocs.io/en/latest/externalGrading/ ("Grading result")
class PrairieLearnImage(msgspec.Struct, **Strict):
    label: str
    url: str


class PrairieLearnTest(msgspec.Struct, **Strict):
    name: str
    description: str
    points: float
    max_points: float
    message: str
    output: str
    images: list[PrairieLearnImage]


class PrairieLearn(msgspec.Struct, **Strict):
    gradable: bool
    message: str
    score: Annotated[float, Meta(ge=0, le=1)] | msgspec.UnsetType = msgspec.UNSET
    output: str | msgspec.UnsetType = msgspec.UNSET
    format_errors: list[str] | msgspec.UnsetType = msgspec.UNSET
    tests: list[PrairieLearnTest] | msgspec.UnsetType = msgspec.UNSET


# https://github.com/classroom-resources/autograding-grading-reporter (src/), and what
# https://github.com/classroom-resources/autograding-command-grader writes for it.
class ClassroomTest(msgspec.Struct, **Strict):
    name: str
    status: Literal["pass", "fail", "error"]
    score: int
    message: str
    test_code: str
    filename: str
    line_no: Natural
    duration: float


class Classroom(msgspec.Struct, **Strict):
    version: Literal[1]
    status: Literal["pass", "fail", "error"]
    max_score: Natural
    tests: list[ClassroomTest]


# schemas/result-v1.schema.json of https://github.com/foundation50/classroom50, where fields of its
# own may stand in a test; and `validate_result` of its runner, which compares scores.
class Classroom50Test(msgspec.Struct, rename="kebab", kw_only=True):
    test_name: Annotated[str, Meta(min_length=1)]
    passed: bool
    score: Natural
    max_score: Natural


Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class Classroom50(msgspec.Struct, **Strict):
    schema: Literal["classroom50/result/v1"]
    classroom: str
    assignment: str
    assignment_type: Literal["individual", "group", "team"]
    owner: str
    submission: str
    commit: str
    release: str
    review: str
    datetime: Instant
    graded_at: Instant
    score: Natural
    max_score: Natural = msgspec.field(name="max-score")
    tests: list[Classroom50Test]

    def __post_init__(self) -> None:
        assert self.score <= self.max_score
        assert all(test.score <= test.max_score for test in self.tests)


# https://exercism.org/docs/building/tooling/test-runners/interface
ExercismMessage = Annotated[str, Meta(min_length=1, max_length=65_535)]


class ExercismTest(msgspec.Struct, **Strict):
    name: Annotated[str, Meta(min_length=1)]
    status: Literal["pass", "fail", "error"]
    message: ExercismMessage | None
    output: Annotated[str, Meta(max_length=500)] | None
    test_code: Annotated[str, Meta(min_length=1)]


class Exercism(msgspec.Struct, **Strict):
    version: Literal[3]
    status: Literal["pass", "fail", "error"]
    message: ExercismMessage | None
    tests: list[ExercismTest]


# SARIF 2.1.0, https://docs.oasis-open.org/sarif/sarif/v2.1.0/: the objects that are written,
# each with the properties that the schema requires. `text` of a message must not be empty to
# GitHub ("SARIF support for code scanning", docs.github.com).
Line = Annotated[int, Meta(ge=1)]
SarifLevel = Literal["none", "note", "warning", "error"]


class SarifText(msgspec.Struct, **Strict):
    text: Annotated[str, Meta(min_length=1)]


class SarifRule(msgspec.Struct, rename="camel", **Strict):
    id: Annotated[str, Meta(min_length=1)]
    short_description: SarifText
    full_description: SarifText
    help: SarifText


class SarifDriver(msgspec.Struct, rename="camel", **Strict):
    name: Annotated[str, Meta(min_length=1)]
    semantic_version: str
    rules: list[SarifRule]


class SarifTool(msgspec.Struct, **Strict):
    driver: SarifDriver


class SarifNotification(msgspec.Struct, **Strict):
    level: SarifLevel
    message: SarifText


class SarifInvocation(msgspec.Struct, rename="camel", **Strict):
    execution_successful: bool
    tool_execution_notifications: list[SarifNotification] = []


class SarifArtifact(msgspec.Struct, **Strict):
    # RFC 3986, relative: what may stand unescaped, and escapes.
    uri: Annotated[str, Meta(pattern=r"^(?!/)(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+$")]


class SarifRegion(msgspec.Struct, rename="camel", **Strict):
    start_line: Line
    start_column: Line | msgspec.UnsetType = msgspec.UNSET


class SarifPhysical(msgspec.Struct, rename="camel", **Strict):
    artifact_location: SarifArtifact
    region: SarifRegion


class SarifLocation(msgspec.Struct, rename="camel", **Strict):
    physical_location: SarifPhysical


class SarifFingerprints(msgspec.Struct, rename="camel", **Strict):
    primary_location_line_hash: Annotated[str, Meta(min_length=1)]


class SarifProperties(msgspec.Struct, **Strict):
    tags: Annotated[list[str], Meta(min_length=1)]


class SarifResult(msgspec.Struct, rename="camel", **Strict):
    rule_id: str
    rule_index: Natural
    level: SarifLevel
    message: SarifText
    locations: Annotated[list[SarifLocation], Meta(min_length=1, max_length=1)]
    partial_fingerprints: SarifFingerprints
    properties: SarifProperties | msgspec.UnsetType = msgspec.UNSET


class SarifRun(msgspec.Struct, rename="camel", **Strict):
    tool: SarifTool
    invocations: list[SarifInvocation]
    column_kind: Literal["utf16CodeUnits", "unicodeCodePoints"]
    results: list[SarifResult]


class Sarif(msgspec.Struct, **Strict):
    schema: str = msgspec.field(name="$schema")
    version: Literal["2.1.0"]
    runs: Annotated[list[SarifRun], Meta(min_length=1, max_length=1)]


# junit-10.xsd of https://github.com/jenkinsci/xunit-plugin: for each element its attributes
# (required ones marked) and the elements that may stand in it.
OUTCOME = ({"type": False, "message": False}, set())
JUNIT: dict[str, tuple[dict[str, bool], set[str]]] = {
    "testsuites": (
        dict.fromkeys(("name", "time", "tests", "failures", "errors"), False),
        {"testsuite"},
    ),
    "testsuite": (
        {
            **dict.fromkeys(("name", "tests", "failures", "errors"), True),
            **dict.fromkeys(
                ("group", "time", "skipped", "timestamp", "hostname", "id", "package"), False
            ),
            **dict.fromkeys(("file", "log", "url"), False),
        },
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": (
        {"name": True, "time": False, "classname": False, "group": False},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "properties": ({}, {"property"}),
    "property": ({"name": True, "value": True}, set()),
    "failure": OUTCOME,
    "error": OUTCOME,
    "skipped": OUTCOME,
    "system-out": ({}, set()),
    "system-err": ({}, set()),
}
SUREFIRE_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def check_junit(element: ET.Element) -> None:
    """Assert that an element is as the schema of Jenkins has it."""
    attributes, children = JUNIT[element.tag]
    assert set(element.attrib) <= set(attributes), element.attrib
    assert {name for name, required in attributes.items() if required} <= set(element.attrib)
    if element.tag in ("testsuite", "testsuites") and "time" in element.attrib:
        assert SUREFIRE_TIME.fullmatch(element.attrib["time"])
    for child in element:
        assert child.tag in children, (element.tag, child.tag)
        check_junit(child)


# https://github.com/microsoft/vscode-cpptools/blob/main/Extension/package.json ("problemMatchers"),
# with the notes that it leaves out.
_GCC = re.compile(r"^(.*?):(\d+):(\d+):\s+(warning|error|note):\s+(.+)$")


class GccMessage(msgspec.Struct, **Strict):
    file: str
    line: Annotated[int, Meta(ge=1)]
    column: Annotated[int, Meta(ge=1)]
    severity: Literal["warning", "error", "note"]
    text: str


def gcc_message(line: str) -> GccMessage:
    found = _GCC.match(line)
    assert found, line
    file, line_number, column, severity, text = found.groups()
    return msgspec.convert(
        {
            "file": file, "line": int(line_number), "column": int(column), "severity": severity,
            "text": text,
        },
        type=GccMessage,
    )  # fmt: skip
