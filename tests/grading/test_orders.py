"""A case with its blocks and threads in other orders: what depends on that is a race."""

from __future__ import annotations

import numpy as np
import pytest

from grader.caselog import LoggedCase
from grader.device import Finding, FindingKind, schedules
from grader.grading import orders
from grader.grading.cases import drawn
from grader.grading.given_code import Code
from grader.grading.observe import observe
from grader.model.cases import CaseRun, PlannedShape
from grader.model.domains import Values
from grader.puzzles import find
from grader.puzzles.layernorm_linear.bound import backward
from grader.record import Ending, ProblemKind
from grader.report.replay import render_list, render_replayed
from grader.wording.cases import PROBLEM_TITLES
from tests.audience.test_copy import graded
from tests.grading import scripted
from tests.grading.test_replay import replayed

TITLE = PROBLEM_TITLES[ProblemKind.ORDER_DECIDES]
RACE = Finding(kind=FindingKind.RACE, message="thread 1 read what thread 0 wrote", kernel="k")


def check_of(rubric, name):
    return next(check for check in rubric.checks if check.id == name)


def last_is_wrong(answer, schedule):
    """The last element is another one when the blocks are in reverse."""
    return np.append(answer[:-1], np.float32(77)) if schedule == schedules.REVERSED else answer


def random_is_wrong(answer, schedule):
    return answer + np.float32(schedule >= schedules.FIRST_RANDOM)


def hangs(answer, schedule):
    if schedule == schedules.IN_TURN:
        raise scripted.Crash
    return answer


@pytest.mark.parametrize("ordered", [last_is_wrong, random_is_wrong, hangs])
def test_what_depends_on_the_order_is_a_race_and_told_with_both_orders(ordered):
    results, rubric = scripted.grade(scripted.ScriptedLane(ordered=ordered))
    clean = check_of(rubric, "clean")
    assert clean.status == "failed"
    assert TITLE in clean.sentence
    assert schedules.in_words(schedules.PLAIN) in clean.sentence
    logged = next(case for case in results.log if case.schedule and case.failed)
    assert schedules.in_words(logged.schedule) in clean.sentence
    # The plain order is right, so the values are.
    assert all(check_of(rubric, name).status == "passed" for name in ("integers", "reals"))


@pytest.mark.parametrize("call", [3, 4])
def test_what_happens_in_one_call_is_not_called_an_order(call):
    calls = []

    def once(answer, schedule):
        calls.append(schedule)
        return answer + np.float32(calls.count(schedule) == 1 and len(calls) >= call and schedule)

    _, rubric = scripted.grade(scripted.ScriptedLane(ordered=once))
    clean = check_of(rubric, "clean")
    assert clean.status == "failed"
    assert "not reproducible" in clean.sentence
    assert TITLE not in clean.sentence


def test_a_finding_of_one_order_alone_is_a_race():
    executor = scripted.ScriptedLane()
    executor.findings = lambda sizes: (RACE,) * (executor.schedule == schedules.REVERSED)
    results, rubric = scripted.grade(executor)
    clean = check_of(rubric, "clean")
    assert clean.status == "failed"
    assert RACE.message in clean.sentence
    assert schedules.in_words(schedules.REVERSED) in clean.sentence
    assert [o.findings[0][0] for o in results.findings.values()] == [RACE]


def test_a_right_program_is_tried_in_several_orders_and_the_same_again():
    one, rubric = scripted.grade(scripted.ScriptedLane())
    two, _ = scripted.grade(scripted.ScriptedLane())
    assert check_of(rubric, "clean").status == "passed"
    tried = [case.schedule for case in one.log]
    assert tried == [case.schedule for case in two.log]
    shapes = {tuple(case.sizes.items()) for case in one.log if case.schedule}
    assert {schedules.REVERSED, schedules.IN_TURN} < set(tried)
    assert max(tried) >= schedules.FIRST_RANDOM
    assert tried.count(schedules.PLAIN) > len(tried) / 2
    assert len(shapes) >= 14


@pytest.mark.parametrize("finding", [RACE])
def test_what_is_not_clean_anyway_is_not_run_in_other_orders(finding):
    results, _ = scripted.grade(scripted.ScriptedLane(findings=lambda sizes: (finding,)))
    assert not any(case.schedule for case in results.log)


def test_a_case_of_another_order_is_run_again_in_that_order():
    def make():
        return scripted.ScriptedLane(ordered=last_is_wrong)

    record = graded("", make())
    number = next(each.case for each in record.counterexamples if each.check == "clean")
    found = replayed(record, number, make())
    assert [problem.title for problem in found.problems] == [TITLE]
    text = render_replayed(found)
    assert schedules.in_words(schedules.REVERSED) in text
    assert "77" in text


def test_the_list_of_cases_shows_the_order():
    case = LoggedCase(
        part="",
        sizes={"n": 3},
        values="integers",
        variant=0,
        failed=(),
        output=True,
        inputs=b"",
        schedule=2,
    )
    assert "order 2" in render_list([case])


GRADIENTS = find("layernorm_linear").parts[2]
SIZES = {"batch_size": 2, "seq_len": 2, "hidden_dim": 3, "output_dim": 2}


def rounded(change):
    """A case of whole numbers whose gradients are right, but for what is done to the last one."""
    random = np.random.default_rng(1)
    shape = PlannedShape(number=0, part=GRADIENTS, sizes=SIZES, origin="boundary")
    case = drawn(shape, Values.INTEGERS, random)
    right = backward(case.inputs)
    outputs = [right[spec.name].astype(np.float32) for spec in GRADIENTS.outputs]
    outputs[-1] = change(outputs[-1])
    run = CaseRun(
        case=case,
        ending=Ending.OUTPUT,
        outputs=tuple(outputs),
        inputs_after=tuple(case.inputs[spec.name] for spec in GRADIENTS.inputs),
    )
    return observe(run, code=Code.NOTHING)


def test_where_every_order_rounds_a_sum_differences_within_the_bound_are_none():
    plain = rounded(lambda sums: sums)
    assert plain.right
    other = rounded(lambda sums: np.nextafter(sums, np.float32(np.inf)))
    assert plain.run.bits != other.run.bits
    assert orders.compared(plain, other, schedules.REVERSED).problems == ()
    (told,) = orders.compared(plain, rounded(lambda sums: sums + 1), schedules.REVERSED).problems
    assert told.kind is ProblemKind.ORDER_DECIDES
