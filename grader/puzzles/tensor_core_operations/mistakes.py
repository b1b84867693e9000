"""Well-known wrong answers for a product by tensor cores, with what to tell whoever gives them.

Each is what comes out where one of the three loops, or one of the tiles, is taken for another: the
tiles of a warp are 32 by 32, those of one instruction 16 by 8 for A, 8 by 8 for B, 16 by 8 for the
sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.programs import Answer, numbers, of_right
from grader.puzzles.warps import WARP

MMA_M: Final = 16
MMA_N: Final = 8
MMA_K: Final = 8

Change = Callable[[Answer, Answer], Answer]
"""From both matrices to what a mistake makes of them."""


def _mistake(
    name: str, explanation: str, advice: str, change: Change, place: Place | None = None
) -> Mistake:
    def answer(inputs: Arrays, sizes: Sizes) -> Answer:
        return np.asarray(change(numbers(inputs, "A"), numbers(inputs, "B")))

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer, place=place)


def _right(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.asarray(numbers(inputs, "A") @ numbers(inputs, "B"))


def _first_of(extent: int, step: int) -> NDArray[np.int64]:
    """For each place, the one in the first tile of ``step`` within its warp's tile."""
    place = np.arange(extent)
    return place // WARP * WARP + place % step


def _transposed_in_tiles(b: Answer) -> Answer:
    """Each tile of 8 by 8 transposed where it is."""
    tiles = len(b) // MMA_K
    return b.reshape(tiles, MMA_K, tiles, MMA_K).transpose(0, 3, 2, 1).reshape(b.shape)


def _tiles_exchanged(b: Answer) -> Answer:
    """Within each tile of a warp, the tiles of 8 by 8 in the places of their mirror images."""
    warps, tiles = len(b) // WARP, WARP // MMA_K
    split = b.reshape(warps, tiles, MMA_K, warps, tiles, MMA_N)
    return split.transpose(0, 4, 2, 3, 1, 5).reshape(b.shape)


