"""The formats of other systems: valid in their own terms, for every record."""

from __future__ import annotations

import base64
import json
import re
import unicodedata

import msgspec
import pytest
from hypothesis import given, settings

from grader.errors import UsageError
from grader.record import Record, Verdict
from grader.report import FORMATS, listing, render
from grader.report.formats.elements import reported_tests
from tests.report import hostile, records
from tests.report.formats_read import DOCUMENTS, made, on_gpu, read

OTHERS = sorted(set(FORMATS) - {"html", "json", "text"})
OBEYED = {"Cc", "Cf", "Cs"}


class TestEveryFormat:
    @pytest.mark.parametrize("format", OTHERS)
    def test_every_record_is_valid(self, record: Record, format: str) -> None:
        assert read(record, format)

    @pytest.mark.parametrize("format", OTHERS)
    @settings(max_examples=40, deadline=None)
    @given(made=hostile.records())
    def test_a_hostile_record_is_valid_and_shows_no_control_characters(
        self, format: str, made: Record
    ) -> None:
        assert read(made, format)
        text = render(made, format).decode("utf-8")
        # JSON hides its control characters in escapes.
        if format in DOCUMENTS:
            text += json.dumps(json.loads(text), ensure_ascii=False)
        found = {c for c in text if unicodedata.category(c) in OBEYED and c not in "\n\r"}
        assert not found

    @pytest.mark.parametrize("format", OTHERS)
    def test_it_is_the_same_every_time(self, record: Record, format: str) -> None:
        assert render(record, format) == render(record, format)

    def test_each_has_a_file_and_a_description(self) -> None:
        assert all(each.about for each in FORMATS.values())
        assert len({each.file for each in FORMATS.values()}) == len(FORMATS)
        assert all(name in listing() for name in FORMATS)

    def test_an_unknown_one_is_usage(self) -> None:
        with pytest.raises(UsageError, match="no report format 'pdf'"):
            render(records.passed(), "pdf")


class TestPoints:
    """Tests of other systems add up to the score, whatever the checks hold."""

    def test_they_add_up(self, record: Record) -> None:
        found = reported_tests(record)
        if record.verdict in (Verdict.FAULT, Verdict.REFUSED):
            assert {(item.points, item.max_points) for item in found} <= {(0, 0)}
            return
        assert sum(i.points for i in found if not i.extra) == record.score
        assert sum(i.max_points for i in found if not i.extra) == record.max_score
        assert sum(i.points for i in found if i.extra) == record.extra_score

    def test_what_a_gpu_does_not_show_is_out_of_reach(self) -> None:
        assert sum(i.max_points for i in reported_tests(on_gpu()) if not i.extra) == 90
        document = read(on_gpu(), "gradescope")
        device = next(test for test in document.tests if test.tags == ["device"])
        assert device.max_score == 0
        # Not shown as a failed test: no status at all.
        assert device.status is msgspec.UNSET

    def test_extra_credit_counts_on_top_only(self) -> None:
        extra = records.passed_with_extra()
        unearned = msgspec.structs.replace(extra, extra_score=0)
        assert sum(i.points for i in reported_tests(extra) if i.extra) == 10
        assert sum(i.points for i in reported_tests(unearned) if i.extra) == 0

    def test_the_same_sum_everywhere(self, record: Record) -> None:
        if record.verdict not in (Verdict.PASS, Verdict.FAIL):
            pytest.skip("no mark")
        expected = record.score + record.extra_score
        assert sum(t.score for t in read(record, "gradescope").tests) == expected
        assert sum(t.score for t in read(record, "classroom").tests) == expected
        document = read(record, "classroom50")
        # Classroom 50 refuses a score above its maximum.
        assert document.score == sum(t.score for t in document.tests) == record.score
        assert document.max_score == record.max_score
        assert read(record, "csv")[0]["total"] == str(expected)
        assert read(record, "prairielearn").score == record.score / record.max_score


class TestFault:
    """A fault of the grader is never a failed test, a zero, or a word of blame."""

    def test_gradescope_gets_no_score_at_all(self) -> None:
        document = made("faulted", "gradescope")
        assert document.score is document.tests is msgspec.UNSET
        assert "The grader failed, not the submission" in document.output

    def test_prairielearn_gives_the_attempt_back(self) -> None:
        document = made("faulted", "prairielearn")
        assert not document.gradable
        assert document.score is msgspec.UNSET
        assert "The grader failed, not the submission" in document.format_errors[0]

    def test_classroom_is_sent_no_points(self) -> None:
        # NotifyClassroom of the reporter returns early where max_score is 0.
        document = made("faulted", "classroom")
        assert (document.status, document.max_score) == ("error", 0)
        assert {test.status for test in document.tests} == {"error"}

    def test_classroom50_has_no_tests(self) -> None:
        document = made("faulted", "classroom50")
        assert (document.score, document.max_score, document.tests) == (0, 0, [])

    def test_junit_has_an_error_and_skips_the_rest(self) -> None:
        suite = made("faulted", "junit")[0]
        assert suite.attrib["failures"] == "0"
        assert suite.attrib["errors"] == "1"
        assert not list(suite.iter("failure"))
        assert suite.find("testcase/error").attrib["type"] == "fault"

    def test_sarif_has_a_notification_and_no_result(self) -> None:
        run = made("faulted", "sarif").runs[0]
        assert run.results == []
        assert not run.invocations[0].execution_successful
        assert (
            "not the submission" in run.invocations[0].tool_execution_notifications[0].message.text
        )

    def test_exercism_has_no_failed_test(self) -> None:
        document = made("faulted", "exercism")
        assert (document.status, document.tests) == ("error", [])
        assert document.message.startswith("The grader failed, not the submission")

    def test_csv_leaves_the_grade_empty(self) -> None:
        (row,) = made("faulted", "csv")
        assert (row["score"], row["total"], row["verdict"]) == ("", "", "fault")

    @pytest.mark.parametrize("format", [*OTHERS, "text"])
    def test_points_had_by_then_are_nowhere(self, format: str) -> None:
        partly = msgspec.structs.replace(records.faulted(), score=37, max_score=91)
        document = render(partly, format)
        if format == "classroom":
            document = base64.b64decode(document)
        shown = re.sub(rb"[0-9a-f]{64}", b"", document)
        assert b"37" not in shown


class TestRefused:
    """Not a submission: the student's to mend, and said how."""

    def test_it_is_a_zero_where_there_must_be_a_number(self) -> None:
        assert made("refused", "gradescope").score == 0
        document = made("refused", "classroom50")
        assert (document.score, document.max_score) == (0, 100)
        assert not document.tests[0].passed
        assert made("refused", "csv")[0]["score"] == "0"

    def test_it_costs_no_attempt_where_there_are_attempts(self) -> None:
        document = made("refused", "prairielearn")
        assert not document.gradable
        assert "Save the file as UTF-8" in document.format_errors[0]

    def test_it_is_a_failure_of_junit_and_not_an_error(self) -> None:
        suite = made("refused", "junit")[0]
        assert (suite.attrib["failures"], suite.attrib["errors"]) == ("1", "0")
