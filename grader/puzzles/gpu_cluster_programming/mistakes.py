"""Well-known wrong answers for sums by the blocks of a cluster, with what to tell about them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.gpu_cluster_programming.answers import scales, slices
from grader.puzzles.programs import Answer, numbers, of_right
from grader.puzzles.shapes import REDUCTION
from grader.puzzles.warps import WARP

SUM_OF_BLOCK = """\
barrier()              # all cells of the block are written
cluster_arrive()
if local_i == 0:
    for i in range(...):   # every cell of the block
        block_sum += ...
    output[...] = ...  # the block's own element, once
cluster_wait()         # by all threads"""
"""The shape of a sum that one thread makes."""
TWO_STEPS = """\
...                    # the sum of the block, in one of its cells
if local_i == 0:
    temp_storage[...] = ...   # the block's own element
cluster_sync()         # by all threads of all blocks
if ...:                # one block
    for i in range(...):      # every block
        total += ...
    output[0] = ..."""
"""The shape of a sum over all blocks."""
SUM_OF_WARPS = """\
if elect_one_sync():
    warp_sum = ...     # of the 32 cells of its own warp
    ...                # store it in the first of them
barrier()
if local_i == 0:
    for i in range(0, ..., 32):   # the cells with the sums
        block_total += ...
    output[...] = ..."""
"""The shape of a sum in two levels."""

Change = Callable[[Answer, Answer], Answer]
"""From the elements of each block, and what it multiplies by, to what a mistake makes of them."""


def _mistake(
    name: str, explanation: str, advice: str, change: Change, place: Place | None = None
) -> Mistake:
    def answer(inputs: Arrays, sizes: Sizes) -> Answer:
        return np.asarray(change(slices(inputs, sizes), scales(sizes)))

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer, place=place)


def _some(chosen: Callable[[Answer], Answer]) -> Change:
    """The scaled sums of some elements of each block."""
    return lambda rows, scale: scale * chosen(rows).sum(axis=1)


def _warps(rows: Answer) -> Answer:
    """The elements of each block by warps."""
    return rows.reshape(len(rows), -1, WARP)


def _leaders_twice(rows: Answer) -> Answer:
    """The sums with the first element of each warp once more."""
    return np.asarray(rows.sum(axis=1) + rows[:, ::WARP].sum(axis=1))


EVERY_CELL = "Each cell of the block counts once: with which does the loop begin, and end?"
OWN_SCALE = "The first block multiplies by 1, the second by 2, and so on: what is that of a block?"

_SCALED = (
    _mistake(
        "not-scaled",
        "The sums are those of the elements as they are: they were not multiplied.",
        OWN_SCALE,
        lambda rows, scale: rows.sum(axis=1),
    ),
    _mistake(
        "scaled-by-number",
        "Each block multiplied by its number, which is 0 for the first one.",
        OWN_SCALE,
        lambda rows, scale: (scale - 1) * rows.sum(axis=1),
    ),
    _mistake(
        "scaled-twice",
        "The elements were multiplied twice: when they were loaded, and when they were added up.",
        "What is in shared memory is multiplied already.",
        lambda rows, scale: scale**2 * rows.sum(axis=1),
    ),
    _mistake(
        "every-block-the-first-elements",
        "Every block has the elements of the first one.",
        "The elements of all blocks before lie before the own ones.",
        lambda rows, scale: scale * rows[0].sum(),
    ),
    _mistake(
        "total-in-every-block",
        "Every block has the sum of all blocks.",
        "A block stores its own sum, in its own element.",
        lambda rows, scale: np.full(len(rows), (scale * rows.sum(axis=1)).sum()),
    ),
    _mistake(
        "mean-of-block",
        "The outputs are means; the task asks for sums.",
        "Nothing is divided.",
        lambda rows, scale: scale * rows.mean(axis=1),
    ),
    _mistake(
        "largest-of-block",
        "The outputs are the largest elements; the task asks for sums.",
        "Which operation puts the elements together?",
        lambda rows, scale: (scale[:, None] * rows).max(axis=1),
    ),
    _mistake(
        "first-warp-only",
        "The sums are those of the first warp of each block: 32 of its elements.",
        "How many cells has a block, and how many warps?",
        _some(lambda rows: rows[:, :WARP]),
    ),
    _mistake(
        "last-of-block-missing",
        "The last element of each block is left out.",
        EVERY_CELL,
        _some(lambda rows: rows[:, :-1]),
        Place.LOOP_END,
    ),
    _mistake(
        "first-of-block-missing",
        "The first element of each block is left out.",
        EVERY_CELL,
        _some(lambda rows: rows[:, 1:]),
        Place.LOOP_START,
    ),
    _mistake(
        "own-element-only",
        "Each output is one element of its block, the first one: nothing was added to it.",
        "The thread that stores the sum first adds up what all others have loaded.",
        _some(lambda rows: rows[:, :1]),
    ),
    _mistake(
        "last-element-only",
        "Each output is the last element of its block: the sum began anew with each step.",
        "A step of the loop adds to what there is.",
        _some(lambda rows: rows[:, -1:]),
    ),
)


