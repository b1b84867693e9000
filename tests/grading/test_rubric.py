"""A rubric file changes what counts, never what is right; and every case can be told by number."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.caselog import LoggedCase, pack, unpack
from grader.errors import RecordError
from grader.grading import plan
from grader.grading.given_code import Code
from grader.grading.state import StepsDone
from grader.grading.verdict import headline, score
from grader.lanes.graph import graph_plan
from grader.marks import needed_points
from grader.puzzles.conv1d import PART, PUZZLE
from grader.record import CaseLog, Status, Verdict, Visibility
from grader.rubric import parse_rubric
from tests.grading import scripted


def rubric(text):
    return parse_rubric(f'puzzle = "conv1d"\n{text}'.encode(), PUZZLE)


def negative_zero(inputs, sizes, variant):
    """Right for what is not negative, hence for the example; wrong for other integers."""
    return np.abs(scripted.right(inputs, sizes, variant))


def right_where_assigned(inputs, sizes, variant):
    """Loses the extra credit and nothing else."""
    answer = scripted.right(inputs, sizes, variant)
    return answer if PART.assigned(sizes) else answer + 1


def steps(program=scripted.right, **options):
    results, _ = scripted.grade(scripted.ScriptedLane(program), **options)
    return StepsDone(packages=True, compiles=True, results=results)


def graded(text, program=scripted.right):
    made = rubric(text)
    got = steps(program)
    scored = score(made.puzzle, got, made)
    return scored, headline(PUZZLE, scored, got).sentence


def hint(name):
    """What the puzzle advises where a check failed."""
    return next(item.check.next_step for item in PUZZLE.rubric if item.id == name)


class TestPoints:
    def test_max_score_is_the_sum_of_the_points(self):
        scored, _ = graded("[checks.integers]\npoints = 100\n")
        assert (scored.score, scored.max_score) == (175, 175)
        assert scored.verdict is Verdict.PASS

    def test_a_check_without_points_is_shown_and_costs_nothing(self):
        scored, told = graded(
            "[checks.integers]\npoints = 0\n[checks.reals]\npoints = 0\n", negative_zero
        )
        integers = next(check for check in scored.checks if check.id == "integers")
        assert integers.status is Status.FAILED
        assert integers.hint == hint("integers")
        assert scored.verdict is Verdict.PASS
        assert told.startswith("Enough to pass, but not all is right.")

    def test_a_check_that_is_left_out_does_not_make_wrong_values_right(self):
        scored, told = graded(
            "[checks.integers]\nenabled = false\n[checks.reals]\nenabled = false\n", negative_zero
        )
        assert scored.verdict is Verdict.PASS
        assert told == "Every check that gives points has passed."

    def test_from_the_pass_mark_on_it_passes(self):
        assert graded("pass_mark = 60\n", negative_zero)[0].verdict is Verdict.PASS
        assert graded("pass_mark = 61\n", negative_zero)[0].verdict is Verdict.FAIL

    def test_extra_credit_is_on_top_of_all_points_whatever_the_pass_mark(self):
        scored, _ = graded("pass_mark = 10\n[checks.robust]\npoints = 7\n")
        assert (scored.extra_score, scored.extra_max) == (7, 7)
        scored, _ = graded("pass_mark = 10\n[checks.robust]\npoints = 7\n", negative_zero)
        assert scored.extra_score == 0

    def test_a_check_can_become_extra_credit_and_extra_credit_a_check(self):
        scored, _ = graded("[checks.clean]\nextra = true\n[checks.robust]\nextra = false\n")
        assert (scored.max_score, scored.extra_max) == (105, 5)

    def test_visibility_goes_into_the_checks(self):
        scored, _ = graded('[checks.reals]\nvisibility = "hidden"\n')
        shown = {check.id: check.visibility for check in scored.checks}
        assert shown["reals"] is shown["robust"] is Visibility.HIDDEN
        assert shown["integers"] is Visibility.VISIBLE

    @pytest.mark.parametrize(
        ("mark", "possible", "out", "needed"),
        [(None, 90, 10, 90), (100, 90, 10, 90), (60, 90, 10, 50), (5, 90, 10, 1), (0, 90, 10, 0)],
    )
    def test_what_a_device_can_not_show_costs_nobody_the_verdict(self, mark, possible, out, needed):
        assert needed_points(mark, possible, out) == needed

    def test_the_worker_learns_nothing_of_it(self):
        """The same shapes make the same plan, whatever the rubric says."""
        made = rubric('title = "x"\n[checks.reals]\nvisibility = "hidden"\npoints = 77\n')
        plans = []
        for puzzle in (PUZZLE, made.puzzle):
            shapes = plan.draw(puzzle, seed="s", own_kernel={"conv1d"})
            plans.append(graph_plan(shapes, graphs="one", package="p", compiled="c", load=False))
        assert plans[0] == plans[1]


class TestSizes:
    def test_wider_sizes_are_graded_as_assigned(self):
        """Right for the task's own sizes only: not enough for a course that asks for more."""

        def own_sizes_only(inputs, sizes, variant):
            answer = scripted.right(inputs, sizes, variant)
            return answer if PART.assigned(sizes) else answer + np.float32(1)

        made = rubric('[[sizes]]\ninput_size = "9 to 22"\n')
        from grader.grading.prober import Prober

        prober = Prober(
            made.puzzle,
            plan.draw(made.puzzle, seed="s", own_kernel={"conv1d"}),
            scripted.ScriptedLane(own_sizes_only),
            seed="s",
            examples=200,
            codes={"conv1d": Code.NOTHING},
            progress=lambda done, total: None,
        )
        got = StepsDone(packages=True, compiles=True, results=prober.run())
        statuses = {check.id: check.status for check in score(made.puzzle, got, made).checks}
        assert statuses["example"] is Status.PASSED
        assert statuses["integers"] is Status.FAILED


