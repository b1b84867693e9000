"""What tools do with their formats: JUnit, SARIF, CSV."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest
from hypothesis import given, settings

from grader.record import Record
from grader.report import render
from grader.report.formats.spreadsheet import COLUMNS, cell
from tests.report import hostile, models, records
from tests.report.formats_read import made, read


class TestJUnit:
    def test_each_status_in_its_own_element(self) -> None:
        suite = made("crashed", "junit")[0]
        kinds = [child.tag for case in suite.iter("testcase") for child in case]
        assert kinds.count("failure") == int(suite.attrib["failures"]) == 4
        assert kinds.count("skipped") == int(suite.attrib["skipped"]) == 2
        assert suite.attrib["tests"] == str(len(list(suite.iter("testcase"))))

    def test_a_failure_shows_the_case(self) -> None:
        failures = list(made("wrong-values", "junit").iter("failure"))
        assert "Smallest failing input" in failures[0].text

    def test_characters_that_xml_can_not_hold_do_not_break_it(self) -> None:
        bad = hostile.poisoned(records.faulted(), "\x00\x0b\ufffe\uffff\ud800]]>&<\x1b")
        assert read(bad, "junit")[0].attrib["errors"] == "1"


class TestGcc:
    def test_what_has_a_place_comes_first_and_the_verdict_last(self) -> None:
        *told, last = made("does-not-compile", "gcc")
        error = records.does_not_compile().diagnostics[0]
        assert (told[0].line, told[0].column, told[0].severity) == (
            error.line,
            error.column,
            "error",
        )
        assert told[0].text.lower().startswith(error.message)
        assert last.severity == "note"
        assert last.text.startswith("Not passed, ")

    def test_a_finding_has_its_line(self) -> None:
        first, *_ = made("race", "gcc")
        assert first.line == records.race().findings[0].finding.source_line
        assert "race" in first.text.lower()

    def test_a_pass_has_no_error(self) -> None:
        assert "error" not in {each.severity for each in made("passed", "gcc")}

    def test_a_fault_is_no_error_of_the_file(self) -> None:
        first, _ = made("faulted", "gcc")
        assert first.severity == "warning"
        assert "The grader failed, not the submission" in first.text


class TestSarif:
    def test_a_compiler_error_has_line_and_column(self) -> None:
        results = made("does-not-compile", "sarif").runs[0].results
        region = results[0].locations[0].physical_location.region
        assert (region.start_line, region.start_column) == (records.LAUNCH.line, 16)
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
