"""What is wrong and what to do next: the cause first, and nothing said twice."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given

from grader.device import Dim3, Finding, FindingKind, Launch, SourcePlace, Space
from grader.guidance import (
    COMPILER,
    LAUNCH_ARGUMENTS,
    LAUNCH_NUMBERS,
    STEPS,
    causes,
    deepest_hint,
    next_steps,
    sketches,
)
from grader.record import (
    Aspect,
    Attribution,
    CheckedFinding,
    Diagnostic,
    LaunchPlace,
    PlaceCounts,
    ProblemKind,
    ProgramEnd,
    Reason,
    Record,
    Status,
    Verdict,
)
from grader.report.text import render_text
from grader.sketches import FINDING_SKETCHES, RACE_SKETCHES, sketch_of
from grader.wording.cases import NAN_STEP, PROBLEM_STEPS
from grader.wording.findings import RacePattern, explain_finding
from tests.grading.scripted import right
from tests.report import hostile, records

replace = msgspec.structs.replace

LAUNCH = Launch(
    index=1,
    kernel="k",
    module=1,
    grid=(1, 1, 1),
    block=(15, 1, 1),
    shared_bytes=0,
    instructions=1,
    seconds=0.0,
    result=0,
)


@cache
def wrong_values() -> Record:
    """Wrong values that no well-known mistake explains."""
    return records.ran(lambda *case: np.abs(right(*case)))


def with_finding(record: Record, kind: FindingKind, **more: object) -> Record:
    values = {"block": (0, 0, 0), "thread": (1, 0, 0), "source_line": 69, **more}
    finding = Finding(kind=kind, message=f"saw {kind}", kernel="k", **values)  # type: ignore[arg-type]
    checked = CheckedFinding(
        finding=finding,
        attribution=Attribution.STUDENT,
        sizes={"input_size": 15, "conv_size": 4},
        explanation=f"mend {kind}",
        concerns=tuple(each.id for each in record.checks if each.status is Status.FAILED),
    )
    return replace(record, findings=(checked, *record.findings))


def with_mistake(record: Record) -> Record:
    first, *others = record.counterexamples
    first = replace(first, mistake="flipped", explanation="It is flipped.", advice="Turn it.")
    return replace(record, counterexamples=(first, *others))


def test_the_compilers_first_error_is_the_cause() -> None:
    (cause,) = causes(records.does_not_compile())
    assert (cause.key, cause.line) == (COMPILER, cause.diagnostic and cause.diagnostic.line)


@pytest.mark.parametrize("kind", [FindingKind.RACE, FindingKind.BARRIER_DIVERGENCE])
def test_a_finding_explains_wrong_values_before_any_model_of_them(kind: FindingKind) -> None:
    made = with_mistake(with_finding(wrong_values(), kind))
    (cause,) = causes(made)
    assert (cause.key, cause.line) == (kind.value, 69)
    assert next_steps(made)[0] == f"Line 69: mend {kind}"


def test_what_ends_a_launch_explains_no_wrong_values_but_is_told_as_well() -> None:
    made = with_finding(wrong_values(), FindingKind.OUT_OF_BOUNDS)
    assert [each.key for each in causes(made)] == [FindingKind.OUT_OF_BOUNDS.value]
    made = with_mistake(made)
    assert [each.key for each in causes(made)] == ["flipped"]
    assert f"Line 69: mend {FindingKind.OUT_OF_BOUNDS}" in next_steps(made)


PLACE = LaunchPlace(line=117, grid_line=121, block_line=122, given_kernel=True)


def test_what_goes_wrong_in_a_given_kernel_is_at_the_line_of_its_launch() -> None:
    made = with_finding(wrong_values(), FindingKind.RACE)
    assert [each.line for each in causes(replace(made, launched_at=(PLACE,)))] == [117]
    own = replace(PLACE, given_kernel=False)
    assert [each.line for each in causes(replace(made, launched_at=(own,)))] == [69]
    made = with_mistake(wrong_values())
    assert [each.line for each in causes(replace(made, launched_at=(PLACE,)))] == [117]
    assert [each.line for each in causes(replace(made, launched_at=(own,)))] == [None]


def test_arguments_in_each_others_place_come_before_what_they_lead_to() -> None:
    made = with_mistake(with_finding(wrong_values(), FindingKind.OUT_OF_BOUNDS))
    place = replace(PLACE, misplaced="The launch passes b where k takes a.", misplaced_line=113)
    (cause,) = causes(replace(made, launched_at=(place,)))
    assert (cause.key, cause.line) == (LAUNCH_ARGUMENTS, 113)
    assert cause.sentence.startswith(place.misplaced)
    assert next_steps(replace(made, launched_at=(place,))) == (f"Line 113: {cause.step}",)
    # In a kernel of the student's own the names may mean something else.
    (cause,) = causes(replace(made, launched_at=(replace(place, given_kernel=False),)))
    assert cause.key == "flipped"


TASK = replace(
    PLACE,
    block="2048",
    task_grid=(2, 1, 1),
    task_block=(15, 1, 1),
    task_grid_name="BLOCKS_PER_GRID",
    task_block_name="TPB",
)


def launched(grid: Dim3, block: Dim3, place: LaunchPlace = TASK) -> Record:
    """A record whose first case was launched so, with findings of what that leads to."""
    made = with_finding(wrong_values(), FindingKind.BAD_LAUNCH, source_line=None)
    first, *others = made.counterexamples
    first = replace(first, launches=(replace(LAUNCH, grid=grid, block=block),))
    return replace(made, counterexamples=(first, *others), launched_at=(place,))


@pytest.mark.parametrize(
    ("grid", "block", "line", "said"),
    [
        ((2, 1, 1), (2048, 1, 1), 122, "block_dim = 2048 asks for 2048 threads a block; the limit"),
        ((2, 1, 1), (1, 1, 1), 122, "one thread a block. The task's is TPB = 15."),
        ((2, 1, 1), (1, 15, 1), 122, "1 x 15 threads a block"),
        ((2, 1, 1), (0, 1, 1), 122, "blocks without threads"),
        ((1, 1, 1), (15, 1, 1), 121, "one block here. The task's is BLOCKS_PER_GRID = 2."),
        ((15, 1, 1), (2, 1, 1), 121, "15 blocks and block_dim for 2 threads each"),
    ],
)
def test_numbers_of_a_launch_that_are_not_the_tasks(
    grid: Dim3, block: Dim3, line: int, said: str
) -> None:
    made = launched(grid, block)
    if grid == (1, 1, 1):
        # One block of the task's has threads for 15 outputs.
        few = causes(with_outputs(made, 15))
        assert [each.key for each in few] == [FindingKind.BAD_LAUNCH.value]
        made = with_outputs(made, 16)
    (cause,) = causes(made)
    assert (cause.key, cause.line) == (LAUNCH_NUMBERS, line)
    assert said in cause.sentence
    assert len(next_steps(made)) == 1


def with_outputs(record: Record, count: int) -> Record:
    first, *others = record.counterexamples
    output = first.outputs[0]
    output = replace(output, expected=replace(output.expected, shape=(count,)))
    first = replace(first, outputs=(output,))
    return replace(record, counterexamples=(first, *others))


def test_of_another_kernel_only_what_no_device_takes_is_certain() -> None:
    own = replace(TASK, given_kernel=False)
    for block, known in (((30, 1, 1), False), ((1, 1, 1), False), ((2048, 1, 1), True)):
        (cause,) = causes(launched((2, 1, 1), block, own))
        assert (cause.key == LAUNCH_NUMBERS) is known
    (cause,) = causes(launched((2, 1, 1), (15, 1, 1)))
    assert (cause.key, cause.line) == (FindingKind.BAD_LAUNCH.value, 117)


def test_a_launch_that_never_reached_the_device_has_its_numbers_from_the_file() -> None:
    made = wrong_values()
    first, *others = made.counterexamples
    made = replace(made, counterexamples=(replace(first, launches=()), *others))
    place = replace(TASK, block="0", block_value=(0, 1, 1))
    (cause,) = causes(replace(made, launched_at=(place,)))
    assert (cause.key, cause.line) == (LAUNCH_NUMBERS, 122)
    assert causes(replace(made, launched_at=(replace(place, block_value=None),))) == ()


@pytest.mark.parametrize("launched", [True, False])
def test_where_nothing_was_launched_that_is_the_cause(launched: bool) -> None:
    made = with_mistake(wrong_values())
    first, *others = made.counterexamples
    first = replace(first, launches=(LAUNCH,) if launched else ())
    none = tuple(replace(each, launches=()) for each in others)
    checks = tuple(
        replace(each, status=Status.NOT_CHECKED, reason=Reason.NO_KERNEL)
        if each.aspect is Aspect.CLEAN
        else each
        for each in made.checks
    )
    made = replace(made, checks=checks, counterexamples=(first, *none))
    (cause,) = causes(made)
    assert cause.key == ("flipped" if launched else Reason.NO_KERNEL.value)


def test_a_problem_that_all_failed_checks_have_is_the_cause() -> None:
    made = wrong_values()
    assert causes(made) == ()
    changed = tuple(replace(e, kind=ProblemKind.INPUT_CHANGED) for e in made.counterexamples)
    checks = tuple(
        replace(each, reason=None, data={}, sentence="an input was changed: a", hint="copy it")
        if each.status is Status.FAILED
        else each
        for each in made.checks
    )
    made = replace(made, counterexamples=changed, checks=checks)
    (cause,) = causes(made)
    assert cause.key == ProblemKind.INPUT_CHANGED.value
    assert cause.sentence == "An input was changed: a."
    assert cause.step == PROBLEM_STEPS[ProblemKind.INPUT_CHANGED]
    wrong = replace(checks[0], reason=Reason.PROBLEM, data={"kind": "wrong-values"})
    some = tuple(replace(wrong, status=Status.FAILED) if c is checks[0] else c for c in checks)
    assert causes(replace(made, checks=some)) == ()


def test_a_model_explains_what_a_read_of_unwritten_memory_only_shows() -> None:
    made = with_finding(wrong_values(), FindingKind.UNINITIALISED_READ)
    assert [each.key for each in causes(made)] == [FindingKind.UNINITIALISED_READ.value]
    (cause,) = causes(with_mistake(made))
    assert (cause.key, cause.sentence, cause.step) == ("flipped", "It is flipped.", "Turn it.")


def test_a_mistake_is_at_its_line_where_that_is_known_and_the_kernel_is_their_own() -> None:
    made = with_mistake(wrong_values())
    first, *others = made.counterexamples
    made = replace(made, counterexamples=(replace(first, mistake_line=74), *others))
    assert [each.line for each in causes(made)] == [74]
    assert [each.line for each in causes(replace(made, launched_at=(PLACE,)))] == [117]


def test_what_a_mistake_makes_a_thread_read_is_no_step_of_its_own() -> None:
    made = with_finding(wrong_values(), FindingKind.UNINITIALISED_READ)
    mend = f"Line 69: mend {FindingKind.UNINITIALISED_READ}"
    assert mend in next_steps(made)
    assert mend not in next_steps(with_mistake(made))


def test_a_host_that_answers_is_the_cause_before_what_its_kernel_does() -> None:
    made = with_finding(wrong_values(), FindingKind.RACE)
    first, *others = made.counterexamples
    helped = replace(first, kind=ProblemKind.HOST_HELPS)
    (cause,) = causes(replace(made, counterexamples=(*others, helped)))
    assert (cause.key, cause.finding) == (ProblemKind.HOST_HELPS.value, None)


def of_first(record: Record, **more: object) -> Record:
    """The record with its first failed check's case changed, and no explanation of any."""
    failed = next(each for each in record.checks if each.status is Status.FAILED)
    checks = tuple(replace(e, hint="in general") if e is failed else e for e in record.checks)
    examples = tuple(
        replace(each, explanation="", **(more if each.check == failed.id else {}))
        for each in record.counterexamples
    )
    return replace(record, checks=checks, counterexamples=examples)


