"""What the search finds and what it is worth, with scripted programs in place of MAX."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from grader.device import Finding, FindingKind, Space, Touch, Writer
from grader.grading import prober
from grader.grading.prober import PLAIN
from grader.grading.state import StepsDone
from grader.grading.verdict import headline, score
from grader.model.domains import Values
from grader.model.part import Scope
from grader.puzzles.conv1d import PART, PUZZLE
from grader.puzzles.conv1d.mistakes import TPB
from grader.record import Status, Verdict
from grader.rubric import parse_rubric
from tests.grading.scripted import Crash, ScriptedLane, grade, right


def statuses(scored):
    return {check.id: check.status.value for check in scored.checks}


def failed(scored):
    return {check.id for check in scored.checks if check.status is Status.FAILED}


def finding(kind, space=Space.SHARED):
    return Finding(kind=kind, message="m", kernel="conv1d_kernel", space=space, ptx_line=7)


@pytest.mark.parametrize("edition", ["26.5", *PART.given.needs_zeros])
def test_a_right_program_gets_everything_in_each_edition(edition):
    _, scored = grade(ScriptedLane(), examples=40, edition=edition)
    assert (scored.verdict, scored.score) == (Verdict.PASS, 100)


def test_a_right_program_gets_everything():
    executor = ScriptedLane()
    results, scored = grade(executor)
    assert (scored.verdict, scored.score, scored.extra_score) == (Verdict.PASS, 100, 10)
    assert executor.cases_run >= 200
    assert all(cases > 0 for cases, _ in results.by_shape.values())
    assert len(results.by_shape) >= 12


@pytest.mark.parametrize("sample", [False, True])
def test_about_as_many_cases_run_as_were_asked_for(sample):
    for examples in (80, 200, 500):
        executor = ScriptedLane()
        results, _ = grade(executor, examples=examples, sample=sample)
        # Each size is tried in any case, and half of the cases are left for the search.
        most = max(examples, 7 * len(results.by_shape) + examples // 2) + 20
        # Other orders of blocks and threads are beyond what was asked for.
        plain = sum(not case.schedule for case in results.log)
        assert examples <= plain <= most
        assert plain <= executor.cases_run <= plain + 100


def test_asking_for_few_cases_costs_nobody_a_point():
    _, scored = grade(ScriptedLane(), examples=1)
    assert (scored.verdict, scored.score) == (Verdict.PASS, 100)


def zeros(inputs, sizes, variant):
    return np.zeros(sizes["input_size"], np.float32)


def copy(inputs, sizes, variant):
    return np.array(inputs["input"])


def constant(inputs, sizes, variant):
    return np.full(sizes["input_size"], 3, np.float32)


def half(inputs, sizes, variant):
    with np.errstate(over="ignore"):
        return right(inputs, sizes, variant).astype(np.float16).astype(np.float32)


def off_by_one(inputs, sizes, variant):
    return np.roll(right(inputs, sizes, variant), 1)


def first_block(inputs, sizes, variant):
    answer = right(inputs, sizes, variant)
    answer[TPB:] = 0
    return answer


def flipped(inputs, sizes, variant):
    return right({**inputs, "kernel": inputs["kernel"][::-1]}, sizes, variant)


def example_only(inputs, sizes, variant):
    published = PART.example
    if sizes == dict(published.sizes):
        return np.array(published.outputs["output"], np.float32)
    return np.zeros(sizes["input_size"], np.float32)


def nan(inputs, sizes, variant):
    return np.full(sizes["input_size"], np.nan, np.float32)


def late_error(inputs, sizes, variant):
    """Right but for one element of the largest shape."""
    answer = right(inputs, sizes, variant)
    if len(answer) == 30 and sizes["conv_size"] == 15:
        answer[29] += 1
    return answer


@pytest.mark.parametrize(
    "impostor",
    [zeros, copy, constant, half, off_by_one, first_block, flipped, example_only, nan, late_error],
)
def test_impostors_fail(impostor):
    _, scored = grade(ScriptedLane(impostor))
    assert scored.verdict is Verdict.FAIL
    assert failed(scored) & {"integers", "reals"}
    assert scored.score < 100
    assert scored.extra_score == 0


def test_rounding_to_half_precision_fails_reals():
    _, scored = grade(ScriptedLane(half))
    assert "reals" in failed(scored)


@pytest.mark.parametrize("seed", ["s0", "s2"])
def test_taps_taken_by_fours_are_tried_with_several_fours_and_no_rest(seed):
    """Each four begins at input[i]: right where there is one four, or any rest."""

    def by_fours(inputs, sizes, variant):
        taps = sizes["conv_size"]
        if taps % 4:
            return right(inputs, sizes, variant)
        answer = np.zeros(sizes["input_size"], np.float32)
        with np.errstate(all="ignore"):
            for i in range(sizes["input_size"]):
                for j in range(min(taps, sizes["input_size"] - i)):
                    answer[i] += inputs["input"][i + j % 4] * inputs["kernel"][j]
        return answer

    _, scored = grade(ScriptedLane(by_fours), seed=seed)
    assert "integers" in failed(scored)


WRONG_SIZES = {
    "one of 15 elements": lambda n, m: (n, m) == (15, 9),
    "one of 30 elements": lambda n, m: (n, m) == (30, 7),
    "one with one tap": lambda n, m: (n, m) == (22, 1),
    "half of those with 30 elements": lambda n, m: n == 30 and m % 2,
    "other half": lambda n, m: n == 30 and 3 <= m < 14 and not m % 2 and m != 8,
    "a range between boundaries": lambda n, m: n == 30 and 9 <= m <= 13,
    "two, one for each number of elements": lambda n, m: (n, m) in {(15, 6), (30, 12)},
    "primes with one tap": lambda n, m: m == 1 and n in {7, 11, 13, 17, 19, 23},
}


@pytest.mark.parametrize("wrong", WRONG_SIZES.values(), ids=WRONG_SIZES)
@pytest.mark.parametrize("kernel_unchanged", [False, True])
def test_a_mistake_at_some_sizes_alone_is_found(wrong, kernel_unchanged):
    def first_element_lost(inputs, sizes, variant):
        answer = right(inputs, sizes, variant)
        if wrong(sizes["input_size"], sizes["conv_size"]):
            answer[0] = np.float32(0.0) if np.isfinite(answer[0]) else answer[0]
        return answer

    executor = ScriptedLane(first_element_lost)
    _, scored = grade(executor, kernel_unchanged=kernel_unchanged, sample=False)
    assert failed(scored) >= {"integers", "reals"}


@pytest.mark.parametrize(
    ("kernel_unchanged", "sample", "told"),
    [
        (True, True, "Tried at 13 of 58 sizes of the task."),
        (True, False, "Tried at all 58 sizes of the task."),
        (False, False, "Tried at all 58 sizes of the task, and at 6 of 392 sizes beyond it."),
    ],
)
def test_the_headline_says_at_how_many_sizes_it_was_tried(kernel_unchanged, sample, told):
    results, scored = grade(
        ScriptedLane(), kernel_unchanged=kernel_unchanged, sample=sample, examples=1
    )
    steps = StepsDone(packages=True, compiles=True, results=results)
    assert headline(PUZZLE, scored, steps).sentence == f"Right. {told}"
    (integers,) = (check for check in scored.checks if check.id == "integers")
    assert integers.sentence.split("at ")[1] in told


def test_a_hard_coded_example_gets_its_points_and_no_more():
    _, scored = grade(ScriptedLane(example_only))
    assert statuses(scored)["example"] == "passed"
    assert failed(scored) >= {"integers", "reals"}


def test_a_program_that_behaves_for_its_first_calls_only_is_caught_late():
    calls = []

    def lazy(inputs, sizes, variant):
        calls.append(sizes)
        return right(inputs, sizes, variant) if len(calls) < 9 else zeros(inputs, sizes, variant)

    _, scored = grade(ScriptedLane(lazy))
    assert failed(scored) >= {"example", "integers"}


@pytest.mark.parametrize("right_calls", [1, 9, 30])
@pytest.mark.parametrize(("instead", "gave"), [(zeros, "zeros"), (constant, "other values")])
def test_what_is_right_in_the_first_call_and_wrong_in_the_last_is_told_so(
    right_calls, instead, gave
):
    calls = []

    def lazy(inputs, sizes, variant):
        calls.append(sizes)
        return (right if len(calls) <= right_calls else instead)(inputs, sizes, variant)

    results, scored = grade(ScriptedLane(lazy))
    (example,) = (check for check in scored.checks if check.id == "example")
    assert (
        f"the first call with these inputs was right, the last one gave {gave}" in example.sentence
    )
    told = headline(
        PUZZLE, scored, StepsDone(packages=True, compiles=True, results=results)
    ).sentence
    assert told == "It runs, but the published example is not right each time."


def test_what_is_wrong_from_the_first_call_on_is_wrong():
    _, scored = grade(ScriptedLane(zeros))
    (example,) = (check for check in scored.checks if check.id == "example")
    assert "elements are wrong" in example.sentence


def test_the_counterexample_is_small():
    def wrong_above(inputs, sizes, variant):
        answer = right(inputs, sizes, variant)
        return np.where(answer > 40, answer + 1, answer).astype(np.float32)

    results, _ = grade(ScriptedLane(wrong_above))
    case = results.parts["conv1d"].tallies["integers"].worst[0].case
    assert case.shape.extent <= 3
    assert np.count_nonzero(case.inputs["input"]) == 1


def test_an_answer_that_depends_on_unwritten_memory_is_caught():
    def lucky(inputs, sizes, variant):
        answer = right(inputs, sizes, variant)
        with np.errstate(over="ignore"):
            return answer if variant % 2 == 0 else answer * np.float32(1 + 2**-22)

    _, scored = grade(ScriptedLane(lucky))
    assert scored.verdict is Verdict.FAIL
    assert "clean" in failed(scored)


def test_a_changed_input_is_not_clean():
    _, scored = grade(ScriptedLane(spoil=True))
    assert failed(scored) >= {"clean"}
    assert scored.score == 95


@pytest.mark.parametrize("writer", [Writer.HOST_COPY, Writer.MEMSET, Writer.DEVICE_COPY])
def test_an_answer_that_no_kernel_wrote_is_not_computed_on_the_device(writer):
    _, scored = grade(ScriptedLane(writer=writer))
    assert "device" in failed(scored)
    assert scored.verdict is Verdict.FAIL


def test_an_answer_that_the_host_worked_out_is_not_computed_on_the_device():
    """A kernel writes it, but only what the host handed over: in other inputs it is not right."""
    _, scored = grade(ScriptedLane(by_host=True))
    assert failed(scored) == {"device", "robust"}
    (device,) = (check for check in scored.checks if check.id == "device")
    assert "help of the host" in device.sentence


class HelpsWith(ScriptedLane):
    """A kernel that is wrong for some numbers; for these the host hands the answer over."""

    def __init__(self, helps):
        super().__init__()
        self.helps = helps

    def differs(self, one, other):
        return "in what it copies" if self.helps(one) or self.helps(other) else ""

    def alone(self, seen, inputs, sizes):
        if self.helps(seen):
            return self.program(seen, sizes, 0)
        return np.zeros(sizes["input_size"], np.float32) if self.helps(inputs) else None


def has_fractions(inputs):
    return any((array != np.rint(array)).any() for array in inputs.values())


def has_special_values(inputs):
    return any(not np.isfinite(array).all() for array in inputs.values())


def has_zeros(inputs):
    return any(not array.all() for array in inputs.values())


def is_published(inputs):
    return np.array_equal(inputs["input"], PART.example.inputs["input"])


@pytest.mark.parametrize("seed", ["one", "two", "three"])
@pytest.mark.parametrize("helps", [has_fractions, has_special_values, has_zeros, is_published])
def test_a_host_that_helps_in_one_way_or_another_is_seen(helps, seed):
    _, scored = grade(HelpsWith(helps), seed=seed)
    assert "device" in failed(scored)
    assert scored.verdict is Verdict.FAIL


class CanNotBeTold(ScriptedLane):
    """Cases of which it can't be told what the host did."""

    def __init__(self, when):
        super().__init__()
        self.when = when

    def compare(self, one, other):
        why = "one call makes too many copies" if self.when(other.case) else ""
        return msgspec.structs.replace(super().compare(one, other), why=why)


