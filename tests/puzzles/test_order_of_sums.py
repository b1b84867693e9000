"""Sums of the puzzles with kernels: right in any order, and not when rounded to fewer digits."""

from __future__ import annotations

import numpy as np
import pytest

from grader.grading.inputs import drawn
from grader.model.domains import Values
from grader.puzzles import find

PARTS = {
    part.name: part
    for puzzle in (
        *("pooling", "dot_product", "convolution_1d", "prefix_sum", "axis_sum"),
        *("matrix_multiplication", "memory_errors", "debugging"),
    )
    for part in find(puzzle).parts
}
DRAWS = 40


def terms_of(part, inputs, sizes):
    """For each output in a row, its terms: pairs of a number and what it is multiplied by."""
    a = inputs["a"].astype(np.float64)
    one = 1.0
    if part.name == "pooling":
        return [[(a[k], one) for k in range(max(i - 2, 0), i + 1)] for i in range(len(a))]
    if part.name == "dot_product":
        return [list(zip(a, inputs["b"].astype(np.float64), strict=True))]
    if part.name.startswith("conv"):
        b = inputs["b"].astype(np.float64)
        return [[(a[i + j], b[j]) for j in range(len(b)) if i + j < len(a)] for i in range(len(a))]
    if part.name.startswith("prefix"):
        return [[(a[k], one) for k in range(i + 1)] for i in range(len(a))]
    if part.name == "axis_sum":
        return [[(each, one) for each in row] for row in a]
    if part.name == "add_10_2d":
        return [[(each, one), (10.0, one)] for each in a.ravel()]
    if part.name == "shared_memory_race":
        return [[(each, one) for each in a.ravel()]] * a.size
    if part.name == "process_sliding_window":
        near = [range(max(i - 1, 0), min(i + 2, len(a))) for i in range(len(a))]
        return [[(a[k], one) for k in places] for places in near]
    if part.name == "collaborative_filter":
        inner = range(1, len(a) - 1)
        return [[(a[i], one), *([(a[i - 1], 0.5)] if i in inner else [])] for i in range(len(a))]
    b = inputs["b"].astype(np.float64)
    count = sizes["size"]
    return [
        [(a[row, k], b[k, col]) for k in range(count)]
        for row in range(count)
        for col in range(count)
    ]


def in_turn(terms, *, fused):
    total = np.float32(0)
    for number, factor in terms:
        product = number * factor if fused else np.float64(np.float32(number * factor))
        total = np.float32(np.float64(total) + product)
    return total


def shuffled(terms, random):
    return in_turn([terms[k] for k in random.permutation(len(terms))], fused=False)


def by_halves(terms, random):
    cells = np.zeros(1 << max(len(terms) - 1, 0).bit_length(), np.float32)
    for place, (number, factor) in enumerate(terms):
        cells[place] = np.float32(number * factor)
    while len(cells) > 1:
        cells = cells[: len(cells) // 2] + cells[len(cells) // 2 :]
    return cells[0]


def in_blocks(terms, random):
    width = int(random.integers(1, len(terms) + 1))
    sums = [in_turn(terms[k : k + width], fused=True) for k in range(0, len(terms), width)]
    return in_turn([(np.float64(each), 1.0) for each in sums], fused=False)


WAYS = (
    lambda terms, random: in_turn(terms, fused=False),
    lambda terms, random: in_turn(terms, fused=True),
    lambda terms, random: in_turn(terms[::-1], fused=True),
    shuffled,
    by_halves,
    in_blocks,
)


def cases(part, values):
    random = np.random.default_rng(7)
    points = [sizes for sizes in part.domain_points() if part.assigned(sizes)]
    for number in range(DRAWS):
        sizes = points[number % len(points)]
        inputs = drawn(part, sizes, values, random)
        right = part.expected(inputs, sizes)["output"]
        yield terms_of(part, inputs, sizes), right, random


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_every_order_is_right(part):
    for values in (Values.INTEGERS, Values.REALS):
        for terms, right, random in cases(part, values):
            for way in WAYS:
                got = np.array([way(each, random) for each in terms], np.float64)
                off = np.abs(got - right.value.ravel()[: len(got)])
                assert (off <= right.allowed.ravel()[: len(got)]).all()
                if values is Values.INTEGERS:
                    assert (off[right.exact.ravel()[: len(got)]] == 0).all()


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_float16_on_the_way_is_wrong(part):
    """But where it happens to be right: of one sum, or where ten is all that is left of it."""
    caught = 0
    for terms, right, _ in cases(part, Values.REALS):
        with np.errstate(over="ignore"):
            got = np.array([np.float16(in_turn(each, fused=False)) for each in terms], np.float64)
        off = np.abs(got - right.value.ravel()[: len(got)])
        caught += not (off <= right.allowed.ravel()[: len(got)]).all()
    assert caught >= DRAWS * (0.7 if part.name == "add_10_2d" else 0.9)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_whole_numbers_are_decided_and_exact(part):
    for terms, right, _ in cases(part, Values.INTEGERS):
        if part.name != "collaborative_filter":  # it halves
            assert right.exact.ravel()[: len(terms)].all()
        assert right.decided.ravel()[: len(terms)].all()
