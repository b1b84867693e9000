"""The definition of attention: its reference, its bound, what is drawn, its known mistakes."""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.model.domains import Values
from grader.puzzles import find
from grader.puzzles.attention.bound import allowed, attention
from tests.puzzles.test_softmax import (
    by_halves,
    cut_to,
    divided,
    exponential,
    half,
    half_sum,
    off_by,
    one_by_one,
)

PUZZLE = find("attention")
(PART,) = PUZZLE.parts
KINDS = (Values.INTEGERS, Values.REALS, Values.SPECIAL)
F = np.float32
LOWEST = np.float32(-3.4e38)
SIZES = tuple(dict(sizes) for sizes in PART.boundaries)
SQUARE = SIZES[0]


def drawn(sizes, values, seed):
    random = np.random.default_rng(seed)
    return {
        spec.name: spec.domain.draw(spec.array_spec(sizes, values), random) for spec in PART.inputs
    }


CASES = [drawn(sizes, values, seed) for sizes in SIZES for values in KINDS for seed in range(12)]
ASSIGNED = [drawn(SQUARE, values, seed) for values in KINDS for seed in range(40)]


@given(
    hnp.arrays(F, 3, elements=st.floats(-20, 20, width=32)),
    hnp.arrays(F, (4, 3), elements=st.floats(-20, 20, width=32)),
    hnp.arrays(F, (4, 3), elements=st.floats(-20, 20, width=32)),
)
def test_the_reference_is_the_formula(q, k, v):
    with localcontext(prec=60):
        query, keys, values = (
            [[Decimal(float(x)) for x in row] for row in array] for array in (q[None], k, v)
        )
        powers = [sum(a * b for a, b in zip(query[0], key, strict=True)).exp() for key in keys]
        exact = [
            float(sum(p * row[i] for p, row in zip(powers, values, strict=True)) / sum(powers))
            for i in range(3)
        ]
    assert attention({"q": q, "k": k, "v": v}) == pytest.approx(exact, rel=1e-9, abs=1e-11)


def test_the_example_is_that_of_the_book():
    """Its first elements, as the text shows them."""
    example = PART.example
    assert example.inputs["k"][0, :3] == pytest.approx([-0.10128311, 0.03142473, -0.09080241])
    shown = [-0.00935538, -0.0243433, 0.00306551, 0.02346884, 0.019306]
    assert example.outputs["output"][:5] == pytest.approx(shown, abs=5e-9)


# What right programs do, in float32, each operation as wrong as the manuals allow.


def rising(terms, axis=0):
    """Sums along the first axis, one term after the other."""
    total = np.zeros(terms.shape[1:], F)
    for term in terms:
        total = (total + term).astype(F)
    return total


def falling(terms):
    return rising(terms[::-1])


def halved(terms):
    """Sums by halves, padded with zeros to a power of two."""
    count = 1 << (len(terms) - 1).bit_length()
    padded = np.zeros((count, *terms.shape[1:]), F)
    padded[: len(terms)] = terms
    return by_halves(padded)


def chained(a, b):
    """Sums of products in fused multiply-adds: one rounding for both."""
    total = np.zeros(np.broadcast_shapes(a.shape, b.shape)[1:], F)
    for x, y in zip(a, b, strict=True):
        total = (total.astype(np.float64) + x.astype(np.float64) * y).astype(F)
    return total


def products(add):
    return lambda a, b: add((a * b).astype(F))


def scores_of(q, k, dot):
    return dot(q[:, None], k.T)


def in_steps(dot, add):
    """The product, the softmax and the other product, each by itself."""

    def program(q, k, v, random):
        scores = scores_of(q, k, dot)
        powers = exponential(scores - scores.max(), random)
        weights = divided(powers, add(powers), random)
        return dot(weights[:, None], v)

    return program


def fused(dot, add):
    """The exponentials weigh the values; the division comes last, by a reciprocal."""

    def program(q, k, v, random):
        scores = scores_of(q, k, dot)
        powers = exponential(scores - scores.max(), random)
        scale = off_by(1, (F(1) / add(powers)).reshape(1), random)
        return (dot(powers[:, None], v) * scale).astype(F)

    return program


def in_one_pass(q, k, v, random):
    """Online: what there is of sums is scaled down where a larger score comes."""
    largest, total, mean = LOWEST, F(0), np.zeros(v.shape[1], F)
    for score, value in zip(scores_of(q, k, chained), v, strict=True):
        larger = max(largest, score)
        scale = exponential(np.array([largest - larger], F), random)[0]
        weight = exponential(np.array([score - larger], F), random)[0]
        total = F(F(total * scale) + weight)
        mean = ((mean * scale).astype(F) + (weight * value).astype(F)).astype(F)
        largest = larger
    return divided(mean, total, random)