class TestCases:
    def test_every_case_is_logged_in_order_and_the_example_is_the_first_and_the_last(self):
        log = steps().results.log
        assert len(log) >= 200
        assert log[0].values == log[-1].values == "example"
        plain = [each for each in log if not each.schedule]
        groups = [list(group) for _, group in groupby(plain[1:-1], key=lambda case: case.sizes)]
        # The example's shape has its reference already.
        for swept in [group for group in groups if group[0].sizes != log[0].sizes][:5]:
            integers, reference, reals, *_, mixed, _pattern = (case.values for case in swept)
            assert (integers, reference, reals, mixed) == ("integers", "reals", "reals", "reals")
        assert not any(each.failed for each in log)

    def test_the_failing_case_of_a_check_has_its_number_and_its_inputs(self):
        results = steps(negative_zero).results
        observation, _ = results.tally("integers").worst
        logged = results.log[observation.number - 1]
        assert logged.inputs == observation.case.payload
        assert logged.sizes == dict(observation.case.shape.sizes)
        assert logged.failed == ("integers",)

    def test_a_crash_has_a_number_too(self):
        def crash(inputs, sizes, variant):
            raise scripted.Crash

        results = steps(crash).results
        for check in ("integers", "reals"):
            observation, _ = results.tally(check).worst
            assert not results.log[observation.number - 1].output

    def test_the_log_is_small_and_comes_back_as_it_was(self):
        log = steps().results.log
        packed = pack(log)
        assert unpack(packed) == tuple(log)
        assert len(packed.packed) < 40_000

    def test_a_large_log_keeps_the_inputs_of_the_cases_that_failed(self):
        passed = LoggedCase(
            part="",
            sizes={},
            values="reals",
            variant=0,
            failed=(),
            output=True,
            inputs=b"x" * 600_000,
        )
        failed = LoggedCase(
            part="",
            sizes={},
            values="reals",
            variant=0,
            failed=("r",),
            output=True,
            inputs=b"y" * 600_000,
        )
        kept = unpack(pack([passed, passed, failed]))
        assert [each.inputs is not None for each in kept] == [True, False, True]

    @given(st.binary(max_size=40), st.integers(0, 3))
    def test_a_damaged_log_is_a_clear_error(self, data, count):
        with pytest.raises(RecordError):
            unpack(CaseLog(count=count, packed=data))

    def test_a_log_that_unpacks_to_very_much_is_refused(self):
        import zlib

        bomb = zlib.compress(b"\0" * 40_000_000, 9)
        with pytest.raises(RecordError, match="damaged"):
            unpack(CaseLog(count=1, packed=bomb))
