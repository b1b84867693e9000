"""The dashboard: what an instructor sees, and what nobody can smuggle in."""

from __future__ import annotations

import re
from base64 import b64encode
from decimal import Decimal
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.batch.model import Refusal, StudentResult
from grader.batch.outputs.class_table import histogram
from grader.batch.outputs.dashboard import dashboard, render_dashboard
from tests.batch.outputs.classes import INFO, mixed, result, student
from tests.report import hostile, records
from tests.report.page import Page

SAFE_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "a", "header", "main", "footer", "section"),
    "nav",
    *("h1", "h2", "h3", "p", "b", "i", "span", "div", "ol", "ul", "li", "dl", "dt", "dd", "small"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "script"),
    *("svg", "desc", "defs", "pattern", "path", "rect", "line", "text"),
    *("label", "input", "select", "option", "button", "output"),
}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def page_of(results: list[StudentResult] | None = None) -> Page:
    return Page(render_dashboard(INFO, list(mixed()) if results is None else results))


class TestContent:
    def test_what_was_refused_and_is_nobodys_is_shown_with_the_notes_on_the_class(self) -> None:
        info = msgspec.structs.replace(
            INFO,
            notes=("Two files are of nobody on the roster.",),
            refusals=(
                Refusal(
                    source="<b>late.zip</b>", what="It is encrypted.", remedy="Unpack it first."
                ),
            ),
        )
        text = Page(render_dashboard(info, list(mixed()))).text
        for shown in ("Two files are of nobody", "<b>late.zip</b>", "It is encrypted.", "Unpack"):
            assert shown in text

    def test_the_sections_stand_in_the_order_of_what_matters(self) -> None:
        assert page_of().sections == [
            "Scores",
            "Which checks fail most",
            "What went wrong",
            "Without a mark",
            "Handed in late",
            "Equal programs",
            "Students",
            "The run",
        ]

    def test_every_student_is_a_row_with_a_report(self) -> None:
        page = page_of()
        links = {a["href"] for a in page.having("a")}
        for one in mixed():
            assert one.student.name in page.text
            reported = f"reports/{one.student.key}/report.html" in links
            assert reported == (one.record is not None or one.refusal is not None)

    def test_the_same_trouble_is_told_once_with_its_number_and_an_example(self) -> None:
        text = page_of().text
        told = "The last outputs of the first block miss the elements that belong to the next block"
        assert f"2 students {told}" in text
        assert "expected " + "0, " * 14 + "1, 0" in text

    def test_right_numbers_that_came_about_wrongly_are_told_by_what_the_device_saw(self) -> None:
        (shown,) = dashboard(INFO, [result("a", records.race())]).singles
        told = dict(shown.lines)
        assert told["the device saw"].startswith("thread 0 of block 0 read shared cell 1 while")
        assert "got" not in told

    def test_who_has_no_mark_is_told_with_the_reason_and_what_to_do(self) -> None:
        text = page_of().text
        assert "Nobody here has a zero" in text
        assert "mallory.zip is a bomb. Hand in one file." in text
        assert "Nothing handed in: 1" in text

    def test_checks_are_ordered_by_how_often_they_fail(self) -> None:
        failed = [line.failed for line in dashboard(INFO, mixed()).checks]
        assert failed == sorted(failed, reverse=True)
        assert failed[0] > 0

    def test_a_fault_counts_in_no_statistic_of_marks(self) -> None:
        page = dashboard(INFO, [result("a", "passed"), result("b", "faulted")])
        assert page.average == "mean 100, median 100 of 100 points"
        assert all(line.of == 1 for line in page.checks)

    def test_one_reason_that_stopped_many_is_told_once_with_all_their_names(self) -> None:
        """A machine without the compiler fails for all; the page stays one to read."""
        people = [result(f"s{n:03}", "faulted") for n in range(200)]
        (problem,) = dashboard(INFO, people).problems
        assert len(problem.members) == 200
        page = page_of(people)
        assert "200 students" in page.text
        assert page.text.count(problem.why) == 1 + 200  # and in each row of the class table

    def test_every_link_of_the_contents_leads_somewhere(self) -> None:
        html = render_dashboard(INFO, mixed())
        contents = html.partition('<nav class="contents')[2].partition("</nav>")[0]
        anchors = re.findall('href="#([a-z]+)"', contents)
        assert {"troubles", "unmarked", "students", "how"} <= set(anchors)
        assert all(f'id="{anchor}"' in html for anchor in anchors)

    def test_equal_programs_name_each_other(self) -> None:
        (group,) = dashboard(INFO, mixed()).equal
        assert [member.name for member in group.members] == ["Ada", "Kim"]

    def test_an_empty_class_is_a_page_too(self) -> None:
        assert page_of([]).sections == ["Students", "The run"]

    def test_a_name_of_nothing_is_shown_as_the_key(self) -> None:
        assert ">a</a>" in render_dashboard(INFO, [result("a", who=student("a", name=" \t"))])


