"""A run in words, as a page and as JSON."""

from __future__ import annotations

from typing import Any

import pytest

from grader.device import FindingKind
from grader.record import DeviceInfo, Diagnostic
from grader.run.document import RunEnding, decode, encode
from grader.run.page import render_page
from grader.run.text import MARK, report
from grader.wording.findings import FINDING_HINTS
from tests.report.page import Page
from tests.run.documents import FOUND, NOWHERE, RACE, TEXT, document

HOSTILE = "<script>alert(1)</script>\x1b[2K\u202e\ngrade: forged"


def lines(**changes: Any) -> list[str]:
    said = report(document(**changes), TEXT).splitlines()
    assert all(line.startswith(MARK) for line in said)
    return [line.removeprefix(MARK) for line in said]


def test_a_finding_is_said_as_a_compiler_says_it() -> None:
    first = (
        "p10.mojo:2:18: error: thread 3 of block 0 read cell 4 of a buffer of 4 cells "
        "(array a, kernel kernel, 4 times) [out-of-bounds]"
    )
    assert lines(findings=(FOUND,)) == [
        first,
        "    2 |     output[0] = a[4]",
        "      |                  ^",
        f"    {FINDING_HINTS[FindingKind.OUT_OF_BOUNDS]}",
        "p10.mojo: 1 launch watched, 1 error",
    ]


def test_a_race_has_two_places() -> None:
    said = lines(findings=(RACE,))
    assert said[0].startswith("p10.mojo:2:18: error: thread 1 read")
    assert said[3].startswith("p10.mojo:4:6: note: ")
    assert "(array b)" in said[3]


def test_a_finding_without_a_line_shows_its_instruction() -> None:
    said = lines(findings=(NOWHERE,))
    assert said[0].startswith("p10.mojo: error: ")
    assert "ld.global.b32" in said[1]


def test_what_a_kind_means_is_said_once() -> None:
    hint = f"    {FINDING_HINTS[FindingKind.OUT_OF_BOUNDS]}"
    assert lines(findings=(FOUND, NOWHERE)).count(hint) == 1


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, "1 launch watched, nothing found"),
        ({"launches": ()}, "no kernel was launched, so there was nothing to watch"),
        ({"findings": (FOUND, RACE)}, "1 launch watched, 2 errors"),
        (
            {"device": DeviceInfo(kind="gpu", name="NVIDIA H100", reason="as asked")},
            "ran on NVIDIA H100, which does not show what a kernel does; --device software does",
        ),
        (
            {"ending": RunEnding.NOT_BUILT, "why": "it does not compile"},
            "not run: it does not compile",
        ),
    ],
)
def test_the_last_line_sums_up(changes: dict[str, Any], end: str) -> None:
    assert lines(**changes)[-1] == f"p10.mojo: {end}"


def test_the_compiler_is_heard() -> None:
    error = Diagnostic(
        severity="error", message="use of unknown 'x'", stage="compile", line=2, column=5
    )
    said = lines(ending=RunEnding.NOT_BUILT, diagnostics=(error,), compiler_output="all of it")
    assert said[0] == "p10.mojo:2:5: error: use of unknown 'x'"
    assert "all of it" not in said


def test_a_compiler_without_a_message_is_quoted() -> None:
    assert "crash!" in lines(ending=RunEnding.NOT_BUILT, compiler_output="crash!")


def test_nothing_of_the_program_s_reaches_the_terminal_or_the_page_as_more_than_text() -> None:
    error = Diagnostic(severity="error", message=HOSTILE, stage="compile", line=1, column=1)
    run = document(
        diagnostics=(error,), stdout=HOSTILE, not_checked=(HOSTILE,), why=HOSTILE, file="<u>"
    )
    said = report(run, f"{HOSTILE}\n" * 3)
    assert all(line.startswith(MARK) for line in said.splitlines())
    page = render_page(run, f"{HOSTILE}\n" * 3)
    for text in (said, page):
        assert not {"\x1b", "\u202e"} & set(text)
    assert "<script" not in page
    assert "<u>" not in page


def test_the_page_shows_the_lines_of_a_finding() -> None:
    page = render_page(document(findings=(RACE,), stdout="Puzzle 10 complete\n"), TEXT)
    Page(page)
    for text in ("line 2", "line 4", "The other side", "Puzzle 10 complete", "1 error"):
        assert text in page
    assert page.count('class="line marked') >= 4


def test_json_holds_all_of_it() -> None:
    run = document(findings=(FOUND, RACE, NOWHERE))
    assert decode(encode(run)) == run