@pytest.mark.parametrize(
    ("when", "checks"),
    [
        (lambda case: True, {"device", "robust"}),
        (lambda case: case.shape.sizes == dict(PART.example.sizes), {"device"}),
        (lambda case: case.shape.scope is Scope.ROBUST, {"robust"}),
        (lambda case: case.values is Values.REALS, {"device", "robust"}),
    ],
    ids=["all", "one shape", "robust", "reals"],
)
def test_what_can_not_be_told_of_the_host_is_not_checked_and_not_held_against_anybody(when, checks):
    _, scored = grade(CanNotBeTold(when))
    assert failed(scored) == set()
    unknown = {
        check.id: check.sentence for check in scored.checks if "can't be told" in check.sentence
    }
    assert unknown.keys() == checks
    assert all("too many copies" in reason for reason in unknown.values())
    assert statuses(scored)["integers"] == "passed"


class OnStreams(ScriptedLane):
    """What the device says of work on several streams, in cases of the assigned part."""

    def __init__(self, **evidence):
        super().__init__()
        self.evidence = evidence

    def run(self, case, **options):
        run = super().run(case, **options)
        if case.shape.scope is Scope.ROBUST:
            return run
        return replace(run, evidence=msgspec.structs.replace(run.evidence, **self.evidence))


