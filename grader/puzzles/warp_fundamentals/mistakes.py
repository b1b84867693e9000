"""Well-known wrong answers for sums over a warp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.programs import Answer, numbers, of_right
from grader.puzzles.warps import WARP

Products = Callable[[Answer, Answer], Answer | None]
"""From ``a`` and ``b``, a row for each warp, to an element for each."""

_SUM: Final = """\
product = ...              # of the lane's own elements; 0 where it has none
total = warp_sum(product)  # by all lanes, outside of every if
if lane_id() == 0:
    ...                    # one lane of each warp stores the total"""


def of_warps(inputs: Arrays, name: str) -> Answer:
    """An input, a row for each warp."""
    return numbers(inputs, name).reshape(-1, WARP)


def right(inputs: Arrays, sizes: Sizes) -> Answer:
    """The dot product of each warp."""
    return np.asarray((of_warps(inputs, "a") * of_warps(inputs, "b")).sum(axis=1))


def _mistake(name: str, explanation: str, advice: str, change: Products) -> Mistake:
    def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
        return change(of_warps(inputs, "a"), of_warps(inputs, "b"))

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer)


def _without_last(a: Answer, b: Answer) -> Answer:
    kept = a * b
    kept[-1, -1] = 0
    return np.asarray(kept.sum(axis=1))


def _running(a: Answer, b: Answer) -> Answer | None:
    sums = (a * b).sum(axis=1)
    return None if len(sums) == 1 else np.asarray(np.cumsum(sums))


MISTAKES = sketched(
    {
        _SUM: (
            *("own-product", "last-product", "last-lane-missing", "first-lane-missing"),
            *("last-product-missing", "half-of-the-lanes", "times-lanes"),
            *("running-total", "mean-of-products"),
        )
    },
    _mistake(
        "own-product",
        "Each output is the product of one lane: the first of the warp.",
        "Store what warp_sum returns, not what it was called with.",
        lambda a, b: (a * b)[:, 0],
    ),
    _mistake(
        "last-product",
        "Each output is the product of one lane: the last of the warp.",
        "Store what warp_sum returns, not what it was called with.",
        lambda a, b: (a * b)[:, -1],
    ),
    _mistake(
        "last-lane-missing",
        "The product of the last lane is left out of each sum.",
        "Which is the last element, and does the guard let its lane multiply?",
        lambda a, b: (a * b)[:, :-1].sum(axis=1),
    ),
    _mistake(
        "last-product-missing",
        "The last product of all is left out of the sum.",
        "Which is the last element, and does the guard let its lane multiply?",
        _without_last,
    ),
    _mistake(
        "first-lane-missing",
        "The product of the first lane is left out of each sum.",
        "Every lane counts, from number 0 on: what does the first one hand to warp_sum?",
        lambda a, b: (a * b)[:, 1:].sum(axis=1),
    ),
    _mistake(
        "half-of-the-lanes",
        "Each sum is that of the first half of the lanes.",
        f"A warp has {WARP} lanes. Which of them hand their product to warp_sum?",
        lambda a, b: (a * b)[:, : WARP // 2].sum(axis=1),
    ),
    _mistake(
        "added-not-multiplied",
        "The elements of a and b were added, not multiplied.",
        "A dot product sums products.",
        lambda a, b: (a + b).sum(axis=1),
    ),
    _mistake(
        "squares-of-a",
        "Each output is the sum of the squares of a.",
        "Multiply an element of a with one of b.",
        lambda a, b: (a * a).sum(axis=1),
    ),
    _mistake(
        "squares-of-b",
        "Each output is the sum of the squares of b.",
        "Multiply an element of a with one of b.",
        lambda a, b: (b * b).sum(axis=1),
    ),
    _mistake(
        "sums-of-a",
        "Each output is the sum of the elements of a.",
        "Multiply an element of a with one of b, and sum the products.",
        lambda a, b: a.sum(axis=1),
    ),
    _mistake(
        "largest-product",
        "Each output is the largest product of the warp.",
        "A dot product is a sum: warp_sum, not a maximum.",
        lambda a, b: (a * b).max(axis=1),
    ),
    _mistake(
        "mean-of-products",
        "Each output is the mean of the products.",
        "A dot product is a sum; nothing is divided.",
        lambda a, b: (a * b).mean(axis=1),
    ),
    _mistake(
        "times-lanes",
        "Each output is the dot product as many times as a warp has lanes.",
        "warp_sum has added up all lanes; its result is not added once more.",
        lambda a, b: WARP * (a * b).sum(axis=1),
    ),
    _mistake(
        "running-total",
        "Each output is the sum over its own warp and all before it.",
        "A warp sums its own elements.",
        _running,
    ),
    *of_right(right, own_element="The first lane of each warp has an element of its own"),
    places={Place.GUARD: ("last-product-missing",)},
)
