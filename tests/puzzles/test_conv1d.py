"""The definition of conv1d: its reference, its error bound, its domain, its rules."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model.part import Scope
from grader.model.sums import LARGEST
from grader.puzzles import NAMES, find
from grader.puzzles.conv1d import PART, PUZZLE
from grader.puzzles.conv1d.bound import reference
from grader.puzzles.conv1d.mistakes import TPB

SIZES = st.fixed_dictionaries({"input_size": st.integers(1, 30), "conv_size": st.integers(1, 15)})
FINITE = st.floats(-1e3, 1e3, width=32)


@st.composite
def problems(draw, element=FINITE):
    sizes = draw(SIZES)
    n, m = sizes["input_size"], sizes["conv_size"]
    return sizes, {
        "input": np.array(draw(st.lists(element, min_size=n, max_size=n)), dtype=np.float32),
        "kernel": np.array(draw(st.lists(element, min_size=m, max_size=m)), dtype=np.float32),
    }


def by_definition(sizes, inputs):
    """The sum in exact arithmetic, straight from the formula."""
    n, m = sizes["input_size"], sizes["conv_size"]
    a, b = ([Fraction(float(x)) for x in inputs[name]] for name in ("input", "kernel"))
    return [sum((a[i + j] * b[j] for j in range(m) if i + j < n), Fraction(0)) for i in range(n)]


def magnitudes(sizes, inputs):
    positive = {name: np.abs(array) for name, array in inputs.items()}
    return by_definition(sizes, positive)


@given(problems())
def test_the_reference_is_the_formula(problem):
    sizes, inputs = problem
    exact = by_definition(sizes, inputs)
    # float64 rounds each of at most 15 products' sums once; the products are exact.
    for got, want, size in zip(
        reference(inputs, sizes), exact, magnitudes(sizes, inputs), strict=True
    ):
        assert abs(Fraction(float(got)) - want) <= 15 * Fraction(1, 2**52) * size


@given(problems(), st.randoms(use_true_random=False), st.booleans())
def test_no_order_of_summation_leaves_the_bound(problem, random, fused):
    """Any right kernel, whatever order it sums in and fused or not, is accepted."""
    sizes, inputs = problem
    n, m = sizes["input_size"], sizes["conv_size"]
    expected = PART.expected(inputs, sizes)["output"]
    order = list(range(m))
    random.shuffle(order)
    for i in range(n):
        total = np.float32(0)
        for j in order:
            if i + j >= n:
                continue
            product = np.float64(inputs["input"][i + j]) * np.float64(inputs["kernel"][j])
            if not fused:
                product = np.float64(np.float32(product))
            total = np.float32(np.float64(total) + product)
        assert abs(float(total) - expected.value[i]) <= expected.allowed[i]


def test_the_bound_catches_rounding_to_half_precision():
    rng = np.random.default_rng(1)
    sizes = {"input_size": 30, "conv_size": 15}
    caught = 0
    for _ in range(200):
        inputs = {
            "input": rng.normal(size=30).astype(np.float32),
            "kernel": rng.normal(size=15).astype(np.float32),
        }
        expected = PART.expected(inputs, sizes)["output"]
        impostor = expected.value.astype(np.float16).astype(np.float64)
        caught += bool((np.abs(impostor - expected.value) > expected.allowed).any())
    assert caught == 200


def test_the_published_example():
    example = PART.example
    answer = example.outputs["output"]
    assert answer == (14, 20, 26, 32, 38, 44, 50, 56, 62, 68, 74, 80, 41, 14, 0)
    assert reference(example.inputs, example.sizes).tolist() == list(answer)


@given(SIZES)
def test_the_integer_range_never_rounds(sizes):
    low, high = PART.integers
    assert max(abs(low), abs(high)) ** 2 * PART.terms(sizes) <= 2**24


@pytest.mark.parametrize(
    ("value", "factor", "exact"),
    [
        (2**24, 1, True),
        (2**24 + 2, 1, False),
        (4096, 4096, True),
        (4097, 4096, False),
        (1.5, 2, False),
    ],
)
def test_whole_numbers_are_exact_up_to_the_significand(value, factor, exact):
    inputs = {"input": np.float32([value]), "kernel": np.float32([factor])}
    expected = PART.expected(inputs, {"input_size": 1, "conv_size": 1})["output"]
    assert expected.exact.tolist() == [exact]


@pytest.mark.parametrize(
    ("value", "factor"),
    [
        (3e-39, 2.0**100),
        (2.0**100, 3e-39),
        (-1e-45, 1e38),
        (2.0**-127, -(2.0**127)),
        (5e-40, 5e-40),
    ],
)
def test_an_operand_that_is_subnormal_may_be_read_as_zero(value, factor):
    """As fma.ftz does. What another operand adds may still not be left out."""
    sizes = {"input_size": 2, "conv_size": 2}
    inputs = {"input": np.float32([value, 1]), "kernel": np.float32([factor, 1e30])}
    expected = PART.expected(inputs, sizes)["output"]
    small = [np.where(abs(a) < np.finfo(np.float32).tiny, 0, a) for a in inputs.values()]
    flushed = reference(dict(zip(inputs, small, strict=True)), sizes)
    assert abs(flushed[0] - expected.value[0]) <= expected.allowed[0]
    assert (
        abs(expected.value[0] - float(np.float32(value)) * float(np.float32(factor)))
        > (expected.allowed[0])
    )


@pytest.mark.parametrize("value", [2.0**-126, -(2.0**-126), 1e-37, 1e-20, 1e-3])
def test_an_operand_that_is_normal_may_not_be_read_as_zero(value):
    inputs = {"input": np.float32([value]), "kernel": np.float32([2.0**60])}
    expected = PART.expected(inputs, {"input_size": 1, "conv_size": 1})["output"]
    assert abs(expected.value[0]) > 1e6 * expected.allowed[0]


def test_the_assigned_domain_is_where_the_given_kernel_is_defined():
    assigned = [point for point in PART.domain_points() if PART.scope(point) is Scope.ASSIGNED]
    assert len(PART.domain_points()) == 450
    assert len(assigned) == 58
    assert all(p["conv_size"] == 1 or p["input_size"] in (TPB, 2 * TPB) for p in assigned)


def test_a_nan_in_the_window_makes_the_reference_nan():
    inputs = {"input": np.full(15, np.nan, np.float32), "kernel": np.ones(1, np.float32)}
    expected = PART.expected(inputs, {"input_size": 15, "conv_size": 1})["output"]
    assert np.isnan(expected.value).all()
    assert expected.decided.all()


def test_padding_with_zeros_or_leaving_terms_out_are_both_allowed():
    """0 * inf is NaN where the given kernel pads, and nothing where the term is left out."""
    kernel = np.array([1, np.inf], np.float32)
    inputs = {"input": np.ones(15, np.float32), "kernel": kernel}
    expected = PART.expected(inputs, {"input_size": 15, "conv_size": 2})["output"]
    assert expected.value[14] == 1
    assert expected.decided.all()
    assert expected.may_be_nan[14]


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, LARGEST])
def test_a_kernel_filled_up_with_zeros_is_right(special):
    """A loop over 15 taps, whatever the size, multiplies what lies behind the window with zero."""
    inputs = {
        "input": np.array([2, 1, special, 1], np.float32),
        "kernel": np.array([3, 3], np.float32),
    }
    expected = PART.expected(inputs, {"input_size": 4, "conv_size": 2})["output"]
    assert expected.value[0] == 9
    assert expected.may_be_nan[0]


@given(SIZES, st.integers(0, 2**32))
def test_where_every_product_is_finite_nan_is_never_right(sizes, seed):
    rng = np.random.default_rng(seed)
    inputs = {
        "input": rng.uniform(-1e3, 1e3, sizes["input_size"]).astype(np.float32),
        "kernel": rng.uniform(-1e3, 1e3, sizes["conv_size"]).astype(np.float32),
    }
    assert not PART.expected(inputs, sizes)["output"].may_be_nan.any()


@given(st.integers(0, 2**32))
def test_results_below_the_normal_numbers_may_be_flushed_to_zero(seed):
    """As atom.add.f32 does on global memory, operands and results."""

    def flushed(value):
        return value if abs(value) >= np.finfo(np.float32).tiny else np.float32(0)

    rng = np.random.default_rng(seed)
    tiny = np.finfo(np.float32).tiny
    inputs = {
        "input": (rng.uniform(-4, 4, 15) * tiny).astype(np.float32),
        "kernel": rng.uniform(-1, 1, 15).astype(np.float32),
    }
    expected = PART.expected(inputs, {"input_size": 15, "conv_size": 15})["output"]
    for i in range(15):
        total = np.float32(0)
        for j in range(15 - i):
            term = flushed(inputs["input"][i + j] * inputs["kernel"][j])
            total = flushed(total + term)
        assert abs(float(total) - expected.value[i]) <= expected.allowed[i]


def test_sums_that_may_overflow_in_one_order_only_are_left_undecided():
    inputs = {
        "input": np.array([LARGEST, LARGEST, -LARGEST], np.float32),
        "kernel": np.ones(3, np.float32),
    }
    expected = PART.expected(inputs, {"input_size": 3, "conv_size": 3})["output"]
    assert not expected.decided[0]
    # One largest number alone cannot overflow.. but rounding up from it could: undecided too.
    assert not expected.decided[2]


@pytest.mark.parametrize("suspect", PART.mistakes, ids=lambda mistake: mistake.name)
def test_each_suspect_differs_from_the_right_answer_somewhere(suspect):
    rng = np.random.default_rng(2)
    differs = False
    for sizes in PART.domain_points()[::7]:
        inputs = {
            "input": rng.integers(-99, 100, sizes["input_size"]).astype(np.float32) / 7,
            "kernel": rng.integers(-99, 100, sizes["conv_size"]).astype(np.float32) / 7,
        }
        answer = suspect.answer(inputs, sizes)
        if answer is not None:
            assert answer.shape == (sizes["input_size"],)
            expected = PART.expected(inputs, sizes)["output"]
            differs |= bool((np.abs(answer - expected.value) > expected.allowed).any())
    assert differs


def test_the_rubric_has_a_hundred_points_and_ten_extra():
    assert PUZZLE.max_score == 100
    assert [item.points for item in PUZZLE.rubric if item.extra] == [10]


def test_find_names_what_there_is():
    assert find("conv1d") is PUZZLE
    with pytest.raises(Exception, match="no puzzle 'no_such'") as caught:
        find("no_such")
    assert all(name in caught.value.remedy for name in NAMES)


@pytest.mark.parametrize("edition", ["25.3", "25.4", "25.5", "25.6.1"])
def test_a_halo_that_the_edition_left_unwritten_costs_nobody_a_point(edition):
    older = PUZZLE.for_edition(edition).parts[0]
    assert older.shared_holds_zeros({"input_size": 15, "conv_size": 4})
    assert older.given_reads({"input_size": 15, "conv_size": 4})
    assert "past the end of the input" in older.given.defect


@pytest.mark.parametrize("edition", ["25.3", "25.6.1", "25.7", "26.5"])
def test_outside_the_assigned_sizes_no_edition_gives_zeros_for_nothing(edition):
    puzzle = PUZZLE.for_edition(edition).parts[0]
    assert not puzzle.shared_holds_zeros({"input_size": 14, "conv_size": 3})
    assert puzzle.given_reads({"input_size": 14, "conv_size": 3})
    assert not puzzle.given_reads({"input_size": 15, "conv_size": 1})


def test_the_assigned_sizes_are_those_where_the_given_kernel_reads_nothing_unwritten():
    for sizes in PART.domain_points():
        assert bool(PART.given_reads(sizes)) is not PART.assigned(sizes), sizes


def test_from_25_7_on_the_given_kernel_is_clean_at_the_assigned_sizes():
    for edition in ("25.7", "26.5", "26.7"):
        assert PUZZLE.for_edition(edition) is PUZZLE