UNTOLD = "which work on different streams waits for which can't be told: too much is under way"


def test_streams_whose_order_is_not_known_leave_clean_unchecked():
    _, scored = grade(OnStreams(unchecked=(UNTOLD,)))
    assert failed(scored) == set()
    assert {
        check.id: check.sentence for check in scored.checks if check.status is Status.NOT_CHECKED
    } == {"clean": UNTOLD}
    assert scored.verdict is Verdict.FAIL


def test_a_race_between_streams_costs_clean_and_the_values_stand():
    race = Finding(kind=FindingKind.STREAM_RACE, message="a memset and a kernel", kernel="k")
    results, scored = grade(OnStreams(driver_findings=(race,)))
    assert failed(scored) == {"clean"}
    assert statuses(scored)["integers"] == statuses(scored)["device"] == "passed"
    assert results.tally("clean").worst[1].detail == race.message


def test_a_kernel_that_is_wrong_for_some_inputs_was_not_helped():
    """Without the host it is wrong for the same inputs as with it."""

    def no_large_ones(inputs, sizes, variant):
        answer = right(inputs, sizes, variant)
        large = max(float(np.abs(array).max()) for array in inputs.values()) > 60
        return answer + np.float32(large)

    _, scored = grade(ScriptedLane(no_large_ones))
    assert {"integers", "reals"} <= failed(scored)
    assert "device" not in failed(scored)


