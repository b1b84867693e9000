"""Two mistakes that explain all failing cases: cases are run that tell them apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grader.grading.explain.mistakes import recognised
from grader.model.part import Mistake
from grader.puzzles.conv1d import PUZZLE
from tests.grading.scripted import ScriptedLane, grade, right


def one_more(inputs, sizes, variant=0):
    return right(inputs, sizes, variant) + np.float32(1)


def alike(inputs, sizes):
    """Whether there are many elements, all of them alike."""
    return len(set(inputs["input"].tolist())) == 1 and sizes["input_size"] > 4


def one_more_of_many(inputs, sizes, variant=0):
    """As above, but where there are many elements, all of them alike."""
    return right(inputs, sizes, variant) + np.float32(2 if alike(inputs, sizes) else 1)


def nothing_of_many(inputs, sizes, variant=0):
    """As `one_more`, but no number where there are many elements, all of them alike."""
    return right(inputs, sizes, variant) + np.float32(np.nan if alike(inputs, sizes) else 1)


def too_much_of_many(inputs, sizes, variant=0):
    """As `nothing_of_many`, but infinite."""
    return right(inputs, sizes, variant) + np.float32(np.inf if alike(inputs, sizes) else 1)


PROGRAMS = {
    "one-more": one_more,
    "one-more-of-many": one_more_of_many,
    "nothing-of-many": nothing_of_many,
    "too-much-of-many": too_much_of_many,
}
PAIRS = [("one-more", each) for each in PROGRAMS if each != "one-more"]


def named(program, order):
    mistakes = tuple(
        Mistake(name=name, explanation=name, advice=name, answer=PROGRAMS[name]) for name in order
    )
    part = replace(PUZZLE.parts[0], mistakes=mistakes)
    puzzle = replace(PUZZLE, parts=(part,))
    results, _ = grade(ScriptedLane(program), puzzle=puzzle)
    tally = results.parts["conv1d"].tallies["integers"]
    known = recognised(part, tally.all_failing, passing=tally.all_passing)
    return "" if known is None else known.name


@pytest.mark.parametrize(("pair", "made"), [(pair, each) for pair in PAIRS for each in pair])
def test_the_one_that_was_made_is_named(pair, made):
    other_first = sorted(pair, key=lambda name: name == made)
    assert named(PROGRAMS[made], other_first) == made


def test_a_third_is_named_as_neither():
    def otherwise(inputs, sizes, variant):
        return right(inputs, sizes, variant) + np.float32(5 if alike(inputs, sizes) else 1)

    assert named(otherwise, PAIRS[0]) == ""
