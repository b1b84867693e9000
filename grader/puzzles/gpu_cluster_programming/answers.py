"""What the threads of each block have of the input, and sums of it.

A block may multiply each element and add, or add and multiply the sum. Both are sums of K products
in some order, with the bound of `grader.model.sums`: the single product at the end is one rounding
of the whole sum. Below the normal numbers they differ: what an addition flushes, less than the
smallest normal number t, is then multiplied, too. So for each of the K additions a t joins the
bound, times the block's factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from grader.puzzle_kit import (
    SMALLEST_NORMAL,
    Arrays,
    ExpectedOutput,
    Sizes,
    sum_of_products,
)
from grader.puzzles.programs import Answer, numbers, power_of_two

THREADS: Final = 1024
"""Of the cluster: four blocks of 256 in the task."""


def threads(sizes: Sizes) -> int:
    """Of a block; always a power of two, which a sum by halves needs."""
    return THREADS // power_of_two(sizes["blocks"])


def slices(inputs: Arrays, sizes: Sizes) -> Answer:
    """A row for each block with the elements of its threads, 0 for those that have none."""
    values, count = numbers(inputs, "input"), sizes["blocks"] * threads(sizes)
    padded = np.zeros(max(count, len(values)))
    padded[: len(values)] = values
    return padded[:count].reshape(sizes["blocks"], -1)


def scales(sizes: Sizes) -> Answer:
    """What each block multiplies by: 1 for the first, 2 for the second, and so on."""
    return np.arange(1.0, sizes["blocks"] + 1)


def scaled_sums(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of each block's products, in any order; or its sum, multiplied once."""
    rows = slices(inputs, sizes)
    there = np.arange(rows.size).reshape(rows.shape) < sizes["size"]
    right = sum_of_products([rows, scales(sizes)[:, None]], there)
    flushed = there.sum(axis=1) * scales(sizes) * SMALLEST_NORMAL
    return {
        "output": replace(
            right, allowed=right.allowed + flushed, rearranged=right.rearranged + flushed
        )
    }


def total(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of all elements, in any order."""
    rows = slices(inputs, sizes)
    there = np.arange(rows.size) < sizes["size"]
    return {"output": sum_of_products([rows.reshape(1, -1)], there)}
