"""The definition of embedding: its reference, the tokens that are drawn, its known mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model.domains import Values
from grader.puzzles import find

PUZZLE = find("embedding")
PARTS = {part.name: part for part in PUZZLE.parts}
PART = PARTS["embedding"]
INDICES, WEIGHTS = PART.inputs
SIZES = {"batch_size": 2, "seq_len": 3, "vocab_size": 7, "embed_dim": 5}
KINDS = (Values.INTEGERS, Values.REALS, Values.SPECIAL)
KERNELS = sorted(PARTS)


def drawn(part, sizes, values, seed):
    random = np.random.default_rng(seed)
    return {
        spec.name: spec.domain.draw(spec.array_spec(sizes, values), random) for spec in part.inputs
    }


def by_definition(inputs):
    """Element by element, straight from the formula."""
    weights = inputs["weights"].tolist()
    return [
        [weights[token] if 0 <= token < len(weights) else [0.0] * len(weights[0]) for token in row]
        for row in inputs["indices"].tolist()
    ]


def accepted(right, answer):
    with np.errstate(invalid="ignore"):
        close = np.abs(answer - right.value) <= right.allowed
    both_nan = np.isnan(right.value) & np.isnan(answer)
    return bool((close | both_nan | (answer == right.value)).all())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("values", KINDS)
@given(st.data())
def test_the_reference_is_the_formula(kernel, values, data):
    part = PARTS[kernel]
    sizes = {size.name: data.draw(st.integers(size.low, min(size.high, 6))) for size in part.sizes}
    inputs = {
        spec.name: data.draw(spec.domain.strategy(spec.array_spec(sizes, values)))
        for spec in part.inputs
    }
    value = part.expected(inputs, sizes)["output"].value
    assert np.array_equal(value, np.array(by_definition(inputs)), equal_nan=True)


@pytest.mark.parametrize("values", [Values.INTEGERS, Values.REALS])
def test_ordinary_tokens_are_words_of_the_vocabulary_its_ends_among_them(values):
    for seed in range(50):
        tokens = drawn(PART, SIZES, values, seed)["indices"]
        assert INDICES.domain.contains(tokens, SIZES)
        assert {0, SIZES["vocab_size"] - 1} <= set(tokens.ravel().tolist())


def test_special_tokens_lie_beside_the_vocabulary_as_well():
    seen = set()
    for seed in range(50):
        tokens = drawn(PART, SIZES, Values.SPECIAL, seed)["indices"]
        assert not INDICES.domain.contains(tokens, SIZES)
        seen |= set(tokens.ravel().tolist())
    assert {-1, SIZES["vocab_size"], -(2**31), 2**31 - 1} <= seen
    assert set(range(SIZES["vocab_size"])) <= seen


@pytest.mark.parametrize(("weight", "may_be_zero"), [(1e-45, True), (-1e-39, True), (2e-38, False)])
def test_only_a_weight_below_the_normal_numbers_may_be_flushed(weight, may_be_zero):
    inputs = {
        "indices": np.zeros((2, 3), np.int32),
        "weights": np.full((7, 5), weight, np.float32),
    }
    right = PART.expected(inputs, SIZES)["output"]
    assert accepted(right, np.zeros((2, 3, 5))) is may_be_zero
    assert not accepted(right, np.full((2, 3, 5), 3 * weight))


@pytest.mark.parametrize(
    ("part", "mistake"), [(part, each) for part in PUZZLE.parts for each in part.mistakes]
)
def test_a_mistake_is_none_of_the_right_answers(part, mistake):
    """At some of the sizes that are always tried it gives what no right answer gives."""
    told = []
    for sizes in part.boundaries:
        for values in KINDS:
            inputs = drawn(part, sizes, values, seed=3)
            with np.errstate(all="ignore"):
                answer = mistake.answer(inputs, sizes)
            if answer is not None:
                right = part.expected(inputs, sizes)["output"]
                assert answer.shape == right.value.shape
                told.append(not accepted(right, answer))
    assert any(told)


def test_the_boundaries_tell_all_sizes_apart():
    """Each of the four differs from the others at some size, and no grid is always a square."""
    for part in PUZZLE.parts:
        grids = set()
        for sizes in part.boundaries:
            positions = sizes["batch_size"] * sizes["seq_len"]
            grids.add((-(-positions // 16), -(-sizes["embed_dim"] // 16)))
        assert any(x > y for x, y in grids)
        assert any(x < y for x, y in grids)
        assert any(len(set(sizes.values())) == 4 for sizes in part.boundaries)
        elements = [s["batch_size"] * s["seq_len"] * s["embed_dim"] for s in part.boundaries]
        assert 256 in elements
        assert any(count > 256 and count % 256 for count in elements)