@pytest.mark.parametrize(
    "kind", [FindingKind.RACE, FindingKind.OUT_OF_BOUNDS, FindingKind.BARRIER_DIVERGENCE]
)
def test_right_values_with_a_fault_are_not_clean(kind):
    _, scored = grade(ScriptedLane(findings=lambda sizes: [finding(kind)]))
    assert failed(scored) == {"clean", "robust"}
    assert scored.score == 95


@pytest.mark.parametrize("kind", [FindingKind.SAME_VALUE_RACE, FindingKind.EXITED_BEFORE_BARRIER])
def test_what_a_manual_allows_costs_nothing_unless_the_course_is_strict(kind):
    def lane():
        return ScriptedLane(findings=lambda sizes: [finding(kind)])

    _, scored = grade(lane())
    assert (failed(scored), scored.verdict) == (set(), Verdict.PASS)
    strict = parse_rubric(b'puzzle = "conv1d"\n[checks.clean]\nstrict = true\n', PUZZLE).puzzle
    _, scored = grade(lane(), puzzle=strict)
    assert failed(scored) == {"clean"}


def test_the_given_kernels_defect_costs_nothing():
    def defect(sizes):
        return unwritten(PART.given_reads(sizes))

    results, scored = grade(ScriptedLane(findings=defect), kernel_unchanged=True)
    assert (scored.verdict, scored.score) == (Verdict.PASS, 100)
    assert statuses(scored)["robust"] == "not-checked"
    (observation,) = results.findings.values()
    assert [whose.value for _, whose in observation.findings] == ["skeleton"]


def unwritten(elements):
    """A finding of reads of these elements, which nothing wrote."""
    touched = tuple(
        Touch(block=(block, 0, 0), thread=(thread, 0, 0), cell=cell, cells=cells)
        for cells, block, thread, cell in sorted(elements)
    )
    found = msgspec.structs.replace(
        finding(FindingKind.UNINITIALISED_READ),
        access="read",
        count=len(touched),
        touched=touched,
    )
    return [found] if touched else []


def test_what_a_given_kernel_reads_by_a_wrong_launch_is_the_students():
    """Reads that the given kernel makes at other sizes only."""

    def defect(sizes):
        return unwritten({(cells, block, thread, cell + 1)
                          for cells, block, thread, cell in PART.given_reads(sizes)})  # fmt: skip

    results, _ = grade(ScriptedLane(findings=defect), kernel_unchanged=True)
    (observation,) = results.findings.values()
    assert [whose.value for _, whose in observation.findings] == ["student"]


