"""The similarity pages: what an instructor reads, and what nobody can smuggle in."""

from __future__ import annotations

import re

import msgspec
from hypothesis import given, settings

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs import similarity_pages
from grader.batch.outputs.similarity_pages import Study
from grader.batch.similarity.features import Features
from grader.folders import data_directory
from grader.record import SubmissionInfo
from tests.batch.outputs.classes import INFO, result, student
from tests.batch.similarity.texts import OWN, programs, renamed
from tests.report import hostile, records
from tests.report.page import Page

SKELETON = (data_directory("reference_kernels") / "conv1d/26.5/skeleton.mojo").read_text()
SAFE_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "a", "header", "main", "section"),
    *("h1", "h2", "h3", "p", "b", "span", "div", "ul", "li", "sub", "sup", "mark", "pre"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}


def handed_in(key: str, text: str, name: str = "") -> StudentResult:
    made = msgspec.structs.replace(
        records.passed(), submission=SubmissionInfo(name="conv1d.mojo", sha256=key, text=text)
    )
    return result(key, made, who=student(key, name=name or key.capitalize()))


def others(count: int) -> list[StudentResult]:
    return [handed_in(f"z{n}", f"{SKELETON}\n# {n}\n    var z{n} = {n}\n") for n in range(count)]


def study_of(results: list[StudentResult], info: RunInfo = INFO) -> Study:
    texts = similarity_pages.Texts()
    for each in results:
        if each.record is not None and each.record.submission.text:
            texts.add(each.student.key, each.record.submission.text)
    return similarity_pages.study(
        info, results, texts, Features(similarity_pages.given_code(info.puzzle))
    )


def test_a_copy_is_first_and_has_a_page_with_both_texts() -> None:
    copies = [handed_in("ann", SKELETON + OWN), handed_in("ben", SKELETON + renamed(OWN))]
    made = study_of([*copies, *others(30)])
    first = made.overview.pairs[0]
    assert {first.one.name, first.other.name} == {"Ann", "Ben"}
    page = Page(similarity_pages.render_pair(made.pages[first.href]).decode())
    assert "carefully rounds to the next multiple" in page.text
    assert "def helper" in page.text
    assert "def fn_x" in page.text
    assert "lines with nothing shared" in page.text
    assert page.having("mark")


def test_the_ranking_says_plainly_that_equal_answers_are_expected() -> None:
    page = Page(similarity_pages.render_overview(study_of(others(3)).overview).decode())
    assert "In a puzzle with one statement to fill in, equal answers are expected." in page.text
    assert "never a proof" in page.text
    assert "The class is small" in page.text
    assert "No two programs share more" in page.text


def test_the_longest_stretch_is_one_item() -> None:
    copies = [handed_in("ann", SKELETON + OWN), handed_in("ben", SKELETON + renamed(OWN))]
    made = study_of([*copies, *others(30)])
    items = made.pages[made.overview.pairs[0].href].items
    code = [item for item in items if item.kind == "code"]
    assert "def helper(first: Int, second: Int) -> Int:" in code[0].text
    assert len(code) == 1
    assert any("carefully rounds" in item.text for item in items)
    assert [item.bits for item in items] == sorted((i.bits for i in items), reverse=True)


def test_who_has_no_text_is_not_compared() -> None:
    assert study_of([result("a", "refused"), result("b", None)]).overview.programs <= 1


def test_a_puzzle_without_a_skeleton_is_compared_all_the_same() -> None:
    info = msgspec.structs.replace(INFO, puzzle="unknown")
    copies = [handed_in("ann", OWN), handed_in("ben", OWN)]
    assert study_of([*copies, *others(30)], info).overview.pairs


def test_the_pages_of_a_puzzle_named_after_a_path_stay_inside() -> None:
    assert similarity_pages.given_code("../../etc") == similarity_pages.given_code("etc")


@settings(max_examples=40, deadline=None)
@given(text=hostile.texts, code=programs)
def test_no_text_becomes_markup(text: str, code: str) -> None:
    both = SKELETON + OWN + code + "\n# " + text
    copies = [handed_in("ann", both, name=text), handed_in("ben", both + " ", name=text)]
    made = study_of([*copies, *others(12)])
    assert made.overview.pairs
    pages = [similarity_pages.render_overview(made.overview)]
    pages += [similarity_pages.render_pair(page) for page in made.pages.values()]
    for data in pages:
        html = data.decode("utf-8")
        page = Page(html)
        assert {tag for tag, _ in page.tags} <= SAFE_TAGS
        for _, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on")]
        for link in page.having("a"):
            assert re.match(r"#|\.\./(index\.html|reports/)|pair-|index\.html", link["href"])
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        anchors = [a["href"][1:] for a in page.having("a") if a["href"].startswith("#")]
        assert set(anchors) <= set(ids)
