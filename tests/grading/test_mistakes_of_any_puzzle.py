"""Mistakes are recognised in puzzles that have no model of them, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grader.device import CopyOut, Finding, FindingKind, Provenance, Writer
from grader.grading.explain.mistakes import in_any_puzzle, recognised
from grader.grading.observe import compare
from grader.model.cases import Case, CaseRun, Observation, PlannedShape
from grader.model.code import Op
from grader.model.domains import Between, Values
from grader.model.expected import ExpectedOutput
from grader.model.part import Mistake, Part, Size, TensorSpec
from grader.puzzles import NAMES, find
from grader.record import Attribution, Ending
from tests.grading.simulated import named, part_of, tally_of


def only(*index, value=0):
    """Everything right but these places."""

    def program(right, inputs, sizes):
        right = right.copy()
        right[index] = value if np.isscalar(value) else value(right[index])
        return right

    return program


def remainder_of(count):
    """Right up to the last multiple of a number that the sizes say."""

    def program(right, inputs, sizes):
        right = right.copy()
        group = count(sizes)
        right[sizes["size"] // group * group :] = 0
        return right

    return program


def blocks_of(sizes):
    """How many blocks a launch has."""
    return -(-sizes["size"] // sizes["threads"])


def threads_of(sizes):
    return sizes["threads"]


def moved_b(edge):
    """``a + b`` with the next element of b, and something beyond its end."""

    def program(right, inputs, sizes):
        a, b = inputs["a"], inputs["b"]
        return a + np.append(b[1:], np.float32(0) if edge is None else b[edge])

    return program


def total_of_a(axis):
    """Sums of ``a`` up to each element, along an axis, plus b."""

    def program(right, inputs, sizes):
        a, b = inputs["a"].astype(np.float64), inputs["b"].astype(np.float64)
        return (np.cumsum(np.broadcast_to(a, right.shape), axis) + b).astype(np.float32)

    return program


def rolled(step, axis):
    """The outputs of the neighbours, and zeros beyond the edge."""

    def program(right, inputs, sizes):
        found = np.roll(right, step, axis)
        end = [slice(None)] * right.ndim
        end[axis] = -1 if step < 0 else 0
        found[tuple(end)] = 0
        return found

    return program


def whole(right, inputs, sizes):
    """Ten is added to whole numbers."""
    a = inputs["a"].astype(np.float64)
    return np.where(np.abs(a) < 2.0**31, np.trunc(a), np.sign(a) * 2.0**31) + 10


@pytest.mark.parametrize(
    ("puzzle", "program", "mistake", "words"),
    [
        ("zip", only(0), "first-missing", "first element of the output is always 0"),
        ("zip", only(-1, value=lambda last: 3 * last + 1), "last-element-wrong", "last element"),
        ("pooling", only(0, value=np.float32(7e7)), "first-element-wrong", "wrong in every case"),
        ("map_2d", only(slice(None), -1), "last-column-missing", "last column"),
        ("map_2d", only(slice(None), 0), "first-column-missing", "first column"),
        ("map_2d", only(0), "first-row-missing", "first row"),
        ("blocks_2d", only(-1), "last-row-missing", "last row"),
        (
            "blocks",
            remainder_of(blocks_of),
            "remainder-missing",
            "each block gets an equal share",
        ),
        ("map", remainder_of(lambda sizes: 2), "remainder-missing", "group of 2"),
        ("zip", moved_b(0), "b-ahead", "next element of b"),
        ("zip", moved_b(-1), "b-ahead", "next element of b"),
        ("zip", moved_b(None), "b-ahead", "next element of b"),
        ("zip", rolled(1, 0), "neighbour-behind", "previous element"),
        ("map_2d", rolled(-1, 0), "neighbour-ahead", "next row"),
        ("map_2d", rolled(-1, 1), "neighbour-ahead", "next column"),
        ("map", lambda right, inputs, sizes: np.cumsum(right), "running-total", "running total"),
        ("broadcast", total_of_a(1), "running-total", "all elements of a"),
        (
            "pooling",
            lambda right, inputs, sizes: right + inputs["a"][0],
            "starts-at-first-element",
            "first element of a",
        ),
        (
            "axis_sum",
            lambda right, inputs, sizes: right + inputs["a"][:, -1:],
            "starts-at-last-element",
            "last element of a",
        ),
        ("map", whole, "whole-numbers", "Fractions are lost"),
    ],
)
@pytest.mark.parametrize("seed", ["one", "two"])
def test_a_mistake_is_named_that_no_model_is_of(puzzle, program, mistake, words, seed):
    part = part_of(puzzle)
    known = named(part, program, seed)
    assert known is not None
    assert (known.name, words in known.explanation) == (mistake, True), known
    assert mistake in in_any_puzzle(part)
    assert mistake not in {each.name for each in part.mistakes}
    assert known.advice


def sometimes(program, when):
    """A mistake that is made for some cases only."""
    return lambda right, inputs, sizes: (
        program(right, inputs, sizes) if when(inputs, sizes) else right
    )


def both(first, second):
    return lambda right, inputs, sizes: second(first(right, inputs, sizes), inputs, sizes)


def positive(inputs, sizes):
    return inputs["a"].ravel()[-1] > 0


@pytest.mark.parametrize(
    ("puzzle", "program"),
    [
        # One of two rows that are wrong; an end that is wrong for some inputs, or at some sizes.
        ("map_2d", both(only(0), only(-1))),
        ("map_2d", only(slice(None), slice(-2, None))),
        ("zip", both(only(0), only(-1))),
        ("zip", only(slice(-2, None))),
        ("zip", sometimes(only(0), positive)),
        ("zip", sometimes(only(0), lambda inputs, sizes: sizes["size"] > 3)),
        ("zip", only(slice(None, None, 2))),
        ("blocks", both(remainder_of(threads_of), only(0))),
        ("blocks", sometimes(remainder_of(threads_of), positive)),
        ("blocks", remainder_of(lambda sizes: max(sizes["size"] // 2, 1))),
        ("zip", both(moved_b(0), lambda right, inputs, sizes: right + 1)),
        ("zip", both(rolled(-1, 0), only(0, value=np.float32(3)))),
        ("zip", lambda right, inputs, sizes: inputs["a"] + np.roll(inputs["b"], 2)),
        ("pooling", sometimes(lambda right, *_: np.cumsum(right), positive)),
        ("map", both(whole, lambda right, inputs, sizes: right * np.float32(1 + 2**-10))),
        ("map", lambda right, inputs, sizes: np.where(np.abs(right) < 11, 0, right)),
        ("axis_sum", lambda right, inputs, sizes: right * np.float32(1.5)),
    ],
)
@pytest.mark.parametrize("seed", ["one", "two"])
def test_what_explains_some_cases_only_is_not_named(puzzle, program, seed):
    known = named(part_of(puzzle), program, seed)
    assert known is None or "some sizes only" in known.explanation, known


@pytest.mark.parametrize("name", ["axis_sum", "prefix_sum", "pooling", "zip"])
def test_a_mistake_of_the_puzzle_goes_before_what_shows_by_itself(name):
    """And each of them is told from all others."""
    for part in find(name).parts:
        for mistake in part.mistakes:

            def program(right, inputs, sizes, mistake=mistake):
                made = mistake.answer(inputs, sizes)
                return right if made is None else made

            tally = tally_of(part, program)
            if tally.failures:
                known = named(part, program)
                assert known is not None, mistake.name
                assert known.name == mistake.name


def test_a_model_that_says_the_same_of_the_remainder_goes_first():
    part = part_of("blocks")
    known = named(part, remainder_of(threads_of))
    assert known is not None
    assert known.name == "full-blocks-only"
    unknown = replace(part, mistakes=())
    tally = tally_of(part, remainder_of(threads_of))
    known = recognised(unknown, tally.all_failing, passing=tally.all_passing)
    assert known is not None
    assert "behind the last full block" in known.explanation


@pytest.mark.parametrize("kind", [FindingKind.OUT_OF_BOUNDS, FindingKind.RACE])
def test_an_access_that_is_not_clean_explains_more_than_where_wrong_values_stand(kind):
    part = part_of("zip")
    tally = tally_of(part, only(0))
    found = Finding(kind=kind, message="", kernel="k")
    first, *others = tally.all_failing
    for whose, said in ((Attribution.STUDENT, False), (Attribution.SKELETON, True)):
        seen = replace(first, findings=((found, whose),))
        known = recognised(part, [seen, *others], passing=tally.all_passing)
        assert (known is not None) is said


@pytest.mark.parametrize("puzzle", ["map", "zip", "blocks", "pooling", "axis_sum"])
def test_right_values_are_no_mistake_in_values(puzzle):
    """A case may fail for another reason alone: an input that was changed, say."""
    part = part_of(puzzle)
    tally = tally_of(part, lambda right, *_: right)
    for failing in (tally.all_passing, tally.all_passing[:1], tally.all_passing[1::2]):
        assert recognised(part, failing, passing=tally.all_passing) is None
        assert recognised(part, failing) is None


@pytest.mark.parametrize("puzzle", ["map", "guards", "blocks", "shared_memory"])
def test_an_access_that_is_not_clean_explains_more_than_zeros(puzzle):
    """A guard that lets the wrong threads through: where there are none, nothing is written."""
    part = part_of(puzzle)
    tally = tally_of(part, lambda right, *_: 0 * right)
    zeros = recognised(part, tally.all_failing, passing=tally.all_passing)
    assert zeros is not None
    found = Finding(kind=FindingKind.OUT_OF_BOUNDS, message="", kernel="k")
    ended = replace(tally.all_failing[0], comparisons=(), findings=((found, Attribution.STUDENT),))
    assert recognised(part, [*tally.all_failing[1:], ended], passing=tally.all_passing) is None


def test_a_mistake_is_named_where_its_terms_nearly_cancel():
    """Its sum is small then, and its rounding is not: 1,947,320 for 1,947,327."""
    part = part_of("convolution_1d", "conv_1d_simple")
    shape = PlannedShape(number=0, part=part, sizes={"size": 8, "conv": 3}, origin="boundary")
    a = np.array([-16275, 154, -8409, 10605, -27915, -21268, 6985, -6627], np.float32)
    case = Case(
        shape=shape,
        values=Values.INTEGERS,
        inputs={"a": a, "b": np.array([-15, -200, 54], np.float32)},
    )
    made = np.zeros(8, np.float32)
    for i in range(8):
        for j in range(min(3, 8 - i)):
            made[i] = np.float32(np.float64(a[i + j]) * np.float64(a[j]) + np.float64(made[i]))
    seen = Observation(
        run=CaseRun(case=case, ending=Ending.OUTPUT, outputs=(made,)),
        comparisons=compare(case, (made,)),
        problems=(),
    )
    (model,) = (each for each in part.mistakes if each.name == "kernel-from-a")
    assert (np.abs(made - model.answer(case.inputs, shape.sizes)) > 1).any()
    known = recognised(part, [seen])
    assert known is not None
    assert known.name == "kernel-from-a"


def wrong_by(name, change):
    """A mistake that shows as a change of the right sum."""
    return Mistake(
        name=name,
        explanation=f"{name} explains it.",
        advice="",
        answer=lambda inputs, sizes: change(
            inputs["a"].astype(np.float64) + inputs["b"], inputs["a"]
        ),
    )


TWICE = wrong_by("twice", lambda right, a: 2 * right)
SAME = wrong_by("the same", lambda right, a: right + right)
TWICE_IF_POSITIVE = wrong_by("if positive", lambda right, a: np.where(a > 0, 2, 1) * right)
THREE_IF_NEGATIVE = wrong_by("if negative", lambda right, a: np.where(a < 0, 3, 2) * right)


def only_positive(mistakes, *, all_cases=False):
    """What is named where only cases with positive inputs have output."""
    part = replace(part_of("zip"), mistakes=mistakes)
    tally = tally_of(part_of("zip"), lambda right, *_: 2 * right)
    failing = [each for each in tally.all_failing if all_cases or (each.case.inputs["a"] > 0).all()]
    return recognised(part, failing, passing=tally.all_passing)


def test_of_two_mistakes_that_explain_all_neither_is_the_cause():
    known = only_positive((TWICE_IF_POSITIVE, TWICE))
    assert known is not None
    assert known.name == ""
    assert "if positive explains it. Or: twice explains it." in known.explanation


def test_more_than_two_explain_nothing():
    assert only_positive((TWICE_IF_POSITIVE, TWICE, THREE_IF_NEGATIVE)) is None


def test_one_mistake_under_two_names_is_the_first():
    assert only_positive((SAME, TWICE)).name == "the same"


def test_a_full_case_of_each_size_tells_mistakes_apart():
    mistakes = (TWICE_IF_POSITIVE, THREE_IF_NEGATIVE, TWICE)
    assert only_positive(mistakes, all_cases=True).name == "twice"


def of_two_outputs(sums, products):
    """A failing case of a part that gives a sum and a product, with what a program gave."""
    part = Part(
        name="both",
        title="the op both",
        formula="s[i] = a[i] + b[i], p[i] = a[i] * b[i]",
        domain="n 1 to 8",
        code=Op(name="both"),
        tensors=(
            *(TensorSpec(name=name, role="output", dtype="int32", shape=("n",)) for name in "sp"),
            *(
                TensorSpec(
                    name=name, role="input", dtype="int32", shape=("n",), domain=Between(2, 9)
                )
                for name in "ab"
            ),
        ),
        sizes=(Size(name="n", low=1, high=8),),
        assigned=lambda sizes: True,
        boundaries=({"n": 8},),
        expected=lambda inputs, sizes: {
            "s": ExpectedOutput.exactly(inputs["a"] + inputs["b"]),
            "p": ExpectedOutput.exactly(inputs["a"] * inputs["b"]),
        },
        mistakes=tuple(
            Mistake(
                name=f"{name} is a",
                explanation="",
                advice="",
                answer=lambda inputs, sizes: inputs["a"],
                output=name,
            )
            for name in "sp"
        ),
    )
    a, b = (np.arange(2, 10, dtype=np.int32) * factor % 8 + 2 for factor in (3, 5))
    shape = PlannedShape(number=0, part=part, sizes={"n": 8}, origin="boundary")
    case = Case(shape=shape, values=Values.INTEGERS, inputs={"a": a, "b": b})
    outputs = (sums(a, b), products(a, b))
    return part, Observation(
        run=CaseRun(case=case, ending=Ending.OUTPUT, outputs=outputs),
        comparisons=compare(case, outputs),
        problems=(),
    )


@pytest.mark.parametrize(
    ("sums", "products", "mistake"),
    [
        (lambda a, b: a, lambda a, b: a * b, "s is a"),
        (lambda a, b: a + b, lambda a, b: a, "p is a"),
        (lambda a, b: a, lambda a, b: a, None),
    ],
)
def test_a_mistake_may_be_of_any_output_where_the_others_are_right(sums, products, mistake):
    part, seen = of_two_outputs(sums, products)
    known = recognised(part, [seen])
    assert (known.name if known is not None else None) == mistake


def test_what_holds_at_one_size_need_not_hold_at_another():
    """Of rows of five the last element is left out, of rows of six the third and the last."""
    part = part_of("axis_sum")
    (halves,) = (each for each in part.mistakes if each.name == "halved-size")
    known = named(part, lambda right, inputs, sizes: halves.answer(inputs, sizes))
    assert known is not None
    assert known.name == "halved-size"


def test_a_mistake_at_some_sizes_is_said_to_be_at_some_sizes():
    part = part_of("zip")
    program = sometimes(lambda right, *_: np.zeros_like(right), lambda _, sizes: sizes["size"] > 4)
    known = named(part, program)
    assert known is not None
    assert known.name == "zeros"
    assert "at some sizes only" in known.explanation


def test_a_full_failing_case_of_each_size_is_kept():
    tally = tally_of(part_of("zip"), lambda right, inputs, sizes: right + 1)
    kept = {each.case.shape.number: each for each in tally.all_failing}
    assert set(kept) == set(tally.failing_at)
    assert all(np.count_nonzero(each.case.inputs["a"]) for each in tally.failing_at.values())
    assert any(each.case.values is Values.REALS for each in tally.all_failing)


def test_inputs_may_have_more_axes_than_the_output():
    """And be as long along each."""
    part = part_of("attention")
    assert {spec.extents(part.boundaries[0]) for spec in part.tensors} == {(16,), (16, 16)}
    assert named(part, lambda right, inputs, sizes: right * np.float32(1.01)) is None


@pytest.mark.parametrize("name", NAMES)
def test_names_in_any_puzzle_are_no_models_of_another_thing(name):
    """The same name says the same."""
    for part in find(name).parts:
        own = {each.name for each in part.mistakes} & in_any_puzzle(part)
        assert own <= {"first-missing", "whole-numbers", "running-total"}


def unwritten(right, inputs, sizes):
    """What the device's memory holds before anybody writes it: a NaN that signals."""
    return np.full(right.shape, 0x7FA5A5A5, np.uint32).view(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_that_nobody_wrote_are_looked_at_without_a_word_of_numpy_s(name):
    """It warns on the reader's terminal of each NaN that signals; here a warning is an error."""
    for part in find(name).parts:
        if [each.dtype for each in part.outputs] == ["float32"]:
            found = named(part, unwritten)
            assert found is None or found.name == "nan"


def zeros_by(**writer):
    """What is named where all outputs are zero, and this wrote them."""

    def with_writer(seen):
        (made,) = seen.run.outputs
        whole = Provenance(start=0, stop=made.nbytes, **writer)
        copied = CopyOut(address=0, data=made.tobytes(), provenance=(whole,))
        return replace(seen, run=replace(seen.run, copies_out=(copied,)))

    part = part_of("conv1d")
    tally = tally_of(part, lambda right, inputs, sizes: np.zeros_like(right))
    return recognised(part, [with_writer(each) for each in tally.all_failing])


def test_zeros_are_told_with_who_wrote_them():
    stored = zeros_by(writer=Writer.KERNEL, block=(0, 0, 0), thread=(0, 0, 0))
    assert "thread 0 of block 0 wrote output[0]" in stored.explanation
    left = zeros_by(writer=Writer.MEMSET)
    assert "no kernel stored" in left.explanation
    for each in (stored, left):
        assert each.name == "zeros"
        assert "enqueue" not in f"{each.explanation} {each.advice}"


def test_nan_everywhere_is_named():
    known = named(
        part_of("conv1d"), lambda right, inputs, sizes: np.full_like(right, np.float32(np.nan))
    )
    assert known.name == "nan"