def in_blocks(size):
    """Each block of keys by itself; then what the blocks have is scaled and put together."""

    def program(q, k, v, random):
        parts = []
        for start in range(0, len(k), size):
            scores = scores_of(q, k[start : start + size], products(rising))
            powers = exponential(scores - scores.max(), random)
            mean = products(rising)(powers[:, None], v[start : start + size])
            parts.append((scores.max(), one_by_one(powers), mean))
        largest = max(part[0] for part in parts)
        scales = exponential(np.array([part[0] - largest for part in parts], F), random)
        totals = np.array([part[1] for part in parts], F)
        means = np.array([part[2] for part in parts], F)
        total = rising((totals * scales).astype(F))
        return divided(rising((means * scales[:, None]).astype(F)), total, random)

    return program


def in_powers_of_two(q, k, v, random):
    """The query is multiplied by log2(e) first."""
    scores = scores_of((q * F(1.4426950408889634)).astype(F), k, products(rising))
    powers = off_by(2, np.exp2((scores - scores.max()).astype(np.float64)).astype(F), random)
    powers = np.where(powers < F(2.0**-126), F(0), powers).astype(F)
    return products(rising)(divided(powers, one_by_one(powers), random)[:, None], v)


def by_logarithm(q, k, v, random):
    scores = scores_of(q, k, products(rising))
    total = one_by_one(exponential(scores - scores.max(), random))
    weights = exponential((scores - scores.max()).astype(F) - np.log(total), random)
    return products(rising)(weights[:, None], v)


RIGHT = {
    "in steps": in_steps(products(rising), one_by_one),
    "from the end": in_steps(products(falling), one_by_one),
    "by halves": in_steps(products(halved), halved),
    "in fused multiply-adds": in_steps(chained, halved),
    "fused": fused(chained, one_by_one),
    "fused, by halves": fused(products(halved), halved),
    "in one pass": in_one_pass,
    "in blocks of four": in_blocks(4),
    "in blocks of five": in_blocks(5),
    "in powers of two": in_powers_of_two,
    "by logarithm": by_logarithm,
}


def excess(inputs, answer):
    """The largest error as a part of what is allowed."""
    with np.errstate(all="ignore"):
        parts = np.abs(np.asarray(answer, np.float64) - attention(inputs)) / allowed(inputs)
    return float(np.nan_to_num(parts, nan=np.inf).max())


@pytest.mark.parametrize("program", RIGHT.values(), ids=RIGHT)
@pytest.mark.filterwarnings("ignore:overflow")
def test_no_right_program_comes_near_the_bound(program):
    random = np.random.default_rng(7)
    assert max(excess(each, program(**each, random=random)) for each in CASES) < 0.5


def sorted_keys(reach, falling):
    """Scores that rise, or fall, from one key to the next: a scaling at each step, or at none."""
    random = np.random.default_rng(3)
    scores = np.linspace(0, reach, 16)
    keys = np.zeros((16, 16))
    keys[:, 0] = scores[::-1] if falling else scores
    values = random.normal(size=(16, 16))
    return {"q": np.eye(16, dtype=F)[0], "k": keys.astype(F), "v": values.astype(F)}


@pytest.mark.parametrize("program", RIGHT.values(), ids=RIGHT)
@pytest.mark.parametrize("reach", [0.01, 1, 30, 87])
@pytest.mark.parametrize("falling", [False, True])
def test_nor_where_the_scores_are_sorted(program, reach, falling):
    random = np.random.default_rng(7)
    inputs = sorted_keys(reach, falling)
    assert excess(inputs, program(**inputs, random=random)) < 0.5


def test_where_nothing_overflows_the_maximum_need_not_be_subtracted():
    random = np.random.default_rng(7)
    for reach in (0.1, 5, 40, 80):
        for falling in (False, True):
            inputs = sorted_keys(reach, falling)
            inputs["k"] -= F(reach / 2)
            powers = exponential(scores_of(inputs["q"], inputs["k"], chained), random)
            weights = divided(powers, one_by_one(powers), random)
            assert excess(inputs, chained(weights[:, None], inputs["v"])) < 0.5


def plain(q, k, v, *, scores=None, powers=None, total=None, weights=None):
    """In float64 but for what is rounded on the way."""
    same = np.asarray
    s = (scores or same)((k.astype(np.float64) @ q).astype(F))
    p = (powers or same)(np.exp((s - s.max()).astype(np.float64)).astype(F))
    w = (weights or same)((p / (total or one_by_one)(p)).astype(F))
    return (w.astype(np.float64) @ v).astype(F)


