"""The search: what is drawn ahead is what would be drawn live, and a failure is made small."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from grader.grading import plan
from grader.grading.cases import cases
from grader.grading.prober import SINGULAR, SINGULAR_IF_HEAVY
from grader.grading.search import LEAST, SHRINK_CASES, CaseOutcome, Search, Searches
from grader.model.domains import Values
from grader.puzzles import find
from grader.puzzles.conv1d import PUZZLE
from tests.grading import scripted

SHAPES = plan.draw(PUZZLE, seed="s", own_kernel=())


def search(seed=1, count=20, values=Values.INTEGERS):
    return Search(cases(SHAPES, values), seed=seed, count=count)


def run(one, judge):
    """The cases that were run, and what `judge` said of each."""
    seen = []

    def attempt(case):
        seen.append((case, judge(case)))
        return seen[-1][1]

    one.run(attempt)
    return seen


def key(case):
    return (case.shape.number, case.payload)


# Not drawn by Hypothesis: it is what is tested, and does not nest.
@pytest.mark.parametrize("values", [Values.INTEGERS, Values.REALS, Values.SPECIAL])
@pytest.mark.parametrize(("seed", "count"), [(0, 1), (1, 7), (2**32, 30), (99, 100)])
def test_cases_drawn_ahead_are_those_that_would_be_drawn_live(seed, count, values):
    live, ahead = search(seed, count, values), search(seed, count, values)
    ahead.draw()
    first = run(live, lambda _: CaseOutcome.HOLDS)
    second = run(ahead, lambda _: CaseOutcome.HOLDS)
    assert [key(case) for case, _ in first] == [key(case) for case, _ in second]
    assert 0 < len(first) <= count


def has_a_large_value(case):
    return bool((np.abs(case.inputs["input"]) > 50).any())


@pytest.mark.parametrize("ahead", [False, True])
def test_a_failure_is_made_small(ahead):
    one = search(count=50)
    if ahead:
        one.draw()
    seen = run(
        one, lambda case: CaseOutcome.FAILS if has_a_large_value(case) else CaseOutcome.HOLDS
    )
    failing = [case for case, outcome in seen if outcome is CaseOutcome.FAILS]
    smallest = min(failing, key=lambda case: case.complexity)
    assert smallest.shape.extent == 2
    assert np.abs(smallest.inputs["input"]).max() == 51
    assert len(seen) <= 50 + 50 + SHRINK_CASES


@pytest.mark.parametrize("ahead", [False, True])
def test_where_there_is_no_use_in_shrinking_the_first_failure_ends_it(ahead):
    one = search()
    if ahead:
        one.draw()
    seen = run(one, lambda _: CaseOutcome.ENOUGH)
    assert len(seen) == 1


@pytest.mark.parametrize("ahead", [False, True])
def test_a_failure_that_comes_and_goes_ends_the_search_without_an_error(ahead):
    one = search()
    if ahead:
        one.draw()
    answers = iter([CaseOutcome.FAILS, CaseOutcome.HOLDS] * 500)
    assert CaseOutcome.FAILS in [outcome for _, outcome in run(one, lambda _: next(answers))]


@pytest.mark.parametrize("ahead", [False, True])
def test_a_fault_of_the_grader_comes_out_as_it_is(ahead):
    def broken(_):
        raise OSError("the device is gone")

    one = search()
    if ahead:
        one.draw()
    with pytest.raises(OSError, match="the device is gone"):
        run(one, broken)


def test_the_command_keeps_nothing_of_hypothesis_in_the_working_directory(tmp_path):
    """It is the student's own checkout, where a course grades that."""
    # A module that counts as local, as those of an editable install do.
    shutil.copy(__file__, tmp_path / "local.py")
    program = (
        "import grader.cli as program, local\n"
        "program._command = lambda: local.search(count=30).draw()\n"
        "program.main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / ".hypothesis").exists()


def test_cases_of_large_matrices_are_drawn():
    """Each element by itself would be more than Hypothesis draws for one case."""
    puzzle = find("tensor_core_operations")
    shapes = plan.draw(puzzle, seed="s", own_kernel=())
    for values in (Values.INTEGERS, Values.REALS, Values.SPECIAL):
        seen = run(Search(cases(shapes, values), seed=1, count=10), lambda case: CaseOutcome.HOLDS)
        assert len(seen) == 10
        assert any(len(np.unique(case.inputs["A"])) > 2 for case, _ in seen)


def test_where_cases_are_slow_few_are_searched():
    kinds = (Values.INTEGERS, Values.REALS)
    assigned = [shape for shape in SHAPES if not shape.beyond]
    searches = Searches(assigned, (), kinds, seed="s", examples=200)
    usual, few = (
        sum(count for *_, count in searches.planned(0, slow=slow)) for slow in (False, True)
    )
    assert len(kinds) < few <= LEAST + len(kinds) < usual


class SlowLane(scripted.ScriptedLane):
    """Says that each case takes long, and remembers which there were."""

    def __init__(self, program=scripted.right):
        super().__init__(program)
        self.is_slow = True
        self.by_shape = Counter()

    def run(self, case, **how):
        self.by_shape[case.shape.number] += 1
        return super().run(case, **how)


def test_a_submission_that_is_slow_by_itself_is_spared_nothing_of_the_sweep():
    lane = SlowLane()
    shapes, _ = scripted.search(lane, sample=True)
    assigned = [shape for shape in shapes if not shape.beyond]
    # Integers, reals, mixed magnitudes and a pattern; and what a program could single out.
    assert min(lane.by_shape[each.number] for each in assigned) >= 4 + SINGULAR // len(shapes)


def test_large_sizes_that_take_long_have_few_cases():
    puzzle = find("tensor_core_operations")

    def product(inputs, sizes, variant):
        with np.errstate(all="ignore"):
            return (inputs["A"] @ inputs["B"]).astype(np.float32)

    lane = SlowLane(product)
    shapes, _ = scripted.search(lane, puzzle=puzzle)
    counts = sorted(lane.by_shape[each.number] for each in shapes)
    assert counts[0] < 4 + SINGULAR_IF_HEAVY // len(shapes) + LEAST
    assert sum(counts) < SINGULAR