class TestHistogram:
    def test_everybody_is_in_one_bar(self) -> None:
        marks = [(Decimal(n), n == 100) for n in (0, 9, 10, 55, 99, 100, 110)]
        made = histogram(marks, 100)
        assert made is not None
        counts = {b.range: b.count for b in made.bins if b.count}
        assert counts == {
            "0 to 9": 2,
            "10 to 19": 1,
            "50 to 59": 1,
            "90 to 99": 1,
            "100": 1,
            "more than 100": 1,
        }

    @given(
        st.lists(st.tuples(st.decimals(0, 130, places=2), st.booleans()), min_size=1),
        st.integers(1, 130),
    )
    def test_nobody_is_lost_and_no_bar_leaves_the_drawing(
        self, marks: list[tuple[Decimal, bool]], most: int
    ) -> None:
        made = histogram(marks, most)
        assert made is not None
        assert sum(b.count for b in made.bins) == len(marks)
        assert sum(b.passed for b in made.bins) == sum(passed for _, passed in marks)
        for b in made.bins:
            assert 0 <= b.x <= b.x + b.width <= 100
            assert b.top >= -0.02
            assert b.pass_y + b.pass_height <= made.height + 0.02

    def test_without_marks_there_is_none(self) -> None:
        assert histogram([], 100) is None


class TestDocument:
    def test_it_needs_nothing_but_itself(self) -> None:
        page = page_of()
        names = {tag for tag, _ in page.tags}
        assert names <= SAFE_TAGS
        for _, attributes in page.tags:
            assert not {"src", "srcset", "action", "background"} & attributes.keys()
        hrefs = [a["href"] for a in page.having("a")]
        assert all(re.match(r"#|reports/|gradebook/|similarity/", href) for href in hrefs)

    def test_the_policy_allows_this_one_script_and_nothing_else(self) -> None:
        html = render_dashboard(INFO, mixed())
        script = re.search("<script>(.*?)</script>", html, re.DOTALL)
        assert script is not None
        digest = b64encode(sha256(script[1].encode()).digest()).decode()
        policy = next(m["content"] for m in Page(html).having("meta") if "http-equiv" in m)
        assert f"script-src 'sha256-{digest}'" in policy
        assert policy.startswith("default-src 'none'")
        assert html.count("<script") == 1

    def test_ids_are_unique_and_every_reference_leads_somewhere(self) -> None:
        page = page_of()
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        for _, attributes in page.tags:
            assert set(attributes.get("aria-labelledby", "").split()) <= set(ids)
            if attributes.get("href", "").startswith("#"):
                assert attributes["href"][1:] in ids
        clusters = {a["value"] for a in page.having("option")} & {"c0", "c1", "c2", "c3"}
        assert clusters <= set(ids)

    def test_tables_have_captions_and_scoped_headers(self) -> None:
        page = page_of()
        assert len(page.having("caption")) == len(page.having("table"))
        assert all(th.get("scope") in ("row", "col") for th in page.having("th"))

    def test_without_script_no_control_that_does_nothing_is_shown(self) -> None:
        tools = next(a for _, a in page_of().tags if a.get("class") == "tools")
        assert "hidden" in tools
        # The one among the hidden tools.
        assert len(page_of().having("button")) == 1

    def test_the_same_results_give_the_same_page(self) -> None:
        assert render_dashboard(INFO, mixed()) == render_dashboard(INFO, mixed())

    def test_a_class_of_1000_is_under_2_mb(self) -> None:
        people = [
            result(
                f"student{n:04d}",
                ("passed", "wrong-values", "does-not-compile", "crashed")[n % 4],
                who=student(f"student{n:04d}", name=f"Maximiliana Featherstonehaugh {n}"),
            )
            for n in range(1000)
        ]
        assert len(render_dashboard(INFO, people).encode()) < 2_000_000


class TestHostile:
    @settings(max_examples=60, deadline=None)
    @given(made=st.lists(hostile.records(), min_size=1, max_size=3), text=hostile.texts)
    def test_no_text_becomes_markup_or_reaches_the_reader_unseen(
        self, made: list[object], text: str
    ) -> None:
        people = [
            hostile.poisoned(msgspec.structs.replace(one, record=None), text) for one in mixed()
        ]
        class_of = [
            msgspec.structs.replace(
                one,
                record=made[n] if n < len(made) else None,
                student=msgspec.structs.replace(one.student, key=f"k{n}", lateness="late"),
            )
            for n, one in enumerate(people)
        ]
        info = hostile.poisoned(INFO, text)
        html = render_dashboard(info, class_of)
        page = Page(html)
        assert {tag for tag, _ in page.tags} <= SAFE_TAGS
        assert html.count("<script") == 1
        for _, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on")]
        hrefs = [a["href"] for a in page.having("a")]
        assert all(re.match(r"#|reports/k\d+/report\.html|gradebook/", href) for href in hrefs)
        assert not CONTROL.search(html.replace("\n", ""))
        html.encode("utf-8")

    @pytest.mark.parametrize("key", ["a b", "é", "a%2f..", "a#b", "a?b", 'a"b', "a&b", "a'b"])
    def test_a_link_leads_to_the_folder_of_its_key(self, key: str) -> None:
        from urllib.parse import unquote

        page = page_of([result(key, who=student(key, name="N"))])
        href = next(a["href"] for a in page.having("a") if a["href"].startswith("reports/"))
        assert unquote(href) == f"reports/{key}/report.html"
        assert not set("#?\"'& ") & set(href)