def test_what_a_case_shows_goes_before_what_is_said_of_any() -> None:
    made = wrong_values()
    assert next_steps(of_first(made)) == ("in general",)
    changed = next_steps(of_first(made, kind=ProblemKind.NOT_REPRODUCIBLE))
    assert changed == (PROBLEM_STEPS[ProblemKind.NOT_REPRODUCIBLE],)
    example = next(each for each in of_first(made).counterexamples if each.shown[0].mismatches)
    output = example.shown[0]
    nan = replace(output, mismatches=(replace(output.mismatches[0], got="nan"),))
    assert next_steps(of_first(made, outputs=(nan,)))[0] == NAN_STEP


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ((0, 0, 2, 2), "places 2 to 3 of the block"),
        ((3, 0, 0, 0), "place 0 of the block"),
        ((1, 0, 0, 1), "in general"),
        ((1, 1, 1, 1), "in general"),
    ],
)
def test_the_block_is_named_only_where_wrong_outputs_lie_at_its_places(
    wrong: tuple[int, ...], said: str
) -> None:
    made = replace(of_first(wrong_values()), places=(PlaceCounts(tried=(4, 4, 4, 4), wrong=wrong),))
    assert said in next_steps(made)[0]


def test_where_the_cause_is_known_no_general_hint_follows() -> None:
    made = wrong_values()
    made = replace(
        made, checks=tuple(replace(each, hint=f"hint {each.id}") for each in made.checks)
    )
    unknown = replace(
        made, counterexamples=tuple(replace(e, explanation="") for e in made.counterexamples)
    )
    failed = next(each for each in made.checks if each.status is Status.FAILED)
    assert next_steps(unknown) == (f"hint {failed.id}",)
    assert not any("hint" in step for step in next_steps(with_mistake(made)))


