"""A puzzle is checked when it is made: nobody is graded by one that contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grader.checks import Clean, Example, Integers, Packages, Reals, Robust
from grader.model.domains import Between, Bits, Flags, Indices, Sorted
from grader.model.part import Op, Size, WorkedExample
from grader.model.puzzle import Puzzle, RubricItem
from grader.puzzles.conv1d import PART, PUZZLE
from grader.record import Status
from grader.rubric import parse_rubric
from tests.grading.scripted import ScriptedLane, grade, right

assert PART.example is not None
EXAMPLE = PART.example
OUTPUT, INPUT, KERNEL = PART.tensors


def item(check: object, points: int = 5) -> RubricItem:
    return RubricItem(check=check, points=points)  # type: ignore[arg-type]


def example(**changes: object) -> WorkedExample:
    return replace(EXAMPLE, **changes)  # type: ignore[arg-type]


def output(*numbers: float) -> dict[str, tuple[float, ...]]:
    return {"output": numbers}


RIGHT = EXAMPLE.outputs["output"]
PUZZLES = {
    "a check of a part that is not there": {"rubric": (*PUZZLE.rubric, item(Clean(part="other")))},
    "a check twice": {"rubric": (*PUZZLE.rubric, item(Clean()))},
    "points for a check that is not made": {"rubric": (*PUZZLE.rubric, item(Clean(part="conv1d")))},
    "points below zero": {"rubric": (*PUZZLE.rubric[1:], item(Packages(), -10))},
    "no points": {"rubric": (item(Packages(), 0),)},
    "no rubric": {"rubric": ()},
    "nothing says whether it compiles": {"checks": (Packages(), *PUZZLE.checks[2:])},
    "no check of values": {"checks": (*PUZZLE.checks[:2], *PUZZLE.checks[5:])},
    "no check of values but the example's": {"checks": (*PUZZLE.checks[:3], *PUZZLE.checks[5:])},
    "no part": {"parts": ()},
    "a part twice": {"parts": (PART, PART)},
    "two parts, and checks that name none": {"parts": (PART, replace(PART, name="other"))},
}
PARTS = {
    "sizes beyond the assigned ones, of which there are none": {"assigned": lambda sizes: True},
    "no assigned size": {"assigned": lambda sizes: False},
    "an example outside of the assigned sizes": {
        "assigned": lambda sizes: sizes["conv_size"] == 2
    },
    "no example for a check of it": {"example": None},
    "an example that can't be shown": {"words": None},
    "nothing that is sure to be tried": {"example": None, "boundaries": ()},
    "a boundary outside of the sizes": {"boundaries": ({"input_size": 31, "conv_size": 1},)},
    "a boundary without a size": {"boundaries": ({"input_size": 3},)},
    "an empty size": {"sizes": (PART.sizes[0], Size(name="conv_size", low=9, high=8))},
    "a size twice": {"sizes": (*PART.sizes, PART.sizes[0])},
    "an extent that is no size": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, shape=("kernel_size",)))
    },
    "an op with an extent that is an expression": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, shape=(lambda sizes: sizes["conv_size"],)))
    },
    "a parameter that is no size": {
        "code": Op(name="conv1d", parameters={"input_size": "kernel_size"})
    },
    "a device that is none": {"code": Op(name="conv1d", target="tpu")},  # type: ignore[arg-type]
    "two outputs, of which one is expected": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, role="output"))
    },
    "no output": {"tensors": (INPUT, KERNEL)},
    "no input": {"tensors": (OUTPUT,)},
    "factors of several types": {"tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="float16"))},
    "flags as factors": {
        "tensors": (OUTPUT, replace(INPUT, dtype="bool"), replace(KERNEL, dtype="bool"))
    },
    "a range without a number": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="int32", domain=Between(0.1, 0.3)))
    },
    "an input without words": {
        "tensors": (*PART.tensors, replace(KERNEL, name="bias"))
    },
    "a type that is none of numbers": {"tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="text"))},
    "a range from high to low": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, domain=Between(3, 1)))
    },
    "a range that the type does not hold": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="uint8", domain=Between(0, 300)))
    },
    "indices of reals": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, domain=Indices(below="input_size")))
    },
    "indices below what is no size": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="int32", domain=Indices(below="vocab")))
    },
    "flags of reals": {"tensors": (OUTPUT, INPUT, replace(KERNEL, domain=Flags()))},
    "a sorted number": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, shape=(), domain=Sorted(Bits())))
    },
    "an example of another shape": {
        "example": example(inputs={**EXAMPLE.inputs, "input": np.zeros(14, np.float32)})
    },
    "an example of another type": {
        "example": example(inputs={**EXAMPLE.inputs, "kernel": np.arange(4)})
    },
    "an example with a wrong answer": {"example": example(outputs=output(*RIGHT[:-1], 1))},
    "an example with half an answer": {"example": example(outputs=output(*RIGHT[:7]))},
    "an example with the answer of another output": {"example": example(outputs={"sum": RIGHT})},
    "integers from high to low": {"integers": (100, -100)},
    "an output of no products": {"terms": lambda sizes: sizes["conv_size"] - 1},
    "an output of more products than its type counts": {"terms": lambda sizes: 2**25},
}  # fmt: skip


@pytest.mark.parametrize("changes", PUZZLES.values(), ids=PUZZLES)
def test_a_wrong_puzzle_can_not_be_made(changes):
    changes = {"checks": PUZZLE.checks, **changes}
    with pytest.raises(ValueError, match="the puzzle conv1d is wrong: "):
        replace(PUZZLE, **changes)


@pytest.mark.parametrize("changes", PARTS.values(), ids=PARTS)
def test_a_puzzle_with_a_wrong_part_can_not_be_made(changes):
    with pytest.raises(ValueError, match="the puzzle conv1d is wrong: "):
        replace(PUZZLE, parts=(replace(PART, **changes),))


@pytest.mark.parametrize(
    ("puzzle", "part", "named"),
    [
        ("a check twice", None, "the check clean is there twice"),
        ("a check of a part that is not there", None, "other-clean"),
        (None, "an extent that is no size", "kernel_size"),
        (None, "indices below what is no size", "vocab"),
        (None, "a device that is none", "'tpu'"),
    ],
)
def test_what_is_wrong_is_named(puzzle, part, named):
    changes = PUZZLES[puzzle] if puzzle else {"parts": (replace(PART, **PARTS[part]),)}
    with pytest.raises(ValueError, match=named):
        replace(PUZZLE, **{"checks": PUZZLE.checks, **changes})


def test_a_puzzle_with_two_parts_says_which_one_a_sentence_is_about():
    other = replace(PART, name="other", code=Op(name="conv1d", target="tpu"))
    checks = (*PUZZLE.checks[:2], *(replace(c, part="conv1d") for c in PUZZLE.checks[2:]))
    rubric = tuple(RubricItem(check=check, points=10) for check in checks)
    with pytest.raises(ValueError, match="in the part other, target"):
        Puzzle(name="two", title="Two", parts=(PART, other), rubric=rubric)


def test_every_usual_check_can_be_earned():
    _, scored = grade(ScriptedLane(right))
    passed = {check.id for check in scored.checks if check.status is Status.PASSED}
    assert passed == {check.id for check in PUZZLE.checks}
    assert {Example, Integers, Reals, Clean, Robust} <= {type(check) for check in PUZZLE.checks}


@pytest.mark.parametrize(
    "sizes",
    ["[[sizes]]\ninput_size = '1 to 30'\nconv_size = '1 to 15'", ""],
    ids=["all", "its own"],
)
def test_a_rubric_makes_a_puzzle_whose_points_can_all_be_earned(sizes):
    rubric = parse_rubric(f'puzzle = "conv1d"\n{sizes}\n'.encode(), PUZZLE)
    assert ("robust" in {each.id for each in rubric.puzzle.rubric}) == (not sizes)
