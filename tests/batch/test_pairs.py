"""Who is the same person in two runs: `grade diff` compares the marks of these."""

from __future__ import annotations

from typing import Any

from grader.batch.compare import _pairs
from grader.batch.model import Student


def student(key: str, name: str = "", **more: Any) -> Student:
    return Student(key=key, name=name or key, **more)


def paired(before: list[Student], after: list[Student]) -> set[tuple[str, str]]:
    return {
        (one.key if one else "-", other.key if other else "-")
        for one, other in _pairs(before, after)
    }


def test_by_key_and_by_a_name_that_is_there_once() -> None:
    before = [student("ann"), student("bob"), student("jane-doe", "Jane Doe")]
    after = [student("ann"), student("cem"), student("doejane", "jane doe")]
    assert paired(before, after) == {
        ("ann", "ann"), ("-", "cem"), ("bob", "-"), ("jane-doe", "doejane"),
    }  # fmt: skip


def test_namesakes_are_told_apart_by_a_number_though_their_keys_changed() -> None:
    before = [student("kim", "Kim", sis_id="1"), student("kim-2", "Kim", sis_id="2")]
    after = [student("kim", "Kim", sis_id="2"), student("kim-2", "Kim", sis_id="1")]
    assert paired(before, after) == {("kim-2", "kim"), ("kim", "kim-2")}


def test_numbers_of_two_kinds_say_nothing_of_each_other() -> None:
    before = [student("ann", id="7", canvas_id="7"), student("bob", id="8", sis_id="8")]
    after = [student("bob", id="7", sis_id="7"), student("ann", id="9", canvas_id="7")]
    assert paired(before, after) == {("ann", "ann"), ("-", "bob"), ("bob", "-")}


def test_a_participant_s_number_is_another_one_in_the_next_assignment() -> None:
    before = [student("ann", participant="1"), student("bob", participant="2")]
    after = [student("ann", participant="2"), student("bob", participant="1")]
    assert paired(before, after) == {("ann", "ann"), ("bob", "bob")}