def test_where_a_run_gave_no_output_nobody_is_sent_to_look_at_values() -> None:
    made = records.ran(records.crash)
    made = replace(
        made,
        checks=tuple(replace(each, hint=f"hint {each.id}") for each in made.checks),
        counterexamples=tuple(
            replace(each, explanation="", finding=None, error="no room")
            for each in made.counterexamples
        ),
    )
    (cause,) = causes(made)
    assert 'said "no room".' in cause.sentence
    assert next_steps(made) == (cause.step,)


def test_the_hint_of_extra_credit_is_for_the_given_kernel_and_beside_all_points_only() -> None:
    made = records.passed()
    checks = tuple(
        replace(each, hint="write zeros", reason=Reason.GIVEN_KERNEL, status=Status.NOT_CHECKED)
        if each.extra
        else each
        for each in made.checks
    )
    made = replace(made, checks=checks)
    assert next_steps(made) == ("All points are yours. For extra credit: write zeros",)
    other = tuple(replace(e, reason=Reason.NO_CASE) if e.extra else e for e in checks)
    assert next_steps(replace(made, checks=other)) == ()
    failed = tuple(replace(e, status=Status.FAILED) if e.id == "clean" else e for e in checks)
    assert "extra credit" not in " ".join(next_steps(replace(made, checks=failed)))


