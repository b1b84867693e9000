"""The bound of a product by tensor cores: right on every GPU, and by nothing that is less precise.

The products are those of the first rows and columns of what is drawn, over all of their terms.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from grader.grading.inputs import Pattern, drawn, patterned
from grader.intake.program import functions
from grader.model.domains import Values
from grader.puzzles import find
from grader.puzzles.tensor_core_operations.bound import matrix_product
from grader.samples import read_samples
from tests.puzzles.test_kernel_puzzles import accepts

F = np.float32
PART_OF = "tensor_core_operations"
PART = find(PART_OF).parts[0]
KINDS = (Values.INTEGERS, Values.REALS, Values.SPECIAL)
ROWS, COLUMNS = 8, 6
Singles = NDArray[np.float32]
SEEDS = 12


def factors(values: Values, seed: int, *, pattern: Pattern | None = None) -> tuple[Singles, ...]:
    random = np.random.default_rng(seed)
    sizes = {"tiles": 1}
    whole = values is Values.INTEGERS
    found = (
        drawn(PART, sizes, values, random)
        if pattern is None
        else patterned(PART, sizes, pattern, random, whole=whole)
    )
    return found["A"][:ROWS].astype(F), found["B"][:, :COLUMNS].astype(F)


CASES = [(values, factors(values, seed)) for values in KINDS for seed in range(SEEDS)] + [
    (values, factors(values, seed, pattern=pattern))
    for pattern in Pattern
    for values in KINDS[:2]
    for seed in range(3)
]


def cut(numbers: Singles) -> Singles:
    """As tf32, without the bits that it has not."""
    return (np.ascontiguousarray(numbers).view(np.uint32) & np.uint32(0xFFFFE000)).view(F)


def rounded(numbers: Singles) -> Singles:
    """As ``cvt.rna.tf32`` makes it: to the nearest, ties away from zero."""
    bits = np.ascontiguousarray(numbers).view(np.uint32)
    up = (bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
    return np.where(np.isfinite(numbers), up.view(F), numbers)


def towards_zero(values):
    """Float32, cut off."""
    single = values.astype(F)
    beyond = np.abs(single) > np.abs(values)
    return np.where(beyond, np.nextafter(single, F(0)), single).astype(F)


def by_tensor_cores(a: Singles, b: Singles, *, together: int) -> Singles:
    """Blocks of products, aligned to the largest term, cut off there and in the sum."""
    total = np.zeros((len(a), b.shape[1]), F)
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    for start in range(0, a.shape[1], together):
        block = slice(start, start + together)
        products = wide_a[:, block, None] * wide_b[None, block, :]
        terms = np.concatenate([products, total[:, None].astype(np.float64)], axis=1)
        largest = np.abs(np.where(np.isfinite(terms), terms, 0)).max(axis=1, keepdims=True)
        unit = np.exp2(np.floor(np.log2(np.maximum(largest, 2.0**-149))) - 23)
        total = towards_zero((np.trunc(terms / unit) * unit).sum(axis=1))
    return total


def one_by_one(a: Singles, b: Singles) -> Singles:
    """In float32, each product and each sum rounded."""
    total = np.zeros((len(a), b.shape[1]), F)
    for k in range(a.shape[1]):
        total = total + a[:, k, None] * b[k]
    return total


def in_halves(a: Singles, b: Singles) -> Singles:
    """The same with the sums in float16."""
    total = np.zeros((len(a), b.shape[1]), np.float16)
    for k in range(a.shape[1]):
        total = (total + a[:, k, None] * b[k]).astype(np.float16)
    return total.astype(F)


def bfloat16(numbers: Singles) -> Singles:
    bits = np.ascontiguousarray(numbers).view(np.uint32)
    near = (bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return np.where(np.isfinite(numbers), near.view(F), numbers)


RIGHT = {
    "an A100": lambda a, b: by_tensor_cores(cut(a), cut(b), together=4),
    "an H100": lambda a, b: by_tensor_cores(cut(a), cut(b), together=8),
    "factors rounded": lambda a, b: by_tensor_cores(rounded(a), rounded(b), together=4),
    "two halves": lambda a, b: (
        by_tensor_cores(cut(a[:, ::2]), cut(b[::2]), together=4)
        + by_tensor_cores(cut(a[:, 1::2]), cut(b[1::2]), together=4)
    ),
    "no tensor cores": one_by_one,
    "backwards": lambda a, b: one_by_one(a[:, ::-1], b[::-1]),
}
WRONG = {
    "sums in float16": in_halves,
    "result in float16": lambda a, b: one_by_one(a, b).astype(np.float16).astype(F),
    "factors in float16": lambda a, b: one_by_one(
        a.astype(np.float16).astype(F), b.astype(np.float16).astype(F)
    ),
    "factors in bfloat16": lambda a, b: one_by_one(bfloat16(a), bfloat16(b)),
    "a step missing": lambda a, b: one_by_one(a[:, 8:], b[8:]),
}


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_product_is_accepted_in_every_case(way):
    for values, (a, b) in CASES:
        right = matrix_product(a, b)
        with np.errstate(all="ignore"):
            assert accepts(right, values, RIGHT[way](a, b)), (way, values)


@pytest.mark.parametrize("way", WRONG)
def test_what_is_less_precise_is_refused_for_whole_numbers_and_for_reals(way):
    with np.errstate(all="ignore"):
        refused = {
            values: sum(
                not accepts(matrix_product(a, b), values, WRONG[way](a, b))
                for kind, (a, b) in CASES
                if kind is values
            )
            for values in KINDS[:2]
        }
    assert all(refused.values()), refused


def test_small_whole_numbers_are_compared_as_they_are():
    for seed in range(SEEDS):
        a, b = factors(Values.INTEGERS, seed)
        assert matrix_product(a, b).exact.all()


@pytest.mark.parametrize(
    ("number", "exact"), [(2048.0, True), (2049.0, False), (2050.0, True), (0.5, False)]
)
def test_what_tf32_does_not_hold_is_not(number, exact):
    a, b = np.full((1, 4), number, F), np.ones((4, 1), F)
    assert bool(matrix_product(a, b).exact[0, 0]) is exact


def test_of_a_product_of_two_numbers_tf32_may_lose_the_lower_bits_and_no_more():
    number = F(1 + 2.0**-10 - 2.0**-23)
    right = matrix_product(np.array([[number]]), np.array([[number]]))
    kept = float(cut(np.array([number]))[0])
    off = abs(kept * kept - float(right.value[0, 0]))
    assert 0.99 < off / right.allowed[0, 0] <= 1


def test_where_rounding_a_factor_makes_it_infinite_nothing_is_decided():
    largest = np.finfo(F).max
    a, b = np.array([[largest, 1], [1, 1]], F), np.full((2, 1), 2.0**-4, F)
    assert np.isinf(rounded(a)[0, 0])
    assert matrix_product(a, b).decided.tolist() == [[False], [True]]


def test_a_sum_that_may_overflow_is_undecided_and_an_infinity_is_right():
    a = np.array([[2.0**127, 2.0**127, -(2.0**127)], [np.inf, 1, 1]], F)
    right = matrix_product(a, np.ones((3, 1), F))
    assert right.decided.tolist() == [[False], [True]]
    assert right.value[1, 0] == np.inf
    assert right.may_be_nan.all()


def test_a_kernel_without_layouts_is_launched_as_the_book_had_it_meanwhile():
    (sample,) = (each for each in read_samples(PART_OF) if each.name == "tile_tensors")
    kernel = functions(sample.content.decode())["tensor_core_matrix_multiplication"]
    (launch,) = PART.kernels.launches
    assert kernel.parameters == (9, 9)
    fit = launch.parameters_for(kernel.parameters, (), older=False)
    assert fit == (launch.parameters[0], *launch.parameters[4:])
