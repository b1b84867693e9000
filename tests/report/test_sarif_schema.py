"""Our SARIF against the schema that OASIS publishes.

The schema is not ours to ship. CONTRIBUTING.md tells where to get it; without it `models.Sarif`,
which is stricter about what we write, stands alone.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from grader.record import Record, RubricInfo, Status, Visibility
from grader.report import render
from tests.report import hostile, records

VARIABLE = "SARIF_SCHEMA"
if not os.environ.get(VARIABLE):
    pytest.skip(
        f"{VARIABLE} does not name sarif-schema-2.1.0.json, which OASIS publishes at "
        "docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas; CONTRIBUTING.md tells more",
        allow_module_level=True,
    )


@pytest.fixture(scope="module")
def schema() -> jsonschema.protocols.Validator:
    document = json.loads(Path(os.environ[VARIABLE]).read_text("utf-8"))
    assert document["title"].startswith("Static Analysis Results Format (SARIF) Version 2.1.0")
    validator = jsonschema.validators.validator_for(document)
    validator.check_schema(document)
    return validator(document, format_checker=validator.FORMAT_CHECKER)


def log(record: Record, path: str = "week 3/conv%1d é.mojo") -> dict:
    return json.loads(render(record, "sarif", path=path, audience="instructor"))


@pytest.mark.parametrize("name", sorted(records.ALL))
def test_every_verdict_is_valid(schema: jsonschema.protocols.Validator, name: str) -> None:
    schema.validate(log(records.ALL[name]()))


def test_what_an_instructor_is_told_of_hidden_checks_is_valid(
    schema: jsonschema.protocols.Validator,
) -> None:
    made = records.wrong_values()
    checks = tuple(
        replace(each, visibility=Visibility.HIDDEN) if each.status is Status.FAILED else each
        for each in made.checks
    )
    hiding = log(replace(made, checks=checks, rubric=RubricInfo()))
    assert any("properties" in result for result in hiding["runs"][0]["results"])
    schema.validate(hiding)


@settings(max_examples=100, deadline=None)
@given(made=hostile.records())
def test_hostile_names_and_messages_are_valid(
    schema: jsonschema.protocols.Validator, made: Record
) -> None:
    schema.validate(log(made, path=""))


def test_the_schema_refuses_what_is_wrong(schema: jsonschema.protocols.Validator) -> None:
    for path, value in (
        (("version",), "2.0.0"),
        (("runs", 0, "results", 0, "level"), "fatal"),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "region"), {"startLine": 0}),
        (("runs", 0, "invocations", 0), {}),
        (("runs", 0, "tool", "driver", "rules", 0, "text"), "not a property of a rule"),
    ):
        broken = log(records.race())
        *parents, last = path
        place = broken
        for key in parents:
            place = place[key]
        place[last] = value
        with pytest.raises(jsonschema.ValidationError):
            schema.validate(broken)
