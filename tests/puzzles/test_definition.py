"""A puzzle is checked when it is made: nobody is graded by one that contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grader.puzzles.conv1d import CONV1D
from grader.puzzles.definition import CHECKS, RubricItem, Size, WorkedExample
from grader.record import Status
from grader.rubric import parse_rubric
from tests.grading.scripted import ScriptedExecutor, grade, right

EXAMPLE = CONV1D.example
OUTPUT, INPUT, KERNEL = CONV1D.tensors


def item(id: str, points: int = 5) -> RubricItem:
    return RubricItem(id=id, title="Right", points=points)


def example(**changes: object) -> WorkedExample:
    return replace(EXAMPLE, **changes)  # type: ignore[arg-type]


WRONG = {
    "a check that nobody makes": {"rubric": (*CONV1D.rubric, item("race-free"))},
    "a check in another spelling": {"rubric": (*CONV1D.rubric[:-1], item("Robust"))},
    "a check twice": {"rubric": (*CONV1D.rubric, item("clean"))},
    "points below zero": {"rubric": (*CONV1D.rubric[1:], item("packages", -10))},
    "no points": {"rubric": (item("packages", 0),)},
    "no check": {"rubric": ()},
    "advice for a check that nobody makes": {"next_steps": {"intgers": "Look again."}},
    "sizes beyond the assigned ones, of which there are none": {"assigned": lambda sizes: True},
    "no assigned size": {"assigned": lambda sizes: False},
    "an example outside of the assigned sizes": {
        "assigned": lambda sizes: sizes["conv_size"] == 2
    },
    "a boundary outside of the sizes": {"boundaries": ({"input_size": 31, "conv_size": 1},)},
    "a boundary without a size": {"boundaries": ({"input_size": 3},)},
    "an empty size": {"sizes": (CONV1D.sizes[0], Size(name="conv_size", low=9, high=8))},
    "a size twice": {"sizes": (*CONV1D.sizes, CONV1D.sizes[0])},
    "an extent that is no size": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, shape=("kernel_size",)))
    },
    "two outputs": {"tensors": (OUTPUT, INPUT, replace(KERNEL, role="output"))},
    "no output": {"tensors": (INPUT, KERNEL)},
    "an input without words": {
        "tensors": (*CONV1D.tensors, replace(KERNEL, name="bias"))
    },
    "an example of another shape": {
        "example": example(inputs={**EXAMPLE.inputs, "input": np.zeros(14, np.float32)})
    },
    "an example of another type": {
        "example": example(inputs={**EXAMPLE.inputs, "kernel": np.arange(4)})
    },
    "an example with a wrong answer": {"example": example(output=(*EXAMPLE.output[:-1], 1))},
    "an example with half an answer": {"example": example(output=EXAMPLE.output[:7])},
    "integers from high to low": {"integers": (100, -100)},
    "an output of no products": {"terms": lambda sizes: sizes["conv_size"] - 1},
}  # fmt: skip


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_wrong_puzzle_can_not_be_made(changes):
    with pytest.raises(ValueError, match="the puzzle conv1d is wrong: "):
        replace(CONV1D, **changes)


def test_the_check_is_named():
    with pytest.raises(ValueError, match="there is no check 'race-free'"):
        replace(CONV1D, **WRONG["a check that nobody makes"])


def test_every_check_that_a_puzzle_may_have_can_be_earned():
    _, scored = grade(ScriptedExecutor(right))
    assert {check.id for check in scored.checks if check.status is Status.PASSED} == set(CHECKS)


@pytest.mark.parametrize(
    "sizes",
    ["[[sizes]]\ninput_size = '1 to 30'\nconv_size = '1 to 15'", ""],
    ids=["all", "its own"],
)
def test_a_rubric_makes_a_puzzle_whose_points_can_all_be_earned(sizes):
    rubric = parse_rubric(f'puzzle = "conv1d"\n{sizes}\n'.encode(), CONV1D)
    assert ("robust" in {each.id for each in rubric.puzzle.rubric}) == (not sizes)
