"""Pages by axe-core, the usual checker for WCAG, in a real browser where there is one.

axe-core is one script. The package ``axe-playwright-python`` brings it, and is kept up to date with
it; nothing else of that package is used.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.browser import Browser
from grader.batch.outputs.dashboard import render_dashboard
from grader.report.html import render_html
from tests.batch.outputs.classes import INFO, mixed
from tests.report import records

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
REPORTS = {
    "right": records.passed,
    "wrong op": records.wrong_values,
    "race": records.race,
    "error": records.does_not_compile,
    "program": records.program_ran,
    "no mark": records.faulted,
}


def _axe() -> Path | None:
    found = importlib.util.find_spec("axe_playwright_python")
    folders = found.submodule_search_locations if found is not None else None
    scripts = [path for each in folders or () for path in Path(each).rglob("axe.min.js")]
    return scripts[0] if scripts else None


AXE = _axe()
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(AXE is None, reason="axe-core is not installed: axe-playwright-python"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert CHROMIUM is not None
    with Browser(CHROMIUM, tmp_path_factory.mktemp("profile")) as started:
        yield started


def violations(browser: Browser, page: Path) -> list[str]:
    """What axe-core finds, with everything unfolded."""
    assert AXE is not None
    script = (
        f"{AXE.read_text('utf-8')};\n"
        "(async () => {"
        " await new Promise(r => document.readyState === 'complete' ? r()"
        " : addEventListener('load', r));"
        " document.querySelectorAll('details').forEach(each => each.open = true);"
        f" const all = await axe.run({{runOnly: {{type: 'tag', values: {TAGS}}}}});"
        " return JSON.stringify([all.passes.length, all.violations.map(each =>"
        " each.id + ': ' + each.nodes[0].html)]);"
        "})()"
    )
    passed, found = json.loads(str(browser.evaluate(page, script)))
    assert passed > 10, "axe-core has looked at nothing"
    return list(found)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_meets_wcag_aa(browser: Browser, tmp_path: Path, name: str) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_html(REPORTS[name]()), encoding="utf-8")
    assert violations(browser, page) == []


def test_the_dashboard_meets_wcag_aa(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(render_dashboard(INFO, list(mixed())), encoding="utf-8")
    assert violations(browser, page) == []


def test_what_axe_core_finds_fails_here(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    blind = '<button></button><p style="color: #ccc; background: #fff">pale</p>'
    plain = render_html(records.passed())
    page.write_text(plain.replace("</main>", f"{blind}</main>"), encoding="utf-8")
    found = " ".join(violations(browser, page))
    assert "button-name" in found
    assert "color-contrast" in found
