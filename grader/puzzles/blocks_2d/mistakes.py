"""Well-known wrong answers with blocks along both axes."""

from __future__ import annotations

import numpy as np

from grader.puzzle_kit import Sizes, sketched
from grader.puzzles.elementwise import PLUS_TEN, TEN, another, changed, only
from grader.puzzles.map_2d.mistakes import axes, of_two_axes
from grader.puzzles.programs import Answer
from grader.puzzles.shapes import BLOCKS_OF_TWO_AXES


def _first_block(value: Answer, sizes: Sizes) -> Answer | None:
    row, col = axes(value)
    return only(value, (row < sizes["threads_y"]) & (col < sizes["threads_x"]))


def _first_across(value: Answer, sizes: Sizes) -> Answer | None:
    return only(value, axes(value)[1] < sizes["threads_x"])


def _first_down(value: Answer, sizes: Sizes) -> Answer | None:
    return only(value, axes(value)[0] < sizes["threads_y"])


def _full_blocks(value: Answer, sizes: Sizes) -> Answer | None:
    row, col = axes(value)
    x, y = (sizes["size"] // sizes[name] * sizes[name] for name in ("threads_x", "threads_y"))
    return only(value, (row < y) & (col < x))


def _diagonal_blocks(value: Answer, sizes: Sizes) -> Answer | None:
    """The number of the block along x was taken for both axes."""
    row, col = axes(value)
    return only(value, row // sizes["threads_y"] == col // sizes["threads_x"])


def _in_steps_of(down: int, across: int, value: Answer, sizes: Sizes) -> Answer | None:
    """What is written where the blocks are taken to begin so many elements apart."""
    reached = []
    for step, name in ((down, "threads_y"), (across, "threads_x")):
        first = step * np.arange(-(-sizes["size"] // sizes[name]))
        written = np.add.outer(first, np.arange(sizes[name]))
        reached.append(np.isin(np.arange(sizes["size"]), written))
    return only(value, np.logical_and.outer(*reached))


def _local_value(a: Answer, sizes: Sizes) -> Answer | None:
    row, col = axes(a)
    if sizes["size"] <= min(sizes["threads_x"], sizes["threads_y"]):
        return None
    return np.asarray(a[row % sizes["threads_y"], col % sizes["threads_x"]] + TEN)


MISTAKES = sketched(
    {
        BLOCKS_OF_TWO_AXES: (
            "first-block-only",
            "first-blocks-across",
            "first-blocks-down",
            "diagonal-blocks",
            "full-blocks-only",
            "sizes-exchanged",
            "blocks-of-the-example",
            "local-element",
        ),
    },
    changed(
        "first-block-only",
        _first_block,
        explanation="Only the elements of the first block are written.",
        advice="Rows and columns have to count through all blocks: how many rows do the blocks "
        "above have, and how many columns those to the left?",
    ),
    changed(
        "first-blocks-across",
        _first_across,
        explanation="Only the columns of the first blocks are written.",
        advice="Which columns do the blocks of the second column of blocks have?",
    ),
    changed(
        "first-blocks-down",
        _first_down,
        explanation="Only the rows of the first blocks are written.",
        advice="Which rows do the blocks of the second row of blocks have?",
    ),
    changed(
        "diagonal-blocks",
        _diagonal_blocks,
        explanation="Only the blocks on the diagonal are written: one number of the block served "
        "for both axes.",
        advice="Rows go with block_idx.y, columns with block_idx.x.",
    ),
    changed(
        "full-blocks-only",
        _full_blocks,
        explanation="Blocks at the right and at the bottom are not written where they are not "
        "full.",
        advice="The guard is about the thread's own row and column, not about those of the block.",
    ),
    changed(
        "sizes-exchanged",
        lambda value, sizes: _in_steps_of(sizes["threads_x"], sizes["threads_y"], value, sizes),
        explanation="The number of the block along one axis was multiplied by the size of a block "
        "along the other. In the published example blocks are squares, which does not show it.",
        advice="Which extent of a block counts rows, and which columns? Look at the number of "
        "the block beside each.",
    ),
    changed(
        "blocks-of-the-example",
        lambda value, sizes: _in_steps_of(3, 3, value, sizes),
        explanation="Blocks were taken to have 3 x 3 threads, as in the published example.",
        advice="Use block_dim.y and block_dim.x, the numbers of threads that there are.",
    ),
    another(
        "local-element",
        _local_value,
        explanation="Every block read the elements of the first one.",
        advice="a is read with the row and the column that count through all blocks.",
    ),
    *of_two_axes(),
    *PLUS_TEN,
)
