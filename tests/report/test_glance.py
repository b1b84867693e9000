"""What `grade watch` shows of a record: points, what changed, the cause, one step; in few lines."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from rich.cells import cell_len

from grader.progress import with_earlier
from grader.record import LaneKind, Record, RubricInfo, Status, Verdict, Visibility
from grader.report.text import render_glance
from tests.report import hostile, records
from tests.report.test_html import largest
from tests.report.test_text import OBEYED


def glance(made: Record, *, width: int = 80, lines: int = 20) -> list[str]:
    return render_glance(made, width=width, lines=lines).split("\n")[:-1]


@pytest.fixture(params=sorted(records.ALL))
def record(request: pytest.FixtureRequest) -> Record:
    return records.ALL[request.param]()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits_a_small_terminal(record: Record, width: int) -> None:
    shown = glance(record, width=width, lines=24 if width == 40 else 20)
    assert len(shown) <= (24 if width == 40 else 20)
    assert max(map(cell_len, shown)) <= width


def test_the_largest_record_gives_way() -> None:
    assert len(glance(largest(), lines=20)) <= 20


def test_points_then_what_changed_then_the_cause_then_one_step() -> None:
    made = records.does_not_compile()
    before = replace(records.passed(), submission=replace(made.submission, sha256="other"))
    shown = glance(with_earlier(made, before))
    error = made.diagnostics[0]
    place = f"{made.submission.name}:{error.line}:{error.column}: error"
    starts = ("✗ Not passed  0 / 100", "Since last time: 100 → 0 points", place, "What to do next")
    found = [next(n for n, line in enumerate(shown) if line.startswith(each)) for each in starts]
    assert found == sorted(found)
    assert sum(line.startswith("- ") for line in shown) == 1


def test_where_no_cause_is_known_the_checks_are_shown() -> None:
    made = replace(records.special_values(), findings=(), counterexamples=())
    failed = [each.title for each in made.checks if each.status is Status.FAILED]
    assert failed
    assert all(any(title in line for line in glance(made)) for title in failed)


def test_without_a_mark_nothing_is_lost_and_there_is_something_to_do() -> None:
    made = records.faulted()
    shown = "\n".join(glance(made))
    assert "You lose nothing" in shown
    assert made.fault is not None
    assert made.fault.remedy.split()[0] in shown
    assert "/ 100" not in shown


def test_a_student_sees_nothing_that_is_hidden() -> None:
    made = records.wrong_values()
    assert made.verdict is Verdict.FAIL
    checks = tuple(replace(each, visibility=Visibility.HIDDEN) for each in made.checks)
    shown = "\n".join(glance(replace(made, checks=checks, rubric=RubricInfo(source="x"))))
    assert "60" not in shown
    assert "Smallest failing input" not in shown


@settings(max_examples=40, deadline=None)
@given(made=hostile.records())
def test_nothing_reaches_the_terminal_that_it_would_obey(made: Record) -> None:
    text = render_glance(made, width=80, lines=20)
    assert not {c for c in text if unicodedata.category(c) in OBEYED and c != "\n"}


def as_preview(made: Record) -> Record:
    assert made.toolchain is not None
    return replace(made, toolchain=replace(made.toolchain, lane=LaneKind.DIRECT))


def test_a_preview_says_that_it_is_one_and_gives_no_points() -> None:
    shown = glance(as_preview(records.race()))
    assert shown[0].startswith("✗ Preview: not right yet")
    told = " ".join(" ".join(shown).split())
    assert "This is a preview, at a few sizes and without MAX Graph. The verdict follows." in told
    assert "conv1d.mojo:30:38: race between two threads" in shown
    assert "What to do next" in shown
    assert "/ 100" not in told


def test_of_a_right_preview_there_is_nothing_to_do_yet() -> None:
    shown = glance(as_preview(records.passed()))
    assert shown[0].startswith("✓ Preview: right so far")
    assert len(shown) == 3
