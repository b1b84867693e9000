"""The answers of the puzzle of one block: right ones in any order are accepted, others are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from grader.grading.inputs import drawn
from grader.model.domains import Values
from grader.puzzles import find
from grader.puzzles.block_level_programming.answers import BINS, FromZeroToOne, bin_of
from tests.puzzles.test_kernel_puzzles import accepts, refused_in_float16

PUZZLE = find("block_level_programming")
F = np.float32
Inputs = dict[str, np.ndarray]


def in_order(values: np.ndarray) -> np.float32:
    total = F(0)
    for value in values:
        total = F(total + value)
    return total


def by_halves(values: np.ndarray) -> np.float32:
    if len(values) == 1:
        return F(values[0])
    middle = len(values) // 2
    return F(by_halves(values[:middle]) + by_halves(values[middle:]))


def products(inputs: Inputs) -> np.ndarray:
    return np.asarray(inputs["a"] * inputs["b"], F)


def divided(inputs: Inputs) -> np.ndarray:
    values = inputs["input_data"]
    return np.asarray(values / F(by_halves(values) / F(len(values))), F)


def by_reciprocals(inputs: Inputs) -> np.ndarray:
    values = inputs["input_data"]
    mean = F(in_order(values) * F(F(1) / F(len(values))))
    return np.asarray(values * F(F(1) / mean), F)


def multiplied_first(inputs: Inputs) -> np.ndarray:
    values = inputs["input_data"]
    return np.asarray(F(len(values)) * values / in_order(values[::-1]), F)


WAYS: list[tuple[str, Callable[[Inputs], np.ndarray]]] = [
    ("block_sum_dot_product", lambda inputs: np.array([in_order(products(inputs))])),
    ("block_sum_dot_product", lambda inputs: np.array([by_halves(products(inputs))])),
    ("block_normalize_vector", divided),
    ("block_normalize_vector", by_reciprocals),
    ("block_normalize_vector", multiplied_first),
]


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_right_ways_are_accepted_and_the_same_in_float16_is_not(name, way):
    part = PUZZLE.part(name)
    for sizes in part.boundaries:
        assert refused_in_float16(part, sizes, way) >= 5 or sizes["size"] == 1


def test_a_bin_is_taken_as_a_kernel_takes_it_in_float32():
    part = PUZZLE.part("block_histogram_bin_extract")
    for seed in range(60):
        random = np.random.default_rng(seed)
        sizes = {"size": 128, "nth_bin": seed % BINS + 1}
        values = (Values.INTEGERS, Values.REALS)[seed // BINS % 2]
        inputs = drawn(part, sizes, values, random)
        some = [
            each
            for each in inputs["input_data"]
            if min(int(np.floor(F(each * F(BINS)))), BINS - 1) == bin_of(sizes)
        ]
        right = part.expected(inputs, sizes)
        stored = np.full(128, np.nan, F)
        stored[: len(some)] = some
        assert accepts(right["bin_output"], values, stored)
        assert accepts(right["count_output"], values, np.array([len(some)]))
        if len(set(some)) > 1:
            stored[: len(some)] = some[::-1]
            assert not accepts(right["bin_output"], values, stored) or some == some[::-1]


def test_the_inputs_show_each_way_in_which_a_bin_goes_wrong():
    part = PUZZLE.part("block_histogram_bin_extract")
    domain = part.inputs[0].domain
    assert isinstance(domain, FromZeroToOne)
    one = empty = full = edge = 0
    for seed in range(200):
        sizes = {"size": 128, "nth_bin": seed % BINS + 1}
        values = (Values.INTEGERS, Values.REALS)[seed // BINS % 2]
        inputs = drawn(part, sizes, values, np.random.default_rng(seed))
        data = inputs["input_data"]
        assert domain.contains(data, {})
        (count,) = part.expected(inputs, sizes)["count_output"].value
        one += bool((data == 1).any())
        edge += bool((data * BINS == bin_of(sizes)).any())
        empty += int(count) == 0
        full += int(count) > 100
    assert min(one, edge, empty) >= 5
    assert full >= 1
