"""The student's file with what was found in the margin."""

from __future__ import annotations

import re

from msgspec.structs import replace

from grader.device import SourcePlace
from grader.report.annotated_source import AROUND, MarginNote, listing
from grader.report.html import render_html
from tests.report import records
from tests.report.page import Page


def note(line: int, text: str = "a race") -> MarginNote:
    return MarginNote(line=line, text=text, target="cause-1")


SOURCE = "".join(f"line{k}\n" for k in range(1, 101))


def test_a_short_file_is_listed_whole() -> None:
    rows = listing(SOURCE, [note(3), note(3, "another"), note(7)], most=100)
    assert [row.source.number for row in rows if row.source] == list(range(1, 101))
    assert {row.source.number: [n.text for n in row.notes] for row in rows if row.notes} == {
        3: ["a race", "another"],
        7: ["a race"],
    }
    assert [row.source.number for row in rows if row.source and row.source.marked] == [3, 7]


def test_a_long_file_is_cut_to_what_lies_around_the_notes() -> None:
    rows = listing(SOURCE, [note(50)], most=60)
    numbers = [row.source.number for row in rows if row.source]
    assert numbers == list(range(50 - AROUND, 50 + AROUND + 1))
    assert [row.skipped for row in rows if row.skipped] == [49 - AROUND, 50 - AROUND]


def test_a_file_is_listed_from_its_beginning_where_nothing_is_noted() -> None:
    rows = listing(SOURCE, [], most=100)
    assert rows[0].source is not None
    assert not any(row.notes for row in rows)
    assert rows[-1].skipped == len(SOURCE.split("\n")) - 1 - 100
    assert listing(SOURCE, [], most=0) == ()
    outside = listing(SOURCE, [note(0), note(101)], most=100)
    assert not any(row.notes for row in outside)
    assert listing(SOURCE, [note(3)], most=0) == ()


def links(html: str) -> list[tuple[str, str]]:
    return re.findall(r'<a class="margin" href="#([^"]*)">([^<]*)</a>', html)


class TestPage:
    def test_a_finding_stands_at_its_line_and_leads_to_its_explanation(self) -> None:
        html = render_html(records.race())
        assert ("cause-1", "Race between two threads") in links(html)
        assert 'id="cause-1"' in html
        assert "Your file" in Page(html).sections

    def test_the_other_side_of_a_race_stands_at_its_own_line(self) -> None:
        made = records.race()
        finding = replace(
            made.findings[0].finding, other_source=(SourcePlace(file="", line=1, column=1),)
        )
        at = finding.source_line
        findings = (replace(made.findings[0], finding=finding), *made.findings[1:])
        html = render_html(replace(made, findings=findings))
        assert ("cause-1", f"Race between two threads: the other side of line {at}") in links(html)

    def test_an_error_of_the_compiler_stands_at_its_line(self) -> None:
        html = render_html(records.does_not_compile())
        texts = dict(links(html))
        assert texts["message-1"].startswith("error: ")
        assert 'id="message-1"' in html

    def test_a_right_file_is_not_listed(self) -> None:
        made = records.passed()
        assert made.findings, "the given code has a defect, which costs nothing"
        assert "Your file" not in Page(render_html(made)).sections
