"""What a program's cases would show, for a program that is a function of NumPy: without a device.

Of each assigned size of a plan there are a few cases, counted as the search counts them.
"""

from __future__ import annotations

import numpy as np

from grader.grading import plan, seeds
from grader.grading.cases import drawn, patterned, singular
from grader.grading.explain.mistakes import recognised
from grader.grading.inputs import Pattern
from grader.grading.observe import compare
from grader.model.cases import CaseRun, Observation, Problem
from grader.model.checks import Tally
from grader.model.domains import Values
from grader.model.part import Scope
from grader.puzzles import find
from grader.record import Aspect, Ending, ProblemKind

_PROBLEM = Problem(kind=ProblemKind.WRONG_VALUES, aspect=Aspect.VALUES)


def part_of(puzzle, name=""):
    """A part of a puzzle by its name, or its only one."""
    (part,) = (each for each in find(puzzle).parts if not name or each.name == name)
    return part


def shapes_of(part, seed="seed"):
    """The assigned shapes of a plan as a program of the book has it: a sample."""
    puzzle = next(each for each in map(find, _names()) if part in each.parts)
    drawn = plan.draw(puzzle, seed=seed, own_kernel={part.name}, tries=plan.Tries.SAMPLE)
    return [each for each in drawn if each.part is part and each.scope is Scope.ASSIGNED]


def _names():
    from grader.puzzles import NAMES

    return NAMES


def cases_of(part, seed="seed"):
    """Cases as a sweep has them."""
    random = seeds.generator(seed, "cases")
    for shape in shapes_of(part, seed):
        yield drawn(shape, Values.INTEGERS, random)
        yield drawn(shape, Values.REALS, random)
        for number in range(4):
            yield singular(shape, number, random, (Values.INTEGERS, Values.REALS))
        yield patterned(shape, Pattern.MIXED, Values.REALS, random)


def tally_of(part, program, seed="seed"):
    """What the cases of a program come to; it is given the right answer, inputs and sizes."""
    tally = Tally()
    (output,) = part.outputs
    for case in cases_of(part, seed):
        sizes = case.shape.sizes
        with np.errstate(all="ignore"):
            right = part.expected(case.inputs, sizes)[output.name].value
            made = np.asarray(program(right.astype(output.numpy), case.inputs, sizes))
            made = made.astype(output.numpy).reshape(output.extents(sizes))
        seen = Observation(
            run=CaseRun(case=case, ending=Ending.OUTPUT, outputs=(made,)),
            comparisons=compare(case, (made,)),
            problems=(),
        )
        tally.count(seen, None if seen.right else _PROBLEM)
    return tally


def named(part, program, seed="seed"):
    """The mistake that a program is recognised as."""
    tally = tally_of(part, program, seed)
    return recognised(part, tally.all_failing, passing=tally.all_passing)
