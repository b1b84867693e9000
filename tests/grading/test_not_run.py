"""Cases that were not run say nothing, and after one that does not end, little time is spent."""

from __future__ import annotations

import numpy as np
import pytest

from grader.errors import ToolchainFault
from grader.grading import plan
from grader.grading.cases import drawn
from grader.grading.given_code import Code
from grader.grading.prober import Prober
from grader.grading.state import StepsDone
from grader.grading.verdict import headline, score
from grader.lanes import worker
from grader.lanes.lane import CASE_SECONDS, SHORT
from grader.lanes.worker import MAX_REPLACEMENTS
from grader.model.domains import Values
from grader.model.part import Scope
from grader.puzzles.conv1d import PART, PUZZLE
from grader.record import Ending, NotRun, Reason, Shortfall, Status, Verdict
from grader.wording.checks import reason_sentence
from grader.wording.verdicts import shortfall_sentence
from tests.grading.scripted import right
from tests.grading.timed import Dies, Endless, Hangs, Program, Timed, module

EXAMPLE = dict(PART.example.sizes)
NO_OUTPUT = reason_sentence(Reason.NO_OUTPUT, {})


@pytest.fixture
def grade(monkeypatch):
    """Grades a made-up program: the executor, the results and the rubric."""

    def grade(program):
        shapes = plan.draw(PUZZLE, seed="seed", own_kernel={"conv1d"})
        with Timed(program, shapes) as executor:
            monkeypatch.setattr(worker, "time", module(executor))
            results = Prober(
                PUZZLE,
                shapes,
                executor,
                seed="seed",
                examples=200,
                codes={"conv1d": Code.NOTHING},
                progress=lambda done, total: None,
            ).run()
        steps = StepsDone(packages=True, compiles=True, results=results)
        scored = score(PUZZLE, steps)
        return executor, results, scored, headline(PUZZLE, scored, steps).sentence

    return grade


def by_status(scored, status):
    return {check.id for check in scored.checks if check.status is status}


def reason(scored, name):
    return next(check.sentence for check in scored.checks if check.id == name)


def where(happens, what):
    """Right answers, but for the cases at which something happens."""

    def answer(inputs, sizes, call):
        if happens(inputs, sizes, call):
            raise what
        return right(inputs, sizes, 0)

    return answer


def everywhere(inputs, sizes, call):
    return True


def at_one_size(inputs, sizes, call):
    return (sizes["input_size"], sizes["conv_size"]) == (15, 9)


def at_the_example(inputs, sizes, call):
    return sizes == EXAMPLE


def at_fractions_of_one_size(inputs, sizes, call):
    whole = all((array == np.rint(array)).all() for array in inputs.values())
    return at_one_size(inputs, sizes, call) and not whole


def beyond_the_task(inputs, sizes, call):
    return PART.scope(sizes) is Scope.ROBUST


def after_a_while(inputs, sizes, call):
    return call > 90


# What was not run is not checked.


def slow_from(first, answer=None):
    """Host code that takes seconds from some call on."""
    return Program(answer, host=lambda call: 5.0 if call > first else 0.0)


@pytest.mark.parametrize("call", [1, 60, 150, 250])
def test_where_the_time_is_used_up_the_rest_is_not_checked(grade, call):
    _, results, scored, told = grade(slow_from(call))
    assert by_status(scored, Status.FAILED) == set()
    assert reason(scored, "example").startswith("tried")
    assert {"reals", "clean", "device"} <= by_status(scored, Status.NOT_CHECKED)
    assert "took all the time" in reason(scored, "reals")
    assert (scored.verdict, told) == (Verdict.FAIL, shortfall_sentence(Shortfall.UNCHECKED))
    assert not any(each.failed for each in results.log)


def test_what_was_seen_before_the_time_was_used_up_stands(grade):
    _, _, scored, told = grade(
        slow_from(
            1,
            lambda inputs, sizes, call: right(inputs, sizes, 0) + np.float32(sizes != EXAMPLE),
        )
    )
    assert by_status(scored, Status.FAILED) == {"integers", "reals"}
    assert "wrong" in reason(scored, "integers")
    assert reason(scored, "example").startswith("tried")
    assert told == "The published example is right, but other cases are wrong."


@pytest.mark.parametrize("what", [Endless, Hangs], ids=["kernel", "host"])
@pytest.mark.parametrize(
    ("happens", "failed", "passed", "says"),
    [
        (everywhere, {"example"}, set(), "no run of it gave an output"),
        (at_the_example, {"example"}, set(), "the published example has no output"),
        (at_one_size, {"integers"}, {"example"}, "other cases have no output"),
        (at_fractions_of_one_size, {"reals"}, {"example", "integers"}, "real numbers are not"),
        (after_a_while, set(), {"example"}, "Not right yet."),
    ],
)
def test_a_case_that_does_not_end_fails_its_own_check(grade, what, happens, failed, passed, says):
    _, _, scored, told = grade(Program(where(happens, what)))
    assert says in told
    assert failed <= by_status(scored, Status.FAILED) != set()
    values = {"example", "integers", "reals"}
    assert by_status(scored, Status.PASSED) & values == passed
    assert reason(scored, "device") == reason(scored, "clean") == NO_OUTPUT or not passed
    assert scored.verdict is Verdict.FAIL


