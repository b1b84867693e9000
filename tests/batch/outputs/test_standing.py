"""The mark: what goes into a gradebook, and who has none."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from grader.batch.outputs.class_table import (
    Mark,
    mark,
    number,
    remedy,
    standing,
    why_no_mark,
)
from grader.record import StudentStanding
from tests.batch.outputs.classes import INFO, absent, mixed, refused, result, waiting
from tests.report import records


@pytest.mark.parametrize(
    ("one", "where"),
    [
        (result("a", "passed"), StudentStanding.PASSED),
        (result("a", "crashed"), StudentStanding.FAILED),
        (result("a", "refused"), StudentStanding.REFUSED),
        (refused("a"), StudentStanding.REFUSED),
        (result("a", "faulted"), StudentStanding.FAULT),
        (waiting("a"), StudentStanding.WAITING),
        (absent("a"), StudentStanding.NOTHING),
    ],
)
def test_every_end_has_a_standing(one: object, where: StudentStanding) -> None:
    assert standing(one) is where  # type: ignore[arg-type]


def test_only_a_verdict_gives_a_mark() -> None:
    for one in mixed():
        marked = standing(one) in (StudentStanding.PASSED, StudentStanding.FAILED)
        assert (mark(one, INFO) is not None) == marked
        assert bool(why_no_mark(one)) == (not marked)


def test_a_fault_has_no_mark_whatever_score_its_record_holds() -> None:
    made = msgspec.structs.replace(records.faulted(), score=0)
    assert mark(result("a", made), INFO) is None
    assert "not the submission" in why_no_mark(result("a", made))
    assert remedy(result("a", made))


def test_extra_credit_is_in_the_mark() -> None:
    assert mark(result("a", "passed-with-extra"), INFO) == Mark(points=Decimal(110))


def test_points_that_the_device_cannot_show_cost_nothing() -> None:
    """A GPU shows 85 of the 100 points; all of them are a full mark."""
    made = msgspec.structs.replace(records.passed(), score=85, max_score=85)
    given = mark(result("a", made), INFO)
    assert given is not None
    assert given.points == 100
    assert "85 of the 85 points" in given.note
    third = msgspec.structs.replace(records.wrong_values(), score=50, max_score=85)
    assert mark(result("a", third), INFO).points == Decimal("58.82")


@pytest.mark.parametrize(
    ("value", "text"), [("60", "60"), ("57.50", "57.5"), ("0", "0"), ("100.00", "100")]
)
def test_a_number_has_no_zeros_that_say_nothing(value: str, text: str) -> None:
    assert number(Decimal(value)) == text


def test_a_refusal_keeps_the_case_of_its_first_word() -> None:
    assert why_no_mark(refused("a")) == "Not graded: mallory.zip is a bomb."