@pytest.mark.parametrize("name", sorted(records.ALL))
def test_a_screen_says_no_sentence_twice(name: str) -> None:
    text = " ".join(render_text(records.ALL[name](), width=120).split())
    said = [each.strip() for each in text.replace("? ", ". ").split(". ") if len(each) > 40]
    assert len(said) == len(set(said))


@given(hostile.records())
def test_any_record_has_causes_and_steps(made: Record) -> None:
    assert len(next_steps(made)) <= STEPS
    for cause in causes(made):
        assert cause.line is None or cause.line == cause.line + 0


class TestSteps:
    """Hints come one after the other."""

    @staticmethod
    def made() -> Record:
        record = with_mistake(wrong_values())
        first, *others = record.counterexamples
        first = replace(first, sketch="a[i + j] * b[j]\n  # nothing is flipped")
        record = replace(record, counterexamples=(first, *others))
        return replace(record, advice=next_steps(record))

    def test_the_first_tells_what_is_wrong_and_no_more(self) -> None:
        text = render_text(self.made(), hints=1)
        assert "It is flipped." in text
        assert "Turn it." not in text
        assert "a[i + j]" not in text

    def test_the_second_adds_what_to_think_about(self) -> None:
        text = render_text(self.made(), hints=2)
        assert "- Turn it." in text
        assert "a[i + j]" not in text

    def test_the_third_shows_the_shape_as_it_was_written(self) -> None:
        lines = render_text(self.made(), hints=3).split("\n")
        at = lines.index("The shape of the answer")
        assert lines[at + 1 : at + 3] == ["  a[i + j] * b[j]", "    # nothing is flipped"]

    def test_what_a_message_of_the_compiler_means_is_never_held_back(self) -> None:
        made = records.does_not_compile()
        assert next_steps(made, 1) == next_steps(made)
        assert next_steps(made, 1)
        assert deepest_hint(made) == 1

    def test_a_record_knows_how_far_its_hints_go(self) -> None:
        made = self.made()
        assert deepest_hint(made) == 3
        assert deepest_hint(with_mistake(wrong_values())) == 2
        assert deepest_hint(records.passed()) == 1
        assert deepest_hint(records.nothing_filled_in()) == 1

    def test_a_finding_has_its_line_above_the_shape(self) -> None:
        made = with_finding(wrong_values(), FindingKind.RACE)
        first, *others = made.findings
        made = replace(made, findings=(replace(first, sketch="barrier()"), *others))
        assert sketches(made) == ((69, "barrier()"),)
        assert "The shape of the answer, line 69\n  barrier()" in render_text(made, hints=3)


