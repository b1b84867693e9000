"""The bound of a sum: any order of additions is right, and nothing that is less precise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.model.sums import sum_of

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def columns(*numbers: float) -> list[np.ndarray]:
    return [np.array([number]) for number in numbers]


@given(st.lists(FLOATS, min_size=2, max_size=6), st.permutations(range(6)))
def test_any_order_in_float32_is_right(numbers, order):
    total = np.float32(0)
    with np.errstate(over="ignore", invalid="ignore"):
        for place in order:
            if place < len(numbers):
                total = np.float32(total + np.float32(numbers[place]))
    right = sum_of(*columns(*numbers))
    if right.decided[0] and np.isfinite(right.value[0]):
        assert abs(float(total) - right.value[0]) <= right.allowed[0]
        if right.exact[0]:
            assert float(total) == right.value[0]


@given(hnp.arrays(np.float32, (2, 20), elements=st.floats(1, 1000, width=32)))
def test_a_sum_in_float16_is_not(numbers):
    right = sum_of(*numbers.astype(np.float64))
    got = numbers.astype(np.float16).sum(axis=0).astype(np.float64)
    off = np.abs(got - right.value) > 2.0**-20 * np.abs(right.value)
    assert (np.abs(got - right.value)[off] > right.allowed[off]).all()


@pytest.mark.parametrize(
    ("numbers", "exact", "decided"),
    [
        ((1.0, 2.0), True, True),
        ((0.5, 2.0), False, True),
        ((2.0**24, 1.0), False, True),
        ((2.0**24, 0.0), True, True),
        ((2.0**127, 2.0**127), False, True),
        ((2.0**127, 2.0**127, -(2.0**127)), False, False),
        ((np.inf, 1.0), True, True),
        ((np.nan, 1.0), False, True),
    ],
)
def test_what_is_exact_and_what_is_decided(numbers, exact, decided):
    right = sum_of(*columns(*numbers))
    assert (bool(right.exact[0]), bool(right.decided[0])) == (exact, decided)


@given(FLOATS, FLOATS)
def test_of_two_numbers_the_sum_is_infinite_where_float32_says_so(one, other):
    with np.errstate(over="ignore"):
        total = np.float32(one) + np.float32(other)
    right = sum_of(*columns(one, other))
    assert right.decided[0]
    assert np.isinf(right.value[0]) == np.isinf(total)


def test_the_largest_number_is_no_infinity():
    largest = float(np.finfo(np.float32).max)
    assert sum_of(*columns(largest, 10.0)).value[0] == largest
    assert sum_of(*columns(largest, 2.0**103)).value[0] == np.inf
    assert sum_of(*columns(-largest, -(2.0**103))).value[0] == -np.inf
    assert sum_of(*columns(largest, 2.0**102)).value[0] < np.inf


def test_what_a_gpu_flushes_is_right_and_no_more():
    right = sum_of(*columns(2.0**-130, 1.0))
    assert abs(1.0 - right.value[0]) <= right.allowed[0]
    tiny = sum_of(*columns(2.0**-130, 2.0**-100))
    assert tiny.allowed[0] < 2.0**-122