def _right(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.asarray(scales(sizes) * slices(inputs, sizes).sum(axis=1))


_SHAPED = (
    *("every-block-the-first-elements", "total-in-every-block", "first-warp-only"),
    *("last-of-block-missing", "first-of-block-missing", "own-element-only", "last-element-only"),
)
OF_BLOCKS = sketched(
    {SUM_OF_BLOCK: (*_SHAPED, "not-scaled", "scaled-by-number", "scaled-twice")},
    *_SCALED,
    *of_right(_right),
)
OF_WARPS = sketched(
    {
        SUM_OF_WARPS: (
            *(*_SHAPED, "first-of-each-warp", "last-warp-missing", "first-of-each-warp-twice"),
            *("last-of-each-warp-missing", "first-warp-missing"),
        )
    },
    _mistake(
        "first-of-each-warp",
        "The sums are those of the first element of each warp: no warp added its elements up.",
        "What does the thread that a warp elects store, and where?",
        _some(lambda rows: rows[:, ::WARP]),
    ),
    _mistake(
        "first-of-each-warp-twice",
        "The first element of each warp is in the sums twice.",
        "The sum of a warp takes the place of what its cell held before.",
        lambda rows, scale: scale * _leaders_twice(rows),
    ),
    _mistake(
        "last-of-each-warp-missing",
        "The last element of each warp is left out.",
        "Each cell of a warp counts once: with which does the loop begin, and end?",
        _some(lambda rows: _warps(rows)[:, :, :-1].reshape(len(rows), -1)),
        Place.LOOP_END,
    ),
    _mistake(
        "last-warp-missing",
        "The last warp of each block is left out.",
        "Where does the sum of the last warp lie, and does the loop reach it?",
        _some(lambda rows: rows[:, :-WARP]),
        Place.LOOP_END,
    ),
    _mistake(
        "first-warp-missing",
        "The first warp of each block is left out.",
        "Where does the sum of the first warp lie, and does the loop begin with it?",
        _some(lambda rows: rows[:, WARP:]),
        Place.LOOP_START,
    ),
    *_SCALED,
    *of_right(_right),
)


def _part_of_all(chosen: Callable[[Answer], Answer]) -> Change:
    """The sum of some elements."""
    return lambda rows, scale: np.array([chosen(rows).sum()])


def _total(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.array([slices(inputs, sizes).sum()])


def _without_last_element(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.array([numbers(inputs, "input")[: sizes["size"] - 1].sum()])


EVERY_BLOCK = "How many blocks store a sum, and which of these sums does the last loop add?"

OF_TOTALS = sketched(
    {
        TWO_STEPS: (
            *("first-block-only", "last-block-only", "last-block-missing", "first-block-missing"),
            *("once-for-each-block", "first-of-each-block"),
        ),
        REDUCTION: ("last-step-missing", "first-step-missing", "first-warps-only"),
    },
    _mistake(
        "first-block-only",
        "The total is the sum of the first block: no other one is in it.",
        "Each block stores its sum, and behind the wait for all one thread adds these up.",
        _part_of_all(lambda rows: rows[:1]),
    ),
    _mistake(
        "last-block-only",
        "The total is the sum of the last block: each one overwrote what was there.",
        "Each block stores its sum in an element of its own. The total is stored once.",
        _part_of_all(lambda rows: rows[-1:]),
    ),
    _mistake(
        "last-block-missing",
        "The sum of the last block is left out.",
        EVERY_BLOCK,
        _part_of_all(lambda rows: rows[:-1]),
        Place.LOOP_END,
    ),
    _mistake(
        "first-block-missing",
        "The sum of the first block is left out.",
        EVERY_BLOCK,
        _part_of_all(lambda rows: rows[1:]),
        Place.LOOP_START,
    ),
    _mistake(
        "once-for-each-block",
        "The total is as many times too large as there are blocks.",
        "The sums of the blocks are added up once, by one thread.",
        lambda rows, scale: np.array([len(rows) * rows.sum()]),
    ),
    _mistake(
        "scaled",
        "The elements of each block were multiplied by its number and one more, as in the other "
        "kernels.",
        "Here the elements are added up as they are.",
        lambda rows, scale: np.array([(scale * rows.sum(axis=1)).sum()]),
    ),
    _mistake(
        "first-of-each-block",
        "The total is the sum of the first element of each block: no block added its elements up.",
        "What is in the cell that each block stores, and when?",
        _part_of_all(lambda rows: rows[:, :1]),
    ),
    _mistake(
        "first-step-missing",
        "The second half of each block is left out.",
        "Which cells does the first step of the reduction add, where all of them hold something?",
        _part_of_all(lambda rows: rows[:, : rows.shape[1] // 2]),
    ),
    _mistake(
        "last-step-missing",
        "The last step of the reduction is missing: every other element is left out.",
        "The step with stride 1 belongs to it: with which stride does the loop end?",
        _part_of_all(lambda rows: rows[:, ::2]),
    ),
    _mistake(
        "first-warps-only",
        "The total is the sum of the first warp of each block.",
        "How many threads has a block, and how many warps?",
        _part_of_all(lambda rows: rows[:, :WARP]),
    ),
    Mistake(
        name="last-element-missing",
        explanation="The last element is left out of the sum.",
        advice="Which is the last index, and does the guard let it through?",
        answer=_without_last_element,
        place=Place.GUARD,
    ),
    _mistake(
        "mean-of-all",
        "The output is a mean; the task asks for the sum.",
        "Nothing is divided.",
        lambda rows, scale: np.array([rows.mean()]),
    ),
    *of_right(_total, single=True),
)
