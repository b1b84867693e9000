"""The formats of other systems: valid in their own terms, for every record."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings

from grader.errors import UsageError
from grader.record import Record, Status, Verdict
from grader.report import DESCRIPTIONS, FILE_NAMES, FORMATS, listing, render
from grader.report.formats.classroom50 import render_classroom50
from grader.report.formats.items import items
from grader.report.formats.table import COLUMNS, cell
from tests.report import hostile, models, record_parts, records
from tests.report.test_html import largest

OTHERS = sorted(set(FORMATS) - {"html", "json", "text"})
DOCUMENTS = {
    "gradescope": models.Gradescope,
    "prairielearn": models.PrairieLearn,
    "classroom50": models.Classroom50,
    "exercism": models.Exercism,
    "sarif": models.Sarif,
}
OBEYED = {"Cc", "Cf", "Cs"}


def made(name: str, format: str):
    """A representative record, rendered and read back."""
    return read(records.ALL[name](), format)


def read(record: Record, format: str):
    rendered = render(record, format)
    if format in DOCUMENTS:
        return msgspec.json.decode(rendered, type=DOCUMENTS[format])
    if format == "classroom":
        return msgspec.json.decode(base64.b64decode(rendered, validate=True), type=models.Classroom)
    if format == "junit":
        root = ET.fromstring(rendered)
        models.check_junit(root)
        return root
    if format == "csv":
        return list(csv.DictReader(io.StringIO(rendered.decode("utf-8"), newline="")))
    return rendered.decode("utf-8")


@pytest.fixture(params=sorted(records.ALL))
def record(request: pytest.FixtureRequest) -> Record:
    return records.ALL[request.param]()


def on_gpu() -> Record:
    """A pass on a device that can't show everything that has points."""
    whole = records.passed()
    checks = tuple(
        msgspec.structs.replace(c, status=Status.NOT_CHECKED, points=0) if c.id == "device" else c
        for c in whole.checks
    )
    return msgspec.structs.replace(whole, checks=checks, score=90, max_score=90)


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
        text += json.dumps(json.loads(text), ensure_ascii=False) if text[0] == "{" else ""
        found = {c for c in text if unicodedata.category(c) in OBEYED and c not in "\n\r"}
        assert not found

    @pytest.mark.parametrize("format", OTHERS)
    def test_it_is_the_same_every_time(self, record: Record, format: str) -> None:
        assert render(record, format) == render(record, format)

    def test_each_has_a_file_and_a_description(self) -> None:
        assert FORMATS.keys() == FILE_NAMES.keys() == DESCRIPTIONS.keys()
        assert len(set(FILE_NAMES.values())) == len(FILE_NAMES)
        assert all(name in listing() for name in FORMATS)

    def test_an_unknown_one_is_usage(self) -> None:
        with pytest.raises(UsageError, match="no report format 'pdf'"):
            render(records.passed(), "pdf")


class TestPoints:
    """Tests of other systems add up to the score, whatever the checks hold."""

    def test_they_add_up(self, record: Record) -> None:
        found = items(record)
        if record.verdict in (Verdict.FAULT, Verdict.REFUSED):
            assert {(item.points, item.max_points) for item in found} <= {(0, 0)}
            return
        assert sum(i.points for i in found if not i.extra) == record.score
        assert sum(i.max_points for i in found if not i.extra) == record.max_score
        assert sum(i.points for i in found if i.extra) == record.extra_score

    def test_what_a_gpu_does_not_show_is_out_of_reach(self) -> None:
        assert sum(i.max_points for i in items(on_gpu()) if not i.extra) == 90
        document = read(on_gpu(), "gradescope")
        device = next(test for test in document.tests if test.tags == ["device"])
        assert device.max_score == 0
        # Not shown as a failed test: no status at all.
        assert device.status is msgspec.UNSET

    def test_extra_credit_counts_on_top_only(self) -> None:
        extra = records.passed_with_extra()
        unearned = msgspec.structs.replace(extra, extra_score=0)
        assert sum(i.points for i in items(extra) if i.extra) == 10
        assert sum(i.points for i in items(unearned) if i.extra) == 0

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


class TestGradescope:
    def test_nothing_overrides_the_sum_of_the_tests(self) -> None:
        assert made("wrong-values", "gradescope").score is msgspec.UNSET

    def test_a_failed_test_shows_the_smallest_case(self) -> None:
        tests = made("wrong-values", "gradescope").tests
        exact = next(test for test in tests if test.tags == ["exact"])
        assert exact.status == "failed"
        assert "Smallest failing input: input_size 30, conv_size 3" in exact.output
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
        assert tests[0].line_no == record_parts.LAUNCH_LINE

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
        assert exact.output.startswith("Smallest failing input: input_size 30, conv_size 3")
        assert exact.output.endswith("[cut at 500 characters]")


