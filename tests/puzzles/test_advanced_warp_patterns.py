"""The answers of the puzzle of warp patterns, as lanes compute them step by step in float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from grader.grading.inputs import drawn
from grader.model.domains import Values
from grader.model.part import Arrays
from grader.puzzles import find
from grader.puzzles.warps import WARP
from tests.puzzles.test_kernel_puzzles import refused_in_float16

PUZZLE = find("advanced_warp_patterns")
F = np.float32
Way = Callable[[np.ndarray, int], np.ndarray]
"""From one warp's elements, and the pivot, to what its lanes store."""
LANES = np.arange(WARP)


def swapped(a: np.ndarray, pivot: int) -> np.ndarray:
    return a.reshape(-1, 2)[:, ::-1].ravel()


def butterfly(a: np.ndarray, pivot: int) -> np.ndarray:
    for offset in (16, 8, 4, 2, 1):
        a = np.maximum(a, a[LANES ^ offset])
    return a


def both(a: np.ndarray, pivot: int) -> np.ndarray:
    return np.where(LANES % 2 == 0, butterfly(a, pivot), -butterfly(-a, pivot))


def one_by_one(a: np.ndarray, pivot: int) -> np.ndarray:
    return np.cumsum(a, dtype=F)


def by_doubling(a: np.ndarray, pivot: int) -> np.ndarray:
    for offset in (1, 2, 4, 8, 16):
        before = np.concatenate([np.zeros(offset, F), a[:-offset]])
        a = np.asarray(a + before, F)
    return a


def parted(a: np.ndarray, pivot: int) -> np.ndarray:
    left = a < F(pivot)
    place = np.where(left, np.cumsum(left) - 1, left.sum() + np.cumsum(~left) - 1)
    out = np.empty_like(a)
    out[place] = a
    return out


WAYS = [
    ("butterfly_pair_swap", swapped),
    ("butterfly_parallel_max", butterfly),
    ("butterfly_conditional_max", both),
    ("warp_inclusive_prefix_sum", one_by_one),
    ("warp_inclusive_prefix_sum", by_doubling),
    ("warp_partition", parted),
]


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_right_ways_are_accepted_and_the_same_in_float16_is_not(name: str, way: Way):
    part = PUZZLE.part(name)
    for sizes in part.boundaries:

        def in_warps(inputs: Arrays, pivot: int = sizes.get("pivot", 0)) -> np.ndarray:
            return np.concatenate([way(a, pivot) for a in inputs["input"].reshape(-1, WARP)])

        assert refused_in_float16(part, sizes, in_warps) >= 5


def test_the_inputs_show_each_way_in_which_a_lane_goes_wrong():
    negative = positive = equal = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        a = drawn(PUZZLE.part("butterfly_parallel_max"), {"blocks": 1}, Values.INTEGERS, random)
        negative += bool((a["input"] < 0).all())
        positive += bool((a["input"] > 0).all())
        for pivot in (1, 5, 9):
            b = drawn(PUZZLE.part("warp_partition"), {"pivot": pivot}, Values.INTEGERS, random)
            equal += bool((b["input"] == pivot).any())
    assert min(negative, positive) >= 3
    assert equal >= 30


@pytest.mark.parametrize("values", [Values.INTEGERS, Values.REALS])
def test_some_elements_are_equal_to_the_pivot(values):
    """Who takes <= for < loses the same points, whatever is drawn."""
    part = PUZZLE.part("warp_partition")
    for pivot in range(1, 10):
        for seed in range(20):
            inputs = drawn(part, {"pivot": pivot}, values, np.random.default_rng(seed))
            assert (inputs["input"] == pivot).any()
            assert (inputs["input"] != pivot).any()