class TestSketches:
    """The shape of an answer, for what the device found."""

    def test_every_kind_was_thought_of(self) -> None:
        assert set(FINDING_SKETCHES) == set(FindingKind)
        assert set(RACE_SKETCHES) == set(RacePattern)

    def test_each_fits_a_terminal(self) -> None:
        for text in (*FINDING_SKETCHES.values(), *RACE_SKETCHES.values()):
            assert all(len(line) <= 76 for line in text.splitlines())

    @staticmethod
    def race(**more: object) -> str:
        values = {
            "block": (0, 0, 0),
            "other_block": (0, 0, 0),
            "space": Space.SHARED,
            "access": "read",
            "other_access": "write",
            **more,
        }
        return sketch_of(
            Finding(kind=FindingKind.RACE, message="", kernel="k", **values)  # type: ignore[arg-type]
        )

    def test_only_threads_of_one_block_are_sent_to_a_barrier(self) -> None:
        assert "barrier()" in self.race()
        other = {"other_block": (1, 0, 0)}
        assert self.race(**other, space=Space.GLOBAL) == ""
        assert "cluster_sync()" in self.race(**other)
        assert " barrier()" not in self.race(**other)

    def test_two_threads_that_meet_in_global_memory_may_have_a_wrong_index(self) -> None:
        assert self.race(space=Space.GLOBAL) == ""

    def test_two_writers_need_no_barrier(self) -> None:
        assert "barrier()" not in self.race(access="write")

    def test_memory_of_the_host_that_nothing_filled_has_no_shape(self) -> None:
        def read(space: Space) -> str:
            kind = FindingKind.UNINITIALISED_READ
            return sketch_of(Finding(kind=kind, message="", kernel="k", space=space))

        assert "barrier()" in read(Space.SHARED)
        assert read(Space.GLOBAL) == ""


@pytest.mark.parametrize("line", [42, None])
def test_a_race_beside_a_barrier_that_some_skip_is_told_of_that_barrier(line: int | None) -> None:
    made = with_finding(wrong_values(), FindingKind.RACE)
    made = with_finding(made, FindingKind.EXITED_BEFORE_BARRIER, source_line=line)
    (cause,) = causes(made)
    assert cause.key == FindingKind.RACE.value
    assert ("barrier() in line 42" in cause.step) == (line == 42)


