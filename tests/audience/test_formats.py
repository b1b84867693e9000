"""Hidden checks in every format: marked for an instructor, not there for a student.

The formats are those of the registry, so that a new one can't escape.
"""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from grader.record import Record, RubricInfo, Status, Verdict, Visibility
from grader.report import FORMATS, render
from grader.report.formats.github import annotate
from tests.audience import secrets
from tests.report import records

IN_WORDS = ("hidden from students", "students see it after the due date")
OF_THEIR_OWN = {
    "json": ('"visibility": "hidden"', '"visibility": "after the due date"'),
    "gradescope": ('"visibility": "hidden"', '"visibility": "after_due_date"'),
    "csv": (",integers reals\r\n",),
}
"""Formats with a field for it; all others say it in words."""
FORMAT_NAMES = sorted(FORMATS)


def readable(document: bytes, format: str) -> str:
    """What a format says, out of its escapes."""
    text = base64.b64decode(document).decode() if format == "classroom" else document.decode()
    if text.startswith("{"):
        return json.dumps(json.loads(text), ensure_ascii=False)
    return text.replace("&#45;", "-").replace("&#40;", "(").replace("&#41;", ")")


def with_visibility(**shown: Visibility) -> Record:
    """A wrong submission, graded under a rubric that hides some of its failed checks."""
    made = records.wrong_values()
    checks = tuple(
        replace(each, visibility=shown.get(each.id, Visibility.VISIBLE)) for each in made.checks
    )
    failed = {each.id for each in checks if each.status is Status.FAILED}
    assert set(shown) <= failed
    return replace(made, checks=checks, rubric=RubricInfo(due=secrets.DUE))


@pytest.fixture(scope="module")
def hiding() -> Record:
    return with_visibility(integers=Visibility.HIDDEN, reals=Visibility.AFTER_DUE)


@pytest.mark.parametrize("format", FORMAT_NAMES)
def test_an_instructor_is_told_which_checks_students_do_not_see(
    hiding: Record, format: str
) -> None:
    said = readable(render(hiding, format, audience="instructor"), format)
    without = readable(render(with_visibility(), format, audience="instructor"), format)
    for words in OF_THEIR_OWN.get(format, IN_WORDS):
        assert words in said
        assert words not in without


@pytest.mark.parametrize("format", FORMAT_NAMES)
def test_a_student_is_not_told_that_there_are_any(hiding: Record, format: str) -> None:
    said = readable(render(hiding, format), format)
    for words in OF_THEIR_OWN.get(format, IN_WORDS):
        assert words not in said


@pytest.mark.parametrize("format", FORMAT_NAMES)
@settings(max_examples=30, deadline=None)
@given(secrets.marked())
def test_a_whole_record_rendered_for_a_student_has_nothing_hidden(
    format: str, record: Record
) -> None:
    """Also where whoever renders forgets to make the student's copy first."""
    said = readable(render(record, format, path="a/conv1d.mojo"), format)
    for secret in (secrets.MARK, str(secrets.NUMBER), "9876"):
        assert secret not in said


def test_the_annotations_mark_them_too(hiding: Record) -> None:
    said = "\n".join(annotate(hiding, "conv1d.mojo"))
    assert all(words in said for words in IN_WORDS)


def test_what_an_instructor_reads_is_made_of_the_whole_record_throughout(hiding: Record) -> None:
    """A format that quotes the whole verdict must not quote the student's."""
    assert hiding.verdict is Verdict.FAIL
    for format in FORMAT_NAMES:
        if format != "gradescope":  # its text above the tests is for students
            said = readable(render(hiding, format, audience="instructor"), format)
            assert "visible points" not in said
