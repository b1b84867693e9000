"""Well-known wrong answers by way of a tile in shared memory."""

from __future__ import annotations

import numpy as np

from grader.puzzle_kit import Sizes, sketched
from grader.puzzles.blocks.mistakes import of_blocks
from grader.puzzles.elementwise import PLUS_TEN, TEN, another
from grader.puzzles.programs import Answer


def _first_of_tile(a: Answer, sizes: Sizes) -> Answer | None:
    if sizes["tpb"] == 1 or a.size == 1:
        return None
    return np.asarray(a[np.arange(a.size) // sizes["tpb"] * sizes["tpb"]] + TEN)


def _of_ones(a: Answer, sizes: Sizes) -> Answer:
    return np.full(a.shape, 1.0 + TEN)


_TILE = """\
shared[local_i] = ...  # the thread's element
barrier()
... = shared[...]      # the cell of the same thread"""

MISTAKES = sketched(
    {
        _TILE: (
            "first-of-tile",
            "of-the-example",
            "blocks-backwards",
        ),
    },
    *of_blocks("tpb"),
    another(
        "first-of-tile",
        _first_of_tile,
        explanation="Every thread of a block read the first cell of the tile.",
        advice="In which cell of the tile does a thread's own element lie?",
    ),
    another(
        "of-the-example",
        _of_ones,
        explanation="Every output is 11, which is right for the published example only.",
        advice="Read the thread's element from the tile, and add 10 to it.",
    ),
    *PLUS_TEN,
)