class TestRaces:
    """What a race means depends on who takes part in it."""

    @staticmethod
    def race(**more: object) -> str:
        values = {"block": (0, 0, 0), "other_block": (0, 0, 0), "access": "read", **more}
        return explain_finding(
            Finding(kind=FindingKind.RACE, message="", kernel="k", **values)  # type: ignore[arg-type]
        )

    def test_threads_of_one_block_need_a_barrier(self) -> None:
        assert "Put barrier()" in self.race(other_access="write")

    def test_blocks_are_never_sent_to_a_barrier(self) -> None:
        told = self.race(other_block=(1, 0, 0), other_access="write")
        assert "Put barrier()" not in told
        assert "launch of its own" in told

    def test_blocks_of_a_cluster_need_its_barrier(self) -> None:
        told = self.race(other_block=(1, 0, 0), other_access="write", space=Space.SHARED)
        assert "cluster_sync" in told
        assert "launch of its own" not in told

    def test_blocks_that_write_one_element_from_one_place_are_told_of_the_index(self) -> None:
        place = (SourcePlace("", 38, 15),)
        writes = {"access": "write", "other_access": "write", "other_block": (1, 0, 0)}
        assert "tell the blocks apart" in self.race(**writes, source=place, other_source=place)
        elsewhere = (SourcePlace("", 40, 15),)
        told = self.race(**writes, source=place, other_source=elsewhere)
        assert "tell the blocks apart" not in told

    def test_two_writes_are_told_as_such(self) -> None:
        told = self.race(access="write", other_access="write")
        assert "Put barrier()" not in told
        assert "one thread write" in told

    def test_a_read_and_a_write_back_of_one_place(self) -> None:
        place = (SourcePlace("", 38, 15),)
        told = self.race(other_access="write", source=place, other_source=place)
        assert "writes it back" in told
        elsewhere = (SourcePlace("", 38, 20),)
        assert "Put barrier()" in self.race(
            other_access="write", source=place, other_source=elsewhere
        )


@pytest.mark.parametrize("space", [Space.SHARED, Space.GLOBAL])
def test_of_a_cell_in_shared_memory_that_nothing_wrote_the_store_is_looked_for(
    space: Space,
) -> None:
    finding = Finding(
        kind=FindingKind.UNINITIALISED_READ, message="", kernel="k", space=space, access="read"
    )
    assert ("should have stored it" in explain_finding(finding)) == (space is Space.SHARED)


def test_what_another_finding_leads_to_is_no_step_of_its_own() -> None:
    made = with_finding(wrong_values(), FindingKind.UNINITIALISED_READ)
    made = with_finding(made, FindingKind.BARRIER_DIVERGENCE, source_line=60)
    assert next_steps(made)[0] == f"Line 60: mend {FindingKind.BARRIER_DIVERGENCE}"
    assert not any(FindingKind.UNINITIALISED_READ in step for step in next_steps(made))


def test_a_part_that_is_as_it_was_given_is_the_next_step_where_others_are_not() -> None:
    made = records.nothing_filled_in()
    parts = tuple(replace(made.puzzle.parts[0], name=name, title=f"the {name}") for name in "ab")
    first, *_ = made.checks
    checks = tuple(
        replace(first, id=name, part=name, reason=Reason.NOTHING_FILLED_IN) for name in "ab"
    )
    made = replace(made, puzzle=replace(made.puzzle, parts=parts), checks=checks)
    assert not any("the a" in step or "the b" in step for step in next_steps(made))
    done = replace(first, id="a", part="a", status=Status.PASSED, reason=None)
    (step,) = next_steps(replace(made, checks=(done, checks[1])))
    assert step.startswith("Go on with the b:")


@pytest.mark.parametrize(
    ("end", "key", "line"),
    [
        (ProgramEnd.NOT_BUILT, COMPILER, 83),
        (ProgramEnd.NO_LAUNCH, ProgramEnd.NO_LAUNCH.value, None),
    ],
)
def test_where_only_the_program_fails_that_is_the_cause(
    end: ProgramEnd, key: str, line: int | None
) -> None:
    made = records.program_ran()
    refused = Diagnostic(
        severity="error", message="no name", stage="program", line=83, advice="name it"
    )
    failing = {"status": Status.FAILED, "reason": Reason.PROGRAM, "data": {"end": end.value}}
    checks = tuple(
        replace(each, **failing, sentence="Mojo said no", hint="look at main")
        if each.aspect is Aspect.PROGRAM
        else each
        for each in made.checks
    )
    made = replace(
        made, verdict=Verdict.FAIL, checks=checks, diagnostics=(refused,), counterexamples=()
    )
    (cause,) = causes(made)
    assert (cause.key, cause.line) == (key, line)
    assert next_steps(made) == (f"Line 83: {cause.step}" if line else "look at main",)
    wrong = replace(checks[1], status=Status.FAILED, reason=None, data={})
    checks = (checks[0], wrong, *checks[2:])
    assert key not in [each.key for each in causes(replace(made, checks=checks))]