def _rows_together(a: Answer, b: Answer) -> Answer:
    """The sums of both halves of a warp's rows in the first half, and zeros in the other."""
    halves = (a @ b).reshape(-1, WARP // MMA_M, MMA_M, b.shape[1])
    value = np.zeros_like(halves)
    value[:, 0] = halves.sum(axis=1)
    return value.reshape(len(a), b.shape[1])


def _columns_together(a: Answer, b: Answer) -> Answer:
    """The same with columns: all in the first quarter."""
    quarters = (a @ b).reshape(len(a), -1, WARP // MMA_N, MMA_N)
    value = np.zeros_like(quarters)
    value[:, :, 0] = quarters.sum(axis=2)
    return value.reshape(len(a), b.shape[1])


def _some_of_each_tile(some: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> Change:
    """Products of some k only, by where they stand in the tile of a block."""

    def change(a: Answer, b: Answer) -> Answer:
        there = some(np.arange(len(b)) % WARP)
        return np.asarray(a[:, there] @ b[there])

    return change


def _part_of(rows: int, columns: int) -> Change:
    """Only so many rows and columns of each tile of a warp are written."""

    def change(a: Answer, b: Answer) -> Answer:
        row, column = (np.arange(len(each)) % WARP for each in (a, b))
        return np.where((row < rows)[:, None] & (column < columns), a @ b, 0.0)

    return change


_STEP = """\
for mma_k ..., for mma_m ..., for mma_n ...:
    a = ...            # the tile of A: rows by mma_m, columns by mma_k
    b = ...            # the tile of B: rows by mma_k, columns by mma_n
    c = ...            # the sums so far: rows by mma_m, columns by mma_n
    ...                # store a * b + c where c came from"""
OWN_TILE = "Which of the three loops counts rows of this matrix in tiles, and which its columns?"
ALL_STEPS = "Each sum takes a product from every k of the matrices, and goes on from step to step."

MISTAKES = sketched(
    {
        _STEP: (
            *("last-step-only", "last-tile-only", "first-step-of-each-tile", "first-tile-only"),
            *("a-always-the-first-rows", "a-always-the-first-columns"),
            *("b-always-the-first-rows", "b-always-the-first-columns", "b-tiles-exchanged"),
            *("rows-added-together", "columns-added-together"),
        ),
    },
    _mistake(
        "last-step-only",
        "Each output is the sum of its last eight products: what was there before is not in it.",
        ALL_STEPS,
        lambda a, b: a[:, -MMA_K:] @ b[-MMA_K:],
    ),
    _mistake(
        "last-tile-only",
        "Each output is the sum over the last tile: the sums began anew with each tile.",
        "The sums begin at zero once, before the loop over the tiles.",
        lambda a, b: a[:, -WARP:] @ b[-WARP:],
    ),
    _mistake(
        "first-tile-only",
        "Only the first tile of each row and column was multiplied.",
        "How many tiles of A stand beside each other?",
        lambda a, b: a[:, :WARP] @ b[:WARP],
        Place.LOOP_END,
    ),
    _mistake(
        "last-tile-missing",
        "The last tile of each row and column was left out.",
        "How many tiles of A stand beside each other?",
        lambda a, b: a[:, :-WARP] @ b[:-WARP],
        Place.LOOP_END,
    ),
    _mistake(
        "first-step-of-each-tile",
        "Of each tile only the first eight products are in the sums.",
        ALL_STEPS,
        _some_of_each_tile(lambda k: k < MMA_K),
    ),
    _mistake(
        "last-step-of-each-tile-missing",
        "Of each tile the last eight products are missing.",
        "How many steps does a tile have, and which is the last that the loop takes?",
        _some_of_each_tile(lambda k: k < WARP - MMA_K),
        Place.LOOP_END,
    ),
    _mistake(
        "a-always-the-first-rows",
        "The second half of each warp's rows was multiplied with the rows of the first half.",
        OWN_TILE,
        lambda a, b: a[_first_of(len(a), MMA_M)] @ b,
    ),
    _mistake(
        "a-always-the-first-columns",
        "Of A always the first eight columns of a tile were taken.",
        OWN_TILE,
        lambda a, b: a[:, _first_of(len(b), MMA_K)] @ b,
    ),
    _mistake(
        "b-always-the-first-rows",
        "Of B always the first eight rows of a tile were taken.",
        OWN_TILE,
        lambda a, b: a @ b[_first_of(len(b), MMA_K)],
    ),
    _mistake(
        "b-always-the-first-columns",
        "Of B always the first eight columns of a warp's tile were taken.",
        OWN_TILE,
        lambda a, b: a @ b[:, _first_of(len(b), MMA_N)],
    ),
    _mistake(
        "b-tiles-exchanged",
        "Within each warp's tile of B, rows and columns of tiles were exchanged.",
        OWN_TILE,
        lambda a, b: a @ _tiles_exchanged(b),
    ),
    _mistake(
        "b-transposed-in-tiles",
        "Each tile of B was taken with its rows and columns exchanged.",
        "B lies in memory row by row, as A does. What is the operation told about that?",
        lambda a, b: a @ _transposed_in_tiles(b),
    ),
    _mistake(
        "rows-added-together",
        "The sums of both halves of each warp's rows were added up in the first half.",
        OWN_TILE,
        _rows_together,
    ),
    _mistake(
        "columns-added-together",
        "The sums of all four quarters of each warp's columns were added up in the first one.",
        OWN_TILE,
        _columns_together,
    ),
    _mistake(
        "first-rows-only",
        "Only the first half of each warp's rows is written.",
        "How many tiles of sixteen rows has a warp?",
        _part_of(MMA_M, WARP),
    ),
    _mistake(
        "first-columns-only",
        "Only the first eight columns of each warp's tile are written.",
        "How many tiles of eight columns has a warp?",
        _part_of(WARP, MMA_N),
    ),
    _mistake(
        "subtracted",
        "The products were subtracted.",
        "The operation adds its third argument to the product.",
        lambda a, b: -(a @ b),
    ),
    _mistake(
        "b-transposed",
        "B was read by rows: this is A @ B.T.",
        "In B the column stays, and the row moves.",
        lambda a, b: a @ b.T,
    ),
    _mistake(
        "a-transposed",
        "A was read by columns: this is A.T @ B.",
        "In A the row stays, and the column moves.",
        lambda a, b: a.T @ b,
    ),
    _mistake(
        "output-transposed",
        "This is the product with rows and columns exchanged.",
        "Rows come from y and columns from x, where the tile is written as well.",
        lambda a, b: (a @ b).T,
    ),
    _mistake(
        "swapped",
        "This is B @ A.",
        "Multiply rows of A by columns of B.",
        lambda a, b: b @ a,
    ),
    _mistake(
        "squared",
        "A was multiplied by itself.",
        "The second factor comes from B. Is its tile loaded from B?",
        lambda a, b: a @ a,
    ),
    _mistake(
        "elementwise",
        "The elements were multiplied one by one.",
        "Each output is a sum over a row of A and a column of B.",
        lambda a, b: a * b,
    ),
    *of_right(_right, own_element="Each lane has elements of its own"),
)
