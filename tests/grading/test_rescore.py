"""A record that is scored again is the one that grading would have made with the other rubric."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.audience import for_audience
from grader.device import Finding, FindingKind, Writer
from grader.grading import plan
from grader.grading.rescore import judged, score_again
from grader.grading.state import StepsDone
from grader.puzzles.conv1d import PART, PUZZLE
from grader.record import Diagnostic, Verdict, decode, encode
from grader.rubric import parse_rubric
from tests.grading import scripted
from tests.grading.scripted import Crash, ScriptedLane, right

NAMES = tuple(item.id for item in PUZZLE.rubric)
DUE = "2026-12-01T23:59:00+01:00"


def read(text):
    return parse_rubric(f'puzzle = "conv1d"\n{text}'.encode(), PUZZLE)


# ---- programs, each wrong in a way of its own ----


def off_by_one(inputs, sizes, variant):
    return right(inputs, sizes, variant) + np.float32(1)


def wrong_beyond_the_example(inputs, sizes, variant):
    return np.abs(right(inputs, sizes, variant))


def wrong_on_reals(inputs, sizes, variant):
    whole = all((array == array.round()).all() for array in inputs.values())
    answer = right(inputs, sizes, variant)
    return answer if whole else answer + np.float32(1)


def wrong_beyond_the_task(inputs, sizes, variant):
    answer = right(inputs, sizes, variant)
    return answer if PART.assigned(sizes) else answer + np.float32(1)


def not_reproducible(inputs, sizes, variant):
    return right(inputs, sizes, variant) + np.float32(variant % 2)


def crash(inputs, sizes, variant):
    raise Crash


def crash_on_large(inputs, sizes, variant):
    if sizes["input_size"] > 8 and sizes != dict(PART.example.sizes):
        raise Crash
    return right(inputs, sizes, variant)


def race(sizes):
    return (
        Finding(
            kind=FindingKind.RACE,
            message="two threads",
            kernel="k",
            count=1,
            block=(0, 0, 0),
            thread=(0, 0, 0),
        ),
    )


RUNS = {
    "right": ScriptedLane,
    "all wrong": lambda: ScriptedLane(off_by_one),
    "example right": lambda: ScriptedLane(wrong_beyond_the_example),
    "reals wrong": lambda: ScriptedLane(wrong_on_reals),
    "robust wrong": lambda: ScriptedLane(wrong_beyond_the_task),
    "by chance": lambda: ScriptedLane(not_reproducible),
    "never an output": lambda: ScriptedLane(crash),
    "not always an output": lambda: ScriptedLane(crash_on_large),
    "input changed": lambda: ScriptedLane(spoil=True),
    "by a memset": lambda: ScriptedLane(writer=Writer.MEMSET),
    "by the host": lambda: ScriptedLane(by_host=True),
    "race": lambda: ScriptedLane(findings=race),
    "race and wrong": lambda: ScriptedLane(off_by_one, findings=race),
}
SHORT = {
    "skeleton": StepsDone(nothing_filled_in=True),
    "does not package": StepsDone(failure={"end": "said", "said": "line 3: no"}),
    "other edition": StepsDone(
        failure={"end": "said", "said": "line 3 is of 25.4"},
        other_edition={"other": "mixed", "here": "25.4"},
    ),
    "does not compile": StepsDone(
        packages=True, failure={"end": "said", "said": "no kernel registered"}
    ),
}
KINDS = (*RUNS, *SHORT)


@cache
def results(kind):
    return scripted.grade(RUNS[kind](), examples=60)[0]


def seen(results, **how):
    """The results as another device or another kernel would have given them."""
    (part,) = results.parts.values()
    return dataclasses.replace(results, parts={"conv1d": dataclasses.replace(part, **how)})


@pytest.fixture(scope="module", autouse=True)
def run_before():
    """All programs, once; the search may not run inside another one of Hypothesis."""
    for kind in RUNS:
        results(kind)


@cache
def graded(kind, rubric=None, *, kernel_unchanged=False, observed=True):
    """The record of a program of some kind, graded with a rubric."""
    steps = SHORT.get(kind) or StepsDone(
        packages=True,
        compiles=True,
        results=seen(results(kind), kernel_unchanged=kernel_unchanged, observed=observed),
    )
    advice = Diagnostic(severity="error", message="cannot call function that may raise",
                        stage="package", line=3)  # fmt: skip
    return scripted.recorded(
        rubric=read(rubric) if rubric else None,
        diagnostics=(advice,) if kind in SHORT else (),
        shapes=() if kind in SHORT else plan.draw(PUZZLE, seed="seed", own_kernel={"conv1d"}),
        steps=steps,
    )


# ---- rubrics that judge the same ----


@st.composite
def rubrics(draw):
    """The text of a rubric file that changes anything but what is judged."""
    lines = [f"hints = {draw(st.sampled_from(('true', 'false')))}", f"due = {DUE}"]
    lines.append(f'title = "{draw(st.sampled_from(("", "One", "Two")))}"')
    if draw(st.booleans()):
        lines.append(f'pass_mark = "{draw(st.integers(0, 100))} %"')
    hidden = draw(st.sampled_from(("visible", "hidden", "after the due date")))
    for name in NAMES:
        lines.append(f"[checks.{name}]")
        lines.append(f"points = {draw(st.integers(0, 40))}")
        # Some check has to give points.
        lines.append(f"extra = {str(name != 'compiles' and draw(st.booleans())).lower()}")
        if name in ("reals", "clean", "device"):
            lines.append(f'visibility = "{draw(st.sampled_from(("visible", hidden)))}"')
        if name == "compiles":
            lines[-2] = "points = 15"
    return "\n".join(lines)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(KINDS), st.none() | rubrics(), st.none() | rubrics(),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_it_is_the_record_that_grading_would_have_made(kind, first, second, unchanged, observed):
    how = {"kernel_unchanged": unchanged, "observed": observed}
    rubric = read(second) if second else None
    again = score_again(graded(kind, first, **how), rubric.puzzle if rubric else PUZZLE, rubric)
    assert again == graded(kind, second, **how)


@settings(deadline=None)
@given(st.sampled_from(KINDS), rubrics(), rubrics())
def test_what_students_see_is_what_they_would_see(kind, first, second):
    rubric = read(second)
    again = score_again(graded(kind, first), rubric.puzzle, rubric)
    fresh = graded(kind, second)
    assert for_audience(again, "student") == for_audience(fresh, "student")


@settings(deadline=None)
@given(rubrics(), rubrics())
def test_rubrics_that_change_points_judge_the_same(first, second):
    assert judged(read(first).puzzle) == judged(read(second).puzzle) == judged(PUZZLE) != ""


LENIENT = "pass_mark = 0\n"
STRICT = "[checks.robust]\nextra = false\npoints = 50\n"
FREE = "\n".join(f"[checks.{name}]\npoints = 0\nextra = true" for name in NAMES[:1] + NAMES[3:])


@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_record_turns_from_passed_to_not_passed_and_back(kind):
    files = (None, LENIENT, STRICT, FREE)
    for first in files:
        stored = decode(encode(graded(kind, first)))
        for second in files:
            rubric = read(second) if second else None
            puzzle = rubric.puzzle if rubric else PUZZLE
            assert score_again(stored, puzzle, rubric) == graded(kind, second)
    assert graded(kind, LENIENT).verdict is Verdict.PASS


@pytest.mark.parametrize("first", [None, LENIENT])
@pytest.mark.parametrize("kind", RUNS)
def test_no_sentence_of_the_stored_record_is_read(kind, first):
    stored = replace(graded(kind, first), headline="-", advice=("-",))
    assert score_again(stored, PUZZLE, None) == graded(kind)


@pytest.mark.parametrize(
    "text",
    [
        '[[sizes]]\ninput_size = "9 to 22"\n',
        "[checks.clean]\nenabled = false\n",
        "[checks.robust]\nenabled = false\n",
    ],
)
def test_other_sizes_and_other_checks_judge_otherwise(text):
    assert judged(read(text).puzzle) not in ("", judged(PUZZLE))


def test_equal_sizes_in_parts_that_have_other_corners_judge_otherwise():
    one = read('[[sizes]]\ninput_size = "9 to 22"\n')
    two = read('[[sizes]]\ninput_size = "9 to 15"\n[[sizes]]\ninput_size = "16 to 22"\n')
    assert one.digest == two.digest
    assert judged(one.puzzle) != judged(two.puzzle)


@pytest.mark.parametrize("name", ["packages", "compiles", "example", "integers", "reals"])
def test_a_record_that_does_not_say_how_far_it_got_is_not_scored_again(name):
    """What a rubric leaves out is not in its records, and the headline is made from it."""
    assert judged(read(f"[checks.{name}]\nenabled = false\n").puzzle) == ""


def looks_like_a_copy(inputs, sizes, variant):
    """A copy for the published example, and something else for other inputs."""
    example = np.array_equal(inputs["input"], np.arange(sizes["input_size"], dtype=np.float32))
    answer = inputs["input"].copy()
    if not example:
        answer[0] += 3
    return answer


def test_one_case_is_explained_only_by_what_explains_the_others_too(monkeypatch):
    mistakes = {}
    for program in (looks_like_a_copy, lambda inputs, sizes, variant: inputs["input"].copy()):
        monkeypatch.setitem(RUNS, program, lambda made=program: ScriptedLane(made))
        record = graded(program)
        mistakes[program] = {each.check: each.mistake for each in record.counterexamples}
    first, second = mistakes.values()
    assert first["example"] == first["integers"] == ""
    assert second["example"] == second["integers"] == "copy"
