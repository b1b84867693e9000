"""The answers of the warp puzzle: right ones in any order are accepted, shorter numbers are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from grader.grading.inputs import drawn
from grader.model.domains import Values
from grader.model.part import Arrays
from grader.puzzles import find
from grader.puzzles.warp_communication.answers import WithAMaximum
from grader.puzzles.warps import WARP
from tests.puzzles.test_kernel_puzzles import accepts, refused_in_float16

PUZZLE = find("warp_communication")
F = np.float32
Way = Callable[[np.ndarray, int], np.float32]
"""From the input and a place, to what a kernel computes there in float32."""


def window(a: np.ndarray, i: int, most: int) -> np.ndarray:
    return a[i : min(i + most, (i // WARP + 1) * WARP, len(a))]


def four(a: np.ndarray, i: int) -> np.ndarray:
    return a[i // WARP * WARP :][:4]


def added(values: np.ndarray) -> np.float32:
    total = F(0)
    for value in values:
        total = F(total + value)
    return total


def difference(a: np.ndarray, i: int) -> np.float32:
    both = window(a, i, 2)
    return F(both[1] - both[0]) if len(both) == 2 else F(0)


def in_memory(a: np.ndarray, i: int) -> np.float32:
    """Who reads the next element from memory, and knows the end of the input only."""
    return F(a[i + 1] - a[i]) if i + 1 < len(a) else F(0)


def divided(a: np.ndarray, i: int) -> np.float32:
    seen = window(a, i, 3)
    return F(added(seen) / F(len(seen)))


def by_reciprocal(a: np.ndarray, i: int) -> np.float32:
    seen = window(a, i, 3)
    return F(added(seen[::-1]) * F(F(1) / F(len(seen))))


def divided_each(a: np.ndarray, i: int) -> np.float32:
    seen = window(a, i, 3)
    return added(np.array([F(each / F(len(seen))) for each in seen], F))


def scaled(a: np.ndarray, i: int) -> np.float32:
    return F(added(window(a, i, 2)) * F(added(four(a, i)) / F(4)))


def scaled_each(a: np.ndarray, i: int) -> np.float32:
    return added(np.array([F(x * F(y * F(0.25))) for x in window(a, i, 2) for y in four(a, i)], F))


def raised(a: np.ndarray, i: int) -> np.float32:
    return F(added(four(a, i)) + a[i])


def raised_one_by_one(a: np.ndarray, i: int) -> np.float32:
    return added(np.array([a[i], *four(a, i)[::-1]], F))


def decided(a: np.ndarray, i: int) -> np.float32:
    half = F(a[i // WARP * WARP :][:8].max() / F(2))
    return F(a[i] * F(2)) if a[i] >= half else F(a[i] / F(2))


WAYS = [
    ("neighbor_difference", difference),
    ("neighbor_difference", in_memory),
    ("moving_average_3", divided),
    ("moving_average_3", by_reciprocal),
    ("moving_average_3", divided_each),
    ("broadcast_shuffle_coordination", scaled),
    ("broadcast_shuffle_coordination", scaled_each),
    ("basic_broadcast", raised),
    ("basic_broadcast", raised_one_by_one),
    ("conditional_broadcast", decided),
]


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_right_ways_are_accepted_and_the_same_in_float16_is_not(name: str, way: Way):
    part = PUZZLE.part(name)
    for sizes in part.boundaries:

        def by_place(inputs: Arrays) -> np.ndarray:
            a = inputs["input"]
            return np.array([way(a, i) for i in range(len(a))], F)

        few = part.tensors[0].count(sizes) < 4
        assert refused_in_float16(part, sizes, by_place) >= 5 or few


def test_the_inputs_show_each_way_in_which_a_maximum_goes_wrong():
    part = PUZZLE.part("conditional_broadcast")
    assert isinstance(part.inputs[0].domain, WithAMaximum)
    negative = eighth = equal = 0
    for seed in range(30):
        a = drawn(part, {"blocks": 1}, Values.INTEGERS, np.random.default_rng(seed))["input"]
        assert part.inputs[0].domain.contains(a, {})
        most = a[:8].max()
        negative += bool(most < 0)
        eighth += int(a[:8].argmax()) == 7
        equal += bool((a == most / 2).any())
    assert min(negative, eighth, equal) >= 5


def test_the_next_element_of_another_warp_is_neither_right_nor_wrong():
    """The task has one warp, and does not say which of two answers is meant for more."""
    a = np.arange(64, dtype=F) ** 2
    for name, wide in (("neighbor_difference", in_memory), ("neighbor_difference", difference)):
        right = PUZZLE.part(name).expected({"input": a}, {"blocks": 2})["output"]
        got = np.array([wide(a, i) for i in range(64)], F)
        assert accepts(right, Values.INTEGERS, got)
        assert right.decided.sum() == 63
