"""The definition of softmax: its reference, its bound, the inputs that are drawn, its mistakes."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model.domains import Values
from grader.puzzles import find
from grader.puzzles.softmax.bound import allowed, softmax

PUZZLE = find("softmax")
PART = PUZZLE.parts[0]
(INPUT,) = PART.inputs
SIZES = {"input_size": 128}
KINDS = (Values.INTEGERS, Values.REALS, Values.SPECIAL)
TINY = np.float32(2.0**-126)
F = np.float32


def drawn(values, seed):
    random = np.random.default_rng(seed)
    return INPUT.domain.draw(INPUT.array_spec(SIZES, values), random)


CASES = [drawn(values, seed) for values in KINDS for seed in range(40)]


@given(st.lists(st.floats(-1e5, 1e5, width=32), min_size=1, max_size=12))
def test_the_reference_is_the_formula(elements):
    with localcontext(prec=60):
        powers = [Decimal(x).exp() for x in elements]
        exact = [float(power / sum(powers)) for power in powers]
    assert softmax(F(elements)) == pytest.approx(exact, rel=1e-12, abs=1e-300)


def test_both_parts_are_of_one_op():
    assert [(part.code.name, part.target) for part in PUZZLE.parts] == [
        ("softmax", "gpu"),
        ("softmax", "cpu"),
    ]


# What right programs do, in float32, each operation as wrong as the manual allows.


def off_by(ulps, array, random):
    return (array + F(ulps) * random.choice([-1, 1], array.shape) * np.spacing(array)).astype(F)


def exponential(differences, random):
    """As a GPU: ex2.approx of the product with log2(e), 2 ulp, subnormal results flushed."""
    with np.errstate(over="ignore", under="ignore"):
        product = (differences.astype(F) * F(1.4426950408889634)).astype(F)
        powers = off_by(2, np.exp2(product.astype(np.float64)).astype(F), random)
    return np.where(powers < TINY, F(0), powers).astype(F)


def one_by_one(terms):
    total = F(0)
    for term in terms:
        total = F(total + term)
    return total


def by_halves(terms):
    while len(terms) > 1:
        terms = (terms[: len(terms) // 2] + terms[len(terms) // 2 :]).astype(F)
    return terms[0]


def divided(powers, total, random):
    return off_by(2, (powers / total).astype(F), random)


def with_maximum(add):
    def program(x, random):
        powers = exponential(x - x.max(), random)
        return divided(powers, add(powers), random)

    return program


def by_reciprocal(x, random):
    powers = exponential(x - x.max(), random)
    return (powers * off_by(1, (F(1) / by_halves(powers)).reshape(1), random)).astype(F)


def in_one_pass(x, random):
    largest, total = F(-3.4e38), F(0)
    for element in x:
        if element > largest:
            scale = exponential(np.array([largest - element], F), random)[0]
            total, largest = F(F(total * scale) + F(1)), element
        else:
            total = F(total + exponential(np.array([element - largest], F), random)[0])
    return divided(exponential(x - largest, random), total, random)


def by_logarithm(x, random):
    total = by_halves(exponential(x - x.max(), random))
    return exponential((x - x.max()) - np.log(total), random)


def sorted_first(x, random):
    powers = exponential(x - x.max(), random)
    return divided(powers, one_by_one(np.sort(powers)), random)


RIGHT = {
    "by halves": with_maximum(by_halves),
    "one by one": with_maximum(one_by_one),
    "backwards": with_maximum(lambda terms: one_by_one(terms[::-1])),
    "sorted first": sorted_first,
    "by reciprocal": by_reciprocal,
    "by logarithm": by_logarithm,
    "in one pass": in_one_pass,
}


def excess(x, answer):
    """The largest error as a part of what is allowed."""
    with np.errstate(all="ignore"):
        parts = np.abs(answer.astype(np.float64) - softmax(x)) / allowed(x)
    return float(np.nan_to_num(parts, nan=np.inf).max())


@pytest.mark.parametrize("program", RIGHT.values(), ids=RIGHT)
@pytest.mark.filterwarnings("ignore:overflow")
def test_no_right_program_comes_near_the_bound(program):
    random = np.random.default_rng(7)
    rising = [np.linspace(0, reach, 128).astype(F) for reach in (0.01, 1, 50, 87)]
    assert max(excess(x, program(x, random)) for x in (*CASES, *rising)) < 0.5


def test_where_nothing_overflows_the_maximum_need_not_be_subtracted():
    random = np.random.default_rng(7)
    for reach in (0.1, 5, 40, 80):
        for _ in range(20):
            x = random.uniform(-reach, reach, 128).astype(F)
            powers = exponential(x, random)
            assert excess(x, divided(powers, one_by_one(powers), random)) < 0.5


def half(array):
    return array.astype(np.float16).astype(F)


def half_sum(terms):
    total = np.float16(0)
    for term in terms.astype(np.float16):
        total = np.float16(total + term)
    return F(total)


def cut_to(bits):
    """The mantissa ends after so many bits: 10 as in TF32, 7 as in bfloat16."""
    mask = np.uint32((0xFFFFFFFF << (23 - bits)) & 0xFFFFFFFF)
    return lambda array: (array.astype(F).view(np.uint32) & mask).view(F)


def plain(x):
    powers = np.exp((x - x.max()).astype(np.float64)).astype(F)
    return (powers / by_halves(powers)).astype(F)


def rounded_powers(rounding):
    def program(x):
        powers = rounding(np.exp((x - x.max()).astype(np.float64)).astype(F))
        return (powers / by_halves(powers)).astype(F)

    return program


IMPOSTORS = {
    "half precision": lambda x: half(plain(x)),
    "half precision of the input": lambda x: plain(half(x)),
    "half precision of the sum": lambda x: (
        (powers := np.exp((x - x.max()).astype(np.float64)).astype(F)) / half_sum(powers)
    ).astype(F),
    "half precision of the exponentials": rounded_powers(half),
    "TF32 exponentials": rounded_powers(cut_to(10)),
    "bfloat16 input": lambda x: plain(cut_to(7)(x)),
    "bfloat16 result": lambda x: cut_to(7)(plain(x)),
    "a short polynomial": lambda x: (
        (powers := np.maximum(1 + (x - x.max()) / F(64), 0) ** 64) / powers.sum()
    ),
}


@pytest.mark.parametrize("program", IMPOSTORS.values(), ids=IMPOSTORS)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_less_precision_is_found_again_and_again(program):
    assert sum(excess(x, program(x)) > 1 for x in CASES) > len(CASES) // 5


@pytest.mark.parametrize("mistake", PART.mistakes, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found_in_what_is_drawn(mistake):
    found = 0
    for x in CASES:
        with np.errstate(all="ignore"):
            answer = mistake.answer({"input": x}, SIZES)
        found += answer is not None and excess(x, answer) > 1
    assert found >= 3


@pytest.mark.parametrize("values", KINDS)
def test_drawn_inputs_are_finite_and_no_difference_overflows(values):
    for seed in range(100):
        x = drawn(values, seed)
        assert INPUT.domain.contains(x, SIZES)
        assert np.isfinite(F(x.max() - x.min()))
        if values is Values.INTEGERS:
            assert (x == np.rint(x)).all()


@pytest.mark.parametrize("values", KINDS)
@given(st.data())
def test_so_are_those_that_hypothesis_draws(values, data):
    x = data.draw(INPUT.domain.strategy(INPUT.array_spec(SIZES, values)))
    assert INPUT.domain.contains(x, SIZES)