def test_a_given_kernel_launched_wrongly_is_the_students_doing():
    """The kernel is unchanged, but the launch makes it reach out of bounds."""
    results, scored = grade(
        ScriptedLane(findings=lambda sizes: [finding(FindingKind.OUT_OF_BOUNDS)]),
        kernel_unchanged=True,
    )
    assert "clean" in failed(scored)
    assert [w.value for _, w in next(iter(results.findings.values())).findings] == ["student"]


def test_crashes_are_few_because_each_costs_a_new_worker():
    def crash(inputs, sizes, variant):
        raise Crash

    executor = ScriptedLane(crash)
    _, scored = grade(executor)
    assert executor.crashes <= 8
    assert failed(scored) >= {"example", "integers", "reals"}
    assert statuses(scored)["clean"] == statuses(scored)["device"] == "not-checked"
    assert scored.score == 25


def test_a_crash_on_one_shape_leaves_partial_credit():
    def crash_at_30(inputs, sizes, variant):
        if sizes["input_size"] == 30:
            raise Crash
        return right(inputs, sizes, variant)

    _, scored = grade(ScriptedLane(crash_at_30))
    assert statuses(scored)["example"] == "passed"
    assert failed(scored) >= {"integers", "reals"}


def test_the_search_follows_from_the_seed():
    def record_of(seed):
        seen = []

        def watch(inputs, sizes, variant):
            seen.append((tuple(sizes.values()), inputs["input"].tobytes()))
            return right(inputs, sizes, variant)

        grade(ScriptedLane(watch), seed=seed)
        return seen

    assert record_of("a") == record_of("a")
    assert record_of("a") != record_of("b")


def test_on_a_gpu_what_can_not_be_seen_is_not_checked_and_costs_nothing():
    results, _ = grade(ScriptedLane())
    results.parts["conv1d"].observed = False
    scored = score(PUZZLE, StepsDone(packages=True, compiles=True, results=results))
    assert statuses(scored)["device"] == "not-checked"
    assert statuses(scored)["clean"] == "not-checked"
    assert (scored.verdict, scored.score, scored.max_score) == (Verdict.PASS, 85, 85)


@pytest.mark.parametrize(
    ("steps", "points"),
    [
        (StepsDone(nothing_filled_in=True), 0),
        (StepsDone(failure={"end": "said", "said": "line 3: x"}), 0),
        (StepsDone(packages=True, failure={"end": "said", "said": "no kernel registered"}), 10),
    ],
)
def test_what_lies_behind_a_failure_is_not_checked(steps, points):
    scored = score(PUZZLE, steps)
    assert (scored.score, scored.verdict) == (points, Verdict.FAIL)
    assert len(failed(scored)) <= 1
    assert headline(PUZZLE, scored, steps).sentence


def late_term_lost(inputs, sizes, variant):
    """The last tap is left out, where there is more than one."""
    taps = inputs["kernel"].copy()
    taps[1:][-1:] = 0
    return right({**inputs, "kernel": taps}, sizes, variant)


@pytest.mark.parametrize("program", [zeros, copy, late_term_lost])
def test_the_smallest_input_holds_few_small_numbers_and_not_zeros_alone(program):
    results, _ = grade(ScriptedLane(program))
    observation, _ = results.parts["conv1d"].tallies["integers"].worst
    arrays = list(observation.case.inputs.values())
    assert all(array.any() for array in arrays)
    assert sum(map(np.count_nonzero, arrays)) <= 4
    assert all(np.abs(array).max() <= 2 for array in arrays)


def test_zeros_are_the_smallest_input_where_nothing_else_fails():
    def program(inputs, sizes, variant):
        answer = right(inputs, sizes, variant)
        return answer if inputs["input"].any() else answer + np.float32(1)

    results, _ = grade(ScriptedLane(program))
    observation, _ = results.parts["conv1d"].tallies["integers"].worst
    assert not observation.case.inputs["input"].any()


@pytest.mark.parametrize("program", [right, off_by_one])
def test_plain_cases_cost_little(program, monkeypatch):
    cases = []
    for most in (0, PLAIN):
        monkeypatch.setattr(prober, "PLAIN", most)
        executor = ScriptedLane(program)
        grade(executor)
        cases.append(executor.cases_run)
    assert 0 <= cases[1] - cases[0] <= (0 if program is right else PLAIN)