class TestJUnit:
    def test_each_status_in_its_own_element(self) -> None:
        suite = made("crashed", "junit")[0]
        kinds = [child.tag for case in suite.iter("testcase") for child in case]
        assert kinds.count("failure") == int(suite.attrib["failures"]) == 3
        assert kinds.count("skipped") == int(suite.attrib["skipped"]) == 3
        assert suite.attrib["tests"] == str(len(list(suite.iter("testcase"))))

    def test_a_failure_shows_the_case(self) -> None:
        failures = list(made("wrong-values", "junit").iter("failure"))
        assert "Smallest failing input" in failures[0].text

    def test_characters_that_xml_can_not_hold_do_not_break_it(self) -> None:
        bad = hostile.poisoned(records.faulted(), "\x00\x0b\ufffe\uffff\ud800]]>&<\x1b")
        assert read(bad, "junit")[0].attrib["errors"] == "1"


class TestSarif:
    def test_a_compiler_error_has_line_and_column(self) -> None:
        results = made("does-not-compile", "sarif").runs[0].results
        region = results[0].locations[0].physical_location.region
        assert (region.start_line, region.start_column) == (record_parts.LAUNCH_LINE, 16)
        assert results[0].level == "error"

    def test_the_column_counts_characters(self) -> None:
        broken = records.does_not_compile()
        text = "# 日本語 x\n"
        diagnostic = msgspec.structs.replace(broken.diagnostics[0], line=1, column=13)
        moved = msgspec.structs.replace(
            broken,
            diagnostics=(diagnostic,),
            submission=msgspec.structs.replace(broken.submission, text=text),
        )
        # Byte 13 of the line is its x: two signs, three characters of three bytes, a space.
        region = read(moved, "sarif").runs[0].results[0].locations[0].physical_location.region
        assert text[region.start_column - 1] == "x"

    def test_every_result_names_a_rule_that_is_there(self, record: Record) -> None:
        run = read(record, "sarif").runs[0]
        for result in run.results:
            assert run.tool.driver.rules[result.rule_index].id == result.rule_id

    def test_what_the_given_code_does_is_a_note(self) -> None:
        results = made("race", "sarif").runs[0].results
        levels = {result.rule_id: result.level for result in results}
        assert levels["finding-race"] == "error"
        assert levels["finding-uninitialised-read"] == "note"

    def test_a_passed_submission_has_no_error(self) -> None:
        assert "error" not in {r.level for r in made("passed", "sarif").runs[0].results}

    def test_the_path_in_the_repository_is_escaped(self) -> None:
        document = render(records.race(), "sarif", path="week 3/conv%1d é.mojo")
        decoded = msgspec.json.decode(document, type=models.Sarif)
        location = decoded.runs[0].results[0].locations[0].physical_location
        assert location.artifact_location.uri == "week%203/conv%251d%20%C3%A9.mojo"

    def test_a_fingerprint_does_not_move_with_its_line(self) -> None:
        race = records.race()
        shifted = msgspec.structs.replace(
            race,
            submission=msgspec.structs.replace(race.submission, text="\n" + race.submission.text),
            findings=tuple(
                msgspec.structs.replace(
                    f,
                    finding=msgspec.structs.replace(
                        f.finding, source_line=f.finding.source_line + 1
                    ),
                )
                for f in race.findings
            ),
        )
        prints = [
            [r.partial_fingerprints for r in read(each, "sarif").runs[0].results]
            for each in (race, shifted)
        ]
        assert prints[0] == prints[1]


class TestCsv:
    def test_a_row_has_every_column(self, record: Record) -> None:
        (row,) = read(record, "csv")
        assert tuple(row) == COLUMNS
        assert row["verdict"] == record.verdict.value

    @pytest.mark.parametrize(
        "text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "|x", "%x", "\uff1d1"]
    )
    def test_a_formula_becomes_text(self, text: str) -> None:
        assert cell(text)[0] == "'"

    def test_a_plain_cell_stays_as_it_is(self) -> None:
        assert [cell(text) for text in ("conv1d.mojo", "60", "", "a=b")] == [
            "conv1d.mojo",
            "60",
            "",
            "a=b",
        ]

    @settings(max_examples=60, deadline=None)
    @given(made=hostile.records())
    def test_no_cell_is_a_formula_and_the_row_is_one_line(self, made: Record) -> None:
        text = render(made, "csv").decode("utf-8")
        assert text.count("\n") == text.count("\r\n") == 2
        for value in next(iter(csv.DictReader(io.StringIO(text, newline="")))).values():
            assert value.strip()[:1] not in set("=+-@") or not value
