"""What only an instructor's report has: hidden checks, the static look, evidence, how to replay."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from grader.audience import for_audience
from grader.caselog import unpack
from grader.record import LaunchKind, StaticLook, Visibility
from grader.report import FORMATS, render
from grader.report.formats.summary import render_summary
from grader.report.html import MAX_BYTES, render_html
from grader.report.text import render_text
from tests.audience import secrets
from tests.audience.test_copy import graded, wrong_on_reals
from tests.report import hostile, models, records
from tests.report.page import Page
from tests.report.test_html import CONTROL, SAFE_TAGS

RUBRIC = (
    'title = "Homework 3"\npass_mark = "80 %"\nhints = false\ndue = 2026-12-01T23:59:00+01:00\n'
    '[checks.reals]\nvisibility = "after the due date"\n[checks.clean]\nvisibility = "hidden"\n'
)


@pytest.fixture(scope="module")
def record():
    made = graded(RUBRIC, wrong_on_reals)
    look = (StaticLook(kind="host-loop", line=3, sentence="A loop on the host writes output."),)
    launches = (
        LaunchKind(
            kernel="conv1d_kernel",
            grid=(2, 1, 1),
            block=(15, 1, 1),
            shared_bytes=64,
            count=1234,
            failed=2,
            most_instructions=694,
        ),
    )
    return replace(made, look=look, launches=launches)


class TestThePage:
    def test_hidden_checks_are_marked(self, record):
        text = render_html(record, "instructor")
        assert "(students see it after the due date)" in text
        assert "(hidden from students)" in text

    def test_it_has_the_look_the_evidence_and_the_rubric(self, record):
        text = render_html(record, "instructor")
        for words in (
            "For the instructor",
            "A loop on the host writes output.",
            "1,234",
            "694",
            "Homework 3",
            "80 points",
            "2026-12-01T23:59:00+01:00",
            "not shown to students",
        ):
            assert words in text

    def test_it_tells_how_to_run_each_case_again(self, record):
        number = record.counterexamples[0].case
        for text in (render_html(record, "instructor"), render_text(record, audience="instructor")):
            assert f"grade replay record.json --case {number}" in text
        failing = [each for each in unpack(record.cases) if each.failed]
        assert f"Cases that failed a check, of {record.cases.count}" in render_html(
            record, "instructor"
        )
        assert failing

    def test_students_get_none_of_it(self, record):
        for text in (render_html(record), render_text(record), render_summary(record)):
            for words in (
                "For the instructor",
                "grade replay",
                "A loop on the host",
                "hidden from",
            ):
                assert words not in text

    def test_without_a_rubric_only_the_instructors_page_grows(self):
        plain = records.wrong_values()
        assert "For the instructor" not in render_html(plain)
        assert "For the instructor" in render_html(plain, "instructor")

    def test_of_a_students_copy_it_says_that_something_is_missing(self, record):
        copy = for_audience(record, "student")
        assert "student's copy" in render_html(copy, "instructor").replace("&#39;", "'")

    def test_a_damaged_log_does_not_break_the_page(self, record):
        damaged = replace(record, cases=replace(record.cases, packed=b"x"))
        assert "Cases that failed" not in render_html(damaged, "instructor")

    @settings(deadline=None, max_examples=40)
    @given(hostile.records())
    def test_hostile_texts_are_shown_not_obeyed(self, made):
        html = render_html(made, "instructor")
        page = Page(html)
        assert {tag for tag, _ in page.tags} <= SAFE_TAGS
        assert not CONTROL.search(html.replace("\n", ""))
        assert not CONTROL.search(render_text(made, audience="instructor").replace("\n", ""))

    @pytest.mark.parametrize("bait", hostile.BAIT)
    def test_the_page_stays_small(self, record, bait):
        made = hostile.poisoned(replace(record, look=record.look * 999), bait or "x")
        assert len(render_html(made, "instructor").encode()) <= MAX_BYTES


class TestFormats:
    @settings(deadline=None, max_examples=25)
    @given(secrets.marked())
    def test_every_format_can_be_made_for_an_instructor(self, made):
        for name in FORMATS:
            assert render(made, name, audience="instructor")

    def test_a_renderer_that_gets_the_whole_record_shows_a_student_the_copy(self, record):
        """The last guard: whoever forgets `for_audience` shows too little, not too much."""
        assert render(record, "json") == render(for_audience(record, "student"), "json")
        assert "Real numbers" not in render(record, "csv").decode() + render_text(record)

    def test_gradescope_hides_tests_itself_and_keeps_the_mark(self, record):
        whole = msgspec.json.decode(
            render(record, "gradescope", audience="instructor"), type=models.Gradescope
        )
        shown = {test.tags[0]: test.visibility for test in whole.tests}
        assert shown["reals"] == shown["robust"] == "after_due_date"
        assert shown["clean"] == "hidden"
        assert shown["integers"] == "visible"
        assert sum(test.score for test in whole.tests) == record.score
        # What stands above the tests is for students too.
        assert "Real numbers" not in whole.output
        copy = msgspec.json.decode(render(record, "gradescope"), type=models.Gradescope)
        assert {test.visibility for test in copy.tests} == {"visible"}
        assert "reals" not in [test.tags[0] for test in copy.tests]

    def test_the_rubric_decides_the_visibility_in_the_record(self, record):
        shown = {check.id: check.visibility for check in record.checks}
        assert shown["clean"] is Visibility.HIDDEN
        assert shown["reals"] is Visibility.AFTER_DUE
