"""The HTML report: what a student sees, and what nobody can smuggle in."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings

from grader.record import Record
from grader.report.html import MAX_BYTES, render_html
from grader.report.text import render_text
from tests.report import hostile, records
from tests.report.page import Page

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@pytest.fixture(params=sorted(records.ALL))
def record(request: pytest.FixtureRequest) -> Record:
    return records.ALL[request.param]()


def page_of(name: str) -> Page:
    return Page(render_html(records.ALL[name]()))


def heading(page: Page) -> str:
    return " ".join(page.headings[0][1].split())


class TestVerdict:
    def test_a_pass_says_so_first(self) -> None:
        assert heading(page_of("passed")) == "✓ Passed, 100 /of 100"

    def test_extra_credit_stands_beside_the_score(self) -> None:
        assert "+ 10 extra" in heading(page_of("passed-with-extra"))
        assert "extra" not in heading(page_of("passed"))

    def test_a_fail_shows_its_score(self) -> None:
        page = page_of("wrong-values")
        assert "Not passed" in heading(page)
        assert "60" in heading(page)
        assert page.title == "Not passed, 60 of 100: conv1d.mojo"

    @pytest.mark.parametrize("name", ["faulted", "refused"])
    def test_without_a_mark_no_score_is_shown(self, name: str) -> None:
        made = records.ALL[name]()
        page = Page(render_html(msgspec.structs.replace(made, score=37, max_score=91)))
        assert "37" not in page.text.replace(made.submission.sha256, "")
        assert "91" not in page.text.replace(made.submission.sha256, "")
        assert "Not passed" not in page.text

    def test_a_fault_of_the_grader_is_nobodys_mark(self) -> None:
        page = page_of("faulted")
        assert heading(page).startswith("! No mark")
        assert "not your work" in heading(page)
        assert "no points were taken" in page.text
        assert page.having("body")[0]["class"] == "tone-fault"

    def test_a_refusal_says_what_to_hand_in(self) -> None:
        page = page_of("refused")
        assert page.sections[0] == "What to hand in instead"
        assert "Save the file as UTF-8" in page.text


class TestProgram:
    def test_what_it_printed_is_shown_with_what_came_of_each_run(self) -> None:
        page = page_of("program-ran")
        assert "What your program printed" in page.sections
        text = " ".join(page.text.split())
        assert "Run with --simple It ran, and printed the published output." in text
        assert "out: HostBuffer([5.0, 8.0, 11.0, 14.0, 5.0, 0.0])" in text
        assert "Run with --block-boundary It ended with exit code 1." in text

    def test_a_file_that_is_no_program_has_no_such_section(self) -> None:
        assert "What your program printed" not in page_of("passed").sections


class TestOrder:
    def test_score_cause_next_rubric_case_findings_given_code_run(self) -> None:
        assert page_of("special-values").sections == [
            "What is wrong",
            "What to do next",
            "Points",
            "The smallest input that breaks it",
            "In the code you were given (costs nothing)",
            "Your file",
            "Run it yourself",
            "How it was graded",
        ]

    def test_compiler_errors_come_before_a_rubric_that_only_follows_from_them(self) -> None:
        sections = page_of("does-not-compile").sections
        assert sections.index("Errors in the file") < sections.index("Points")

    def test_warnings_alone_are_not_called_errors(self) -> None:
        """Of a file that passes, the compiler often says that a name is deprecated."""
        failing = records.does_not_compile()
        warnings = tuple(
            msgspec.structs.replace(each, severity="warning") for each in failing.diagnostics
        )
        record = msgspec.structs.replace(failing, diagnostics=warnings)
        sections = Page(render_html(record)).sections
        assert "Warnings of the compiler" in sections
        assert "Errors in the file" not in sections
        assert "Warnings of the compiler" in render_text(record)

    def test_headings_never_skip_a_level(self, record: Record) -> None:
        levels = [level for level, _ in Page(render_html(record)).headings]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


class TestContent:
    def test_every_check_has_a_word_for_its_state(self) -> None:
        text = page_of("crashed").text
        assert "✗ failed The published example is right" in text
        assert "○ not checked Computed by a kernel on the device" in text

    def test_the_wrong_elements_are_marked_in_words(self) -> None:
        page = page_of("wrong-values")
        assert "differs 14 0 1 0 1 block 0, thread 14" in page.text
        assert "1 of 30 elements is wrong." in page.text

    def test_the_drawing_has_a_text_alternative(self) -> None:
        page = page_of("special-values")
        drawing = next(svg for svg in page.having("svg") if svg.get("role") == "img")
        ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
        assert set(drawing["aria-labelledby"].split()) <= ids
        assert "at index 13 expected 14, got nan" in page.text

    def test_a_crash_has_no_drawing_and_says_what_the_run_said(self) -> None:
        page = Page(render_html(records.ran(records.crash)))
        assert not [svg for svg in page.having("svg") if svg.get("role") == "img"]
        assert "CUDA_ERROR_ILLEGAL_ADDRESS" in page.text
        # Where the device saw why, that says it.
        assert "CUDA call failed" not in page_of("crashed").text

    def test_a_compiler_error_points_at_its_column(self) -> None:
        html = render_html(records.does_not_compile())
        marked = html.split('class="line marked pointed"')[1].split("</code>")[0]
        before, after = re.sub(r'<span class="at"></span>', "@", marked).split("@")
        assert re.sub("<[^>]*>", "", after).startswith(".enqueue_function[conv1d]")
        assert re.sub("<[^>]*>", "", before).endswith("ctx")

    def test_advice_that_is_the_next_step_is_not_repeated(self) -> None:
        assert page_of("does-not-compile").text.count("A launch needs both grid_dim") == 1

    def test_findings_about_the_given_code_stand_apart(self) -> None:
        page = page_of("race")
        own, given_code = page.text.split("In the code you were given (costs nothing)")
        assert "Race between two threads" in own
        assert "Read of memory that nothing wrote" in given_code

    def test_a_lower_isolation_is_noted(self) -> None:
        assert "Note: User namespaces are off" in page_of("faulted").text


class TestDocument:
    def test_it_needs_nothing_but_itself(self, record: Record) -> None:
        page = Page(render_html(record))
        names = {tag for tag, _ in page.tags}
        assert not names & {"script", "img", "link", "iframe", "object", "form", "base", "use"}
        assert all(a["href"].startswith("#") for a in page.having("a"))
        for _, attributes in page.tags:
            assert not {"src", "srcset", "action", "background"} & attributes.keys()
        style = re.search("<style>(.*?)</style>", render_html(record), re.DOTALL)
        assert style is not None
        assert not re.search(r"url\(|@import|@font-face", style[1])

    def test_the_browser_is_told_to_load_nothing(self, record: Record) -> None:
        metas = Page(render_html(record)).having("meta")
        assert POLICY in [m["content"] for m in metas if "http-equiv" in m]

    def test_ids_are_unique_and_every_reference_leads_somewhere(self, record: Record) -> None:
        page = Page(render_html(record))
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        for _, attributes in page.tags:
            assert set(attributes.get("aria-labelledby", "").split()) <= set(ids)
            if attributes.get("href", "").startswith("#"):
                assert attributes["href"][1:] in ids

    def test_every_table_has_a_caption_and_scoped_headers(self, record: Record) -> None:
        page = Page(render_html(record))
        assert len(page.having("caption")) == len(page.having("table"))
        assert all(th.get("scope") in ("row", "col") for th in page.having("th"))
        assert page.having("html")[0]["lang"] == "en"
        assert {"header", "main", "footer"} <= {tag for tag, _ in page.tags}

    def test_what_scrolls_can_be_reached_with_the_keyboard(self, record: Record) -> None:
        for _, attributes in Page(render_html(record)).tags:
            if {"scroll", "code", "output"} & set(attributes.get("class", "").split()):
                assert attributes["tabindex"] == "0"

    def test_the_same_record_gives_the_same_page(self, record: Record) -> None:
        assert render_html(record) == render_html(record)


class TestHostile:
    @settings(max_examples=150, deadline=None)
    @given(made=hostile.records())
    def test_no_text_becomes_markup_or_reaches_the_reader_unseen(self, made: Record) -> None:
        html = render_html(made)
        page = Page(html)
        assert {tag for tag, _ in page.tags} <= SAFE_TAGS
        for _, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on")]
        assert len([level for level, _ in page.headings if level == 1]) == 1
        assert not CONTROL.search(html.replace("\n", ""))
        html.encode("utf-8")

    @pytest.mark.parametrize("bait", hostile.BAIT)
    def test_the_page_stays_small(self, bait: str) -> None:
        made = hostile.poisoned(largest(), bait or "x")
        assert len(render_html(made).encode()) <= MAX_BYTES

    def test_a_reordered_line_is_shown_in_the_order_of_its_characters(self) -> None:
        made = msgspec.structs.replace(records.passed(), headline="ok \u202egnp.exe")
        assert "ok \N{REPLACEMENT CHARACTER}gnp.exe" in render_html(made)


SAFE_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "a", "header", "main", "footer", "section"),
    *("h1", "h2", "h3", "p", "b", "i", "span", "div", "ol", "ul", "li", "dl", "dt", "dd", "code"),
    *("pre", "table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary"),
    *("article", "figure", "figcaption", "svg", "desc", "line", "path", "text", "rect", "g"),
}


def largest() -> Record:
    """More of everything than a run gives."""
    base = records.special_values()
    numbers = [float(i % 97) for i in range(3000)]
    case = records.counterexample(numbers, [1.0, 2.0], [value + 0.5 for value in numbers])
    errors = records.does_not_compile().diagnostics
    return msgspec.structs.replace(
        base,
        counterexamples=(case,) * 9,
        findings=base.findings * 400,
        diagnostics=tuple(
            msgspec.structs.replace(error, notes=error.notes * 50) for error in errors * 200
        ),
        checks=base.checks * 6,
        shapes=base.shapes * 100,
        stages=base.stages * 20,
        advice=("Try again.",) * 50,
        kernels=base.kernels * 1000,
    )


def test_a_large_record_is_cut_and_says_so() -> None:
    made = largest()
    html = render_html(made)
    page = Page(html)
    assert len(html.encode()) <= MAX_BYTES
    assert "392 more in the record." in page.text
    assert f"{len(made.shapes) - 200} more in the record." in page.text
    assert "All 3000 elements are wrong." in page.text
    assert "Elements 0 to 255 of 3000." in page.text


def test_nothing_heavy_is_imported_before_a_report_is_rendered() -> None:
    """A student waits for the compiler, not for imports of formats that nobody asked for."""
    script = (
        "import sys, grader.report.html, grader.report.text; "
        "print([m for m in ('jinja2', 'pygments', 'rich', 'numpy') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert shown.stdout.strip() == "[]", shown.stderr
