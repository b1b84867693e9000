"""The figures of a push: how they are made, and that the documentation quotes the measured ones."""

from __future__ import annotations

import json

from benchmarks.action_push import PAGE, PUSHES, RESULT, STEPS, as_markdown, as_row
from benchmarks.publish import between
from tests.action.workflow import load


def test_a_job_is_rounded_up_to_whole_minutes() -> None:
    row = as_row(PUSHES[0], {**dict.fromkeys(STEPS, 20.0), "Say how it ended": 0.1})
    assert (row["total"], row["minutes"], row["usd"]) == (60.1, 2, 0.012)


def test_the_steps_that_are_told_apart_are_steps_of_the_action() -> None:
    action = load(PAGE.parent.parent / "action.yml")
    assert set(STEPS) <= {step["name"] for step in action["runs"]["steps"]}


def test_the_page_has_the_table_of_the_last_measurement() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = as_markdown(json.loads(RESULT.read_text(encoding="utf-8")))
    assert between(page, "push", table) == page