def sums_in_half(q, k, v):
    scores = np.array([half_sum((key * q).astype(F)) for key in k], F)
    weights = np.exp((scores - scores.max()).astype(np.float64))
    weights = (weights / weights.sum()).astype(F)
    return np.array([half_sum((weights * column).astype(F)) for column in v.T], F)


TF32, BFLOAT16 = cut_to(10), cut_to(7)
IMPOSTORS = {
    "half precision": lambda q, k, v: half(plain(q, k, v)),
    "half precision of the query": lambda q, k, v: plain(half(q), k, v),
    "half precision of the keys": lambda q, k, v: plain(q, half(k), v),
    "half precision of the values": lambda q, k, v: plain(q, k, half(v)),
    "half precision of the scores": lambda q, k, v: plain(q, k, v, scores=half),
    "half precision of the exponentials": lambda q, k, v: plain(q, k, v, powers=half),
    "half precision of their sum": lambda q, k, v: plain(q, k, v, total=half_sum),
    "half precision of the weights": lambda q, k, v: plain(q, k, v, weights=half),
    "sums in half precision": sums_in_half,
    "TF32 products": lambda q, k, v: plain(TF32(q), TF32(k), TF32(v), weights=TF32),
    "TF32 weights": lambda q, k, v: plain(q, k, v, weights=TF32),
    "bfloat16 scores": lambda q, k, v: plain(q, k, v, scores=BFLOAT16),
    "bfloat16 weights": lambda q, k, v: plain(q, k, v, weights=BFLOAT16),
    "bfloat16 values": lambda q, k, v: plain(q, k, BFLOAT16(v)),
    "a short polynomial": lambda q, k, v: plain(
        q, k, v, powers=lambda p: np.maximum(1 + np.log(np.maximum(p, 1e-30)) / F(64), 0) ** 64
    ),
}


@pytest.mark.parametrize("program", IMPOSTORS.values(), ids=IMPOSTORS)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_less_precision_is_found_again_and_again(program):
    """At the sizes of the task."""
    assert sum(excess(each, program(**each)) > 1 for each in ASSIGNED) > len(ASSIGNED) // 5


def what_is_said(mistake, inputs):
    """What a mistake gives, and the right answer where it does not say."""
    with np.errstate(all="ignore"):
        answer = mistake.answer(inputs, SQUARE)
        unsaid = np.zeros(16, bool) if mistake.open is None else mistake.open(inputs, SQUARE)
    return np.where(unsaid, attention(inputs), answer)


@pytest.mark.parametrize("mistake", PART.mistakes, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found_in_what_is_drawn(mistake):
    wrong = (inputs for inputs in ASSIGNED if excess(inputs, what_is_said(mistake, inputs)) > 1)
    assert len(list(islice(wrong, 3))) == 3


@pytest.mark.parametrize("mistake", PART.mistakes, ids=lambda mistake: mistake.name)
def test_a_mistake_says_something_or_nothing_at_every_size(mistake):
    for sizes in SIZES:
        inputs = drawn(sizes, Values.REALS, seed=3)
        with np.errstate(all="ignore"):
            assert mistake.answer(inputs, sizes).shape == (sizes["d"],)
            if mistake.open is not None:
                assert mistake.open(inputs, sizes).shape == (sizes["d"],)


@pytest.mark.parametrize("values", KINDS)
def test_drawn_inputs_are_in_the_domain_and_their_scores_go_far_beyond_exp(values):
    largest, smallest = 0.0, 0.0
    for seed in range(100):
        inputs = drawn(SQUARE, values, seed)
        assert all(spec.domain.contains(inputs[spec.name], SQUARE) for spec in PART.inputs)
        assert np.isfinite(np.abs(inputs["v"]).sum())
        if values is Values.INTEGERS:
            assert all((array == np.rint(array)).all() for array in inputs.values())
        scores = inputs["k"].astype(np.float64) @ inputs["q"]
        largest, smallest = max(largest, scores.max()), min(smallest, scores.max())
    # Who subtracts nothing overflows in some cases, and divides zeros in others.
    assert largest > 100
    assert smallest < -110


@pytest.mark.parametrize("values", KINDS)
@given(st.data())
def test_so_are_those_that_hypothesis_draws(values, data):
    for spec in PART.inputs:
        array = data.draw(spec.domain.strategy(spec.array_spec(SQUARE, values)))
        assert spec.domain.contains(array, SQUARE)


def test_the_boundaries_tell_rows_from_columns():
    shapes = [(sizes["seq_len"], sizes["d"]) for sizes in PART.boundaries]
    assert any(keys > d for keys, d in shapes)
    assert any(keys < d for keys, d in shapes)
    assert any(d > 16 and d % 16 for _, d in shapes)
    assert PART.counts() == (1, 16 * 40 - 1)
