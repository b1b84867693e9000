"""Well-known wrong answers for matrix multiplication, with what to tell whoever gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.programs import Answer, numbers, of_right

TPB = 3
"""Threads of a block along each axis, which the task fixes."""


def _of(change: Callable[[Answer, Answer], Answer]) -> Callable[[Arrays, Sizes], Answer]:
    """Something else that is made of both matrices."""
    return lambda inputs, sizes: np.asarray(change(numbers(inputs, "a"), numbers(inputs, "b")))


def _right(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.asarray(numbers(inputs, "a") @ numbers(inputs, "b"))


def _tile(which: slice) -> Callable[[Arrays, Sizes], Answer | None]:
    """The products of one tile of each row and column only."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
        if sizes["size"] <= TPB:
            return None
        return np.asarray(numbers(inputs, "a")[:, which] @ numbers(inputs, "b")[which])

    return answer


def _three_tiles(inputs: Arrays, sizes: Sizes) -> Answer | None:
    if sizes["size"] <= TPB * TPB:
        return None
    return _tile(slice(0, TPB * TPB))(inputs, sizes)


def _first_block(inputs: Arrays, sizes: Sizes) -> Answer | None:
    if sizes["size"] <= TPB:
        return None
    value = np.zeros((sizes["size"], sizes["size"]))
    value[:TPB, :TPB] = _right(inputs, sizes)[:TPB, :TPB]
    return value


_PRODUCTS = """\
total = 0              # once, before the loop
for k in range(size):
    total += ...       # k moves along the row of a and down the column of b
output[row, col] = total"""
COMMON = sketched(
    {
        _PRODUCTS: (
            *("elementwise", "b-transposed", "a-transposed", "first-product-only"),
            *("first-product-missing", "last-product-missing", "last-product-only"),
        ),
    },
    Mistake(
        name="elementwise",
        explanation="The elements were multiplied one by one.",
        advice="Each output is a sum over a row of a and a column of b.",
        answer=_of(lambda a, b: a * b),
    ),
    Mistake(
        name="b-transposed",
        explanation="b was read by rows: this is a @ b.T.",
        advice="In b the column stays, and the row moves.",
        answer=_of(lambda a, b: a @ b.T),
    ),
    Mistake(
        name="a-transposed",
        explanation="a was read by columns: this is a.T @ b.",
        advice="In a the row stays, and the column moves.",
        answer=_of(lambda a, b: a.T @ b),
    ),
    Mistake(
        name="output-transposed",
        explanation="This is the product with rows and columns exchanged.",
        advice="Rows come from y and columns from x, where the sum is written as well.",
        answer=_of(lambda a, b: (a @ b).T),
    ),
    Mistake(
        name="swapped",
        explanation="This is b @ a.",
        advice="Multiply rows of a by columns of b.",
        answer=_of(lambda a, b: b @ a),
    ),
    Mistake(
        name="squared",
        explanation="a was multiplied by itself.",
        advice="The second factor comes from b. Is its tile loaded from b?",
        answer=_of(lambda a, b: a @ a),
    ),
    Mistake(
        name="first-product-only",
        explanation="Each output is the first product of its sum.",
        advice="Which products belong to a sum, and which of them does the loop reach?",
        answer=_of(lambda a, b: np.outer(a[:, 0], b[0])),
    ),
    Mistake(
        name="first-product-missing",
        place=Place.LOOP_START,
        explanation="The first product of each sum is left out.",
        advice="k begins at 0.",
        answer=_of(lambda a, b: a[:, 1:] @ b[1:]),
    ),
    Mistake(
        name="last-product-missing",
        place=Place.LOOP_END,
        explanation="The last product of each sum is left out.",
        advice="Which is the last product of a sum?",
        answer=_of(lambda a, b: a[:, :-1] @ b[:-1]),
    ),
    Mistake(
        name="last-product-only",
        explanation="Each output is the last product of its sum: the others were overwritten.",
        advice="What becomes of the sum so far when the next product comes?",
        answer=_of(lambda a, b: np.outer(a[:, -1], b[-1])),
    ),
    *of_right(_right),
)

_TILES = """\
total = 0              # once, before the loop
for tile in range(...):  # as many as cover a row
    ...                # load a tile of a and one of b
    barrier()
    ...                # add TPB products to total
    barrier()          # before the next tile is loaded"""
TILED = sketched(
    {
        _TILES: ("first-tile-only", "three-tiles", "last-tile-only"),
    },
    Mistake(
        name="first-tile-only",
        explanation="Only the first tile of each row and column was multiplied.",
        advice="Loop over all tiles, and keep the sum.",
        answer=_tile(slice(0, TPB)),
    ),
    Mistake(
        name="three-tiles",
        explanation="Only the first three tiles of each row and column were multiplied: TPB is the "
        "width of a tile, not the number of tiles.",
        advice="How many tiles cover a row, the last one included that is not full?",
        answer=_three_tiles,
    ),
    Mistake(
        name="last-tile-only",
        explanation="Only the last tile of each row and column is in the sum.",
        advice="The sum begins at zero once, before the loop over the tiles.",
        answer=_tile(slice(-TPB, None)),
    ),
    Mistake(
        name="first-block-only",
        explanation="Only the outputs of the first block are right, and the rest is zero.",
        advice="Rows and columns have to count through all blocks: how many do the blocks before "
        "have?",
        answer=_first_block,
    ),
)
