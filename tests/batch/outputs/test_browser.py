"""The dashboard's script at work, in a real browser where there is one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.browser import Browser
from grader.batch.outputs.dashboard import render_dashboard
from grader.batch.outputs.similarity_pages import render_overview, render_pair
from tests.batch.outputs.classes import INFO, mixed, result, student
from tests.batch.outputs.test_similarity import handed_in, others, study_of
from tests.batch.similarity.texts import OWN

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
SHOWN = (
    "[...document.querySelectorAll('.class tbody tr:not([hidden]) th a')].map(a => a.textContent)"
)
LOADED = "new Promise(r => document.readyState === 'complete' ? r() : addEventListener('load', r))"

BEYOND = (
    f"{LOADED}.then(() => document.documentElement.scrollWidth"
    " - document.documentElement.clientWidth)"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert CHROMIUM is not None
    with Browser(CHROMIUM, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    evil = student("zed", name="<img src=x onerror=document.title='owned'> Zed", id="7")
    path = tmp_path_factory.mktemp("run") / "index.html"
    people = [*mixed(), result("zed", "special-values", who=evil)]
    path.write_text(render_dashboard(INFO, people), encoding="utf-8")
    return path


def after(browser: Browser, page: Path, *steps: str, value: str = SHOWN) -> object:
    body = "; ".join(steps)
    script = f"(async () => {{ await {LOADED}; {body}; return JSON.stringify({value}) }})()"
    return json.loads(str(browser.evaluate(page, script)))


def type_in(text: str) -> str:
    return (
        "{ const s = document.getElementById('search'); "
        f"s.value = {text!r}; s.dispatchEvent(new Event('input')) }}"
    )


def sort_by(column: int) -> str:
    return f"document.querySelectorAll('.class th button')[{column}].click()"


def test_the_policy_lets_the_script_run(browser: Browser, page: Path) -> None:
    assert after(browser, page, value="document.querySelector('.tools').hidden") is False
    told = after(browser, page, value="document.getElementById('shown').value")
    assert told == "All 13 students"


def test_a_name_is_a_name(browser: Browser, page: Path) -> None:
    assert after(browser, page, value="document.images.length") == 0
    assert after(browser, page, value="document.title") == "Puzzle 17: 13 students"


def test_words_filter(browser: Browser, page: Path) -> None:
    assert after(browser, page, type_in("halo first")) == ["Bob", "Cyd"]
    assert after(browser, page, type_in("ID-ADA")) == ["Ada"]
    assert after(browser, page, type_in("nobody has this")) == []
    assert len(after(browser, page, type_in("x"), type_in(""))) >= 11  # type: ignore[arg-type]


def test_a_link_filters_and_clear_shows_all(browser: Browser, page: Path) -> None:
    click = "document.querySelector('a[data-filter=\"trouble:c0\"]').click()"
    assert after(browser, page, click) == ["Bob", "Cyd"]
    told = after(browser, page, click, value="document.getElementById('shown').value")
    assert told == "2 of 13 students"
    clear = "document.getElementById('clear').click()"
    assert len(after(browser, page, click, clear)) >= 11  # type: ignore[arg-type]


def test_scores_sort_as_numbers_and_who_has_none_stays_last(browser: Browser, page: Path) -> None:
    scores = "[...document.querySelectorAll('.class .points')].map(c => c.textContent.trim())"
    for clicks in (1, 2):
        made = after(browser, page, *[sort_by(2)] * clicks, value=scores)
        assert isinstance(made, list)
        numbers = [int(score) for score in made if score]
        assert made == [*map(str, numbers), *[""] * (len(made) - len(numbers))]
        assert numbers == sorted(numbers, reverse=clicks == 2)


def test_a_sorted_column_says_so(browser: Browser, page: Path) -> None:
    state = (
        "[...document.querySelectorAll('.class thead th')].map(h => h.getAttribute('aria-sort'))"
    )
    assert after(browser, page, sort_by(0), value=state) == ["ascending", *[None] * 5]
    assert after(browser, page, sort_by(0), sort_by(1), sort_by(1), value=state) == [
        *(None, "descending"),
        *[None] * 4,
    ]


@pytest.mark.parametrize("width", [320, 700, 1280])
def test_nothing_is_wider_than_the_screen(browser: Browser, page: Path, width: int) -> None:
    assert browser.evaluate(page, BEYOND, width=width) == 0


@pytest.mark.parametrize("width", [320, 1280])
def test_two_texts_side_by_side_fit_the_screen(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    long = "x" * 300
    code = f"{OWN}\n{long} = {long}({long}, {long})\n# {long}\n"
    people = [handed_in("ann", code), handed_in("ben", code), *others(20)]
    made = study_of(people)
    pages = [render_overview(made.overview), *map(render_pair, made.pages.values())]
    assert len(pages) > 1
    for data in pages:
        path = tmp_path / "page.html"
        path.write_bytes(data)
        assert browser.evaluate(path, BEYOND, width=width) == 0