@pytest.mark.parametrize("what", [Endless, Hangs, Dies], ids=["kernel", "host", "process"])
def test_what_ends_badly_beyond_the_task_costs_nothing_of_it(grade, what):
    _, _, scored, _ = grade(Program(where(beyond_the_task, what)))
    assert (scored.verdict, scored.score, scored.extra_score) == (Verdict.PASS, 100, 0)
    assert "no output" in reason(scored, "robust")


# How long it takes.


@pytest.mark.parametrize(
    ("what", "most"),
    # The compile, the first case, two short tries, and two workers; half a second for the rest.
    [
        (Endless, 20 + 11 * (1 + 2 * SHORT) + 4.5),
        (Hangs, 20 + CASE_SECONDS * (1 + 2 * SHORT) + 4.5),
    ],
    ids=["kernel", "host"],
)
@pytest.mark.parametrize("happens", [everywhere, at_one_size, at_the_example, after_a_while])
def test_one_case_has_the_whole_time_and_two_others_a_short_try(grade, what, most, happens):
    executor, _, _, _ = grade(Program(where(happens, what)))
    assert executor.clock.now <= most
    assert executor.replacements <= 2


@pytest.mark.parametrize("what", [Endless, Hangs, Dies], ids=["kernel", "host", "process"])
def test_where_one_size_has_no_output_all_others_are_tried(grade, what):
    _, results, _, _ = grade(Program(where(at_one_size, what)))
    assert results.parts["conv1d"].tried.assigned == results.parts["conv1d"].tried.of
    failures = [counts for counts in results.by_shape.values() if counts[1]]
    assert len(failures) == 1


def test_a_crash_is_tried_once_more_for_each_check_and_no_more(grade):
    executor, _, scored, _ = grade(Program(where(everywhere, Dies)))
    assert by_status(scored, Status.FAILED) == {"example", "integers", "reals"}
    assert executor.replacements <= 3


@pytest.mark.parametrize("needs", [0.15, 0.5, 0.9])
def test_a_short_try_that_is_too_short_is_no_failure(grade, needs):
    """Its kernel ends within the limits that a case has, but not within those of a short try."""
    program = Program(
        where(at_the_example, Endless),
        kernel=lambda sizes, schedule: needs if sizes["input_size"] == 15 else 0.0001,
    )
    _, results, scored, _ = grade(program)
    assert by_status(scored, Status.FAILED) == {"example"}
    assert "short try" in reason(scored, "integers")
    assert len(results.findings.values()) == 1


def test_a_short_try_is_far_longer_than_the_cases_that_ended(grade):
    program = Program(where(at_one_size, Endless), kernel=lambda sizes, schedule: 0.1)
    executor, results, _, _ = grade(program)
    assert {round(share, 6) for share in executor.shares} == {1, round(20 * 1.1 / CASE_SECONDS, 6)}
    assert results.parts["conv1d"].tried.assigned == results.parts["conv1d"].tried.of


def test_what_has_too_little_time_in_another_order_is_no_race(grade):
    """Its threads wait for each other, say, which takes longer in some orders than in others."""
    program = Program(
        where(at_the_example, Endless), kernel=lambda sizes, schedule: 0.5 if schedule else 0.0001
    )
    _, results, _, _ = grade(program)
    assert results.tally("clean").worst is None
    assert results.tally("clean").not_run is NotRun.CUT
    assert not any(case.schedule for case in results.log)


# By the executor alone.


def cases(shapes, count):
    random = np.random.default_rng(1)
    return [drawn(shapes[0], Values.INTEGERS, random) for _ in range(count)]


def runs(program, count, **options):
    shapes = plan.draw(PUZZLE, seed="seed", own_kernel={"conv1d"})
    with Timed(program, shapes, **options) as executor:
        return [executor.run(case) for case in cases(shapes, count)], executor


def test_a_process_that_ends_each_time_is_replaced_so_often_and_no_more():
    ended, executor = runs(Program(where(everywhere, Dies)), MAX_REPLACEMENTS + 3)
    assert [run.ending for run in ended[: MAX_REPLACEMENTS + 1]] == [Ending.DIED] * 13
    assert {run.not_run for run in ended[MAX_REPLACEMENTS + 1 :]} == {NotRun.PROCESS}
    assert executor.cases_run == MAX_REPLACEMENTS + 1


@pytest.mark.parametrize("control", [None, lambda case: True], ids=["none", "reference loads"])
def test_graphs_that_can_not_be_loaded_again_leave_cases_unrun(control):
    program = Program(where(everywhere, Dies), loads=[True, False, False])
    (first, second, third), _ = runs(program, 3, control=control)
    assert first.ending is Ending.DIED
    assert second.not_run is third.not_run is NotRun.LOADING


def test_graphs_that_fail_to_load_by_chance_are_loaded_once_more():
    program = Program(where(everywhere, Dies), loads=[True, False, True])
    (first, second), executor = runs(program, 2)
    assert first.ending is second.ending is Ending.DIED
    assert executor.replacements == 1


def test_graphs_that_no_program_can_load_again_here_are_a_fault_of_the_machine():
    program = Program(where(everywhere, Dies), loads=[True, False, False])
    with pytest.raises(ToolchainFault, match="could not load again what was compiled"):
        runs(program, 2, control=lambda case: False)
