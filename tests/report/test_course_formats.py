"""What systems that hold courses do with their formats: Gradescope, Classroom, PrairieLearn."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from grader.report import render
from grader.report.formats.classroom50 import render_classroom50
from tests.report import hostile, models, records
from tests.report.formats_read import made, on_gpu, read
from tests.report.test_html import largest


class TestGradescope:
    def test_nothing_overrides_the_sum_of_the_tests(self) -> None:
        assert made("wrong-values", "gradescope").score is msgspec.UNSET

    def test_a_failed_test_shows_the_smallest_case(self) -> None:
        tests = made("wrong-values", "gradescope").tests
        exact = next(test for test in tests if test.tags == ["integers"])
        assert exact.status == "failed"
        assert "Smallest failing input: input_size 30, conv_size 2" in exact.output
        assert "differs" in exact.output

    def test_students_do_not_see_what_the_grader_prints(self) -> None:
        assert made("passed", "gradescope").stdout_visibility == "hidden"


class TestPrairieLearn:
    def test_points_stand_on_all_tests(self) -> None:
        tests = made("passed-with-extra", "prairielearn").tests
        assert sum(test.points for test in tests) == sum(test.max_points for test in tests) == 100
        assert tests[-1].message.startswith("10 points of extra credit.")


class TestClassroom:
    def test_the_whole_status_is_what_the_reporter_ends_with(self) -> None:
        assert made("passed", "classroom").status == "pass"
        assert made("wrong-values", "classroom").status == "fail"
        assert made("refused", "classroom").status == "fail"

    def test_one_line_of_base64_fits_a_step_output(self) -> None:
        rendered = render(records.does_not_compile(), "classroom")
        assert re.fullmatch(rb"[A-Za-z0-9+/]+={0,2}", rendered)

    @pytest.mark.parametrize("text", hostile.BAIT)
    def test_it_fits_an_environment_variable_of_linux(self, text: str) -> None:
        """The reporter reads it from one: MAX_ARG_STRLEN of execve(2), 32 pages."""
        rendered = render(hostile.poisoned(largest(), text), "classroom")
        assert len(rendered) < 128 * 1024 - len("A_STEP_WITH_A_LONG_NAME_RESULTS=")

    def test_a_compiler_error_names_its_line(self) -> None:
        tests = made("does-not-compile", "classroom").tests
        assert tests[0].line_no == records.LAUNCH.line

    def test_extra_credit_that_was_not_earned_is_no_error(self) -> None:
        names = [test.name for test in made("wrong-values", "classroom").tests]
        assert not [name for name in names if "extra" in name]


ENVIRONMENT = {
    "CLASSROOM": "gpu-2026",
    "ASSIGNMENT": "conv1d",
    "ASSIGNMENT_TYPE": "group",
    "OWNER": "ada",
    "SUBMISSION_TAG": "submit/2026-06-01T14-32-05Z-a1b2c3d",
    "COMMIT_URL": "https://github.com/o/r/commit/abc",
    "RELEASE_URL": "https://github.com/o/r/releases/tag/x",
}


class TestClassroom50:
    def test_whose_it_is_comes_from_the_runner(self) -> None:
        rendered = render_classroom50(records.passed(), ENVIRONMENT)
        document = msgspec.json.decode(rendered, type=models.Classroom50)
        assert (document.classroom, document.assignment_type) == ("gpu-2026", "group")
        assert document.owner == "ada"
        assert document.submission == ENVIRONMENT["SUBMISSION_TAG"]
        # Without a diff to review, the commit is what there is to see.
        assert document.review == document.commit == ENVIRONMENT["COMMIT_URL"]
        assert document.datetime == "2025-11-22T23:58:04Z"

    def test_no_text_that_the_schema_wants_is_empty_where_the_runner_gives_all(self) -> None:
        document = json.loads(render_classroom50(records.passed(), ENVIRONMENT))
        texts = [value for value in document.values() if isinstance(value, str)]
        assert texts
        assert all(texts)

    def test_extra_credit_is_said_and_takes_no_score_above_its_maximum(self) -> None:
        document = made("passed-with-extra", "classroom50")
        assert (document.score, document.max_score) == (100, 100)
        extra = document.tests[-1]
        assert extra.test_name.endswith("(extra credit): 10 points")
        assert (extra.passed, extra.score, extra.max_score) == (True, 0, 0)

    def test_what_a_gpu_does_not_show_does_not_fail_a_pass(self) -> None:
        """Its commit status is a failure as soon as one test has not passed."""
        document = read(on_gpu(), "classroom50")
        assert (document.score, document.max_score) == (90, 90)
        assert all(test.passed for test in document.tests)

    def test_the_commit_is_found_in_a_plain_workflow_too(self) -> None:
        given = {
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_SHA": "abc",
        }
        document = json.loads(render_classroom50(records.passed(), given))
        assert document["commit"] == "https://github.com/o/r/commit/abc"


class TestExercism:
    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("passed", "pass"),
            ("wrong-values", "fail"),
            ("crashed", "fail"),
            # "No tests were executed (this usually means a compile error or a syntax error)".
            ("does-not-compile", "error"),
            ("nothing-filled-in", "error"),
            ("refused", "error"),
        ],
    )
    def test_the_status(self, name: str, status: str) -> None:
        document = made(name, "exercism")
        assert document.status == status
        assert (document.message is None) == (status != "error")

    def test_a_long_case_keeps_its_beginning(self) -> None:
        tests = made("wrong-values", "exercism").tests
        exact = next(test for test in tests if test.name.startswith("Exact"))
        assert len(exact.output) == 500
        assert exact.output.startswith("Smallest failing input: input_size 30, conv_size 2")
        assert exact.output.endswith("[cut at 500 characters]")
