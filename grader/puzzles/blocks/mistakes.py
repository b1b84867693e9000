"""Well-known wrong answers with several blocks in one dimension."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Mistake, Sizes, sketched
from grader.puzzles.elementwise import PLUS_TEN, TEN, another, changed, only
from grader.puzzles.programs import Answer
from grader.puzzles.shapes import BLOCKS


def of_blocks(threads: str) -> tuple[Mistake, ...]:
    """Mistakes with the number of the block, in blocks of ``threads`` threads.

    Args:
        threads: The name of that size.
    """

    def block(value: Answer, sizes: Sizes) -> NDArray[np.int64]:
        return np.arange(value.size) // sizes[threads]

    def local(value: Answer, sizes: Sizes) -> NDArray[np.int64]:
        return np.arange(value.size) % sizes[threads]

    def local_value(a: Answer, sizes: Sizes) -> Answer | None:
        return None if a.size <= sizes[threads] else a[local(a, sizes)] + TEN

    def backwards(value: Answer, sizes: Sizes) -> Answer | None:
        """Each full block in reverse order, as the tile of it would be read from its end."""
        if sizes[threads] == 1 or value.size % sizes[threads]:
            return None
        return value.reshape(-1, sizes[threads])[:, ::-1].copy()

    def last_block(value: Answer, sizes: Sizes) -> Answer | None:
        """What the last block leaves in the place of the first, where all write there."""
        count = sizes[threads]
        if value.size <= count or value.size % count:
            return None
        written = np.zeros_like(value)
        written[:count] = value[-count:]
        return written

    return sketched(
        {
            BLOCKS: (
                *("first-block-only", "local-element", "last-block-in-place-of-the-first"),
                *("full-blocks-only", "first-of-each-block"),
            ),
        },
        changed(
            "first-block-only",
            lambda value, sizes: only(value, block(value, sizes) == 0),
            explanation="Only the elements of the first block are written.",
            advice="The index has to count through all blocks: how many elements do the blocks "
            "before have?",
        ),
        another(
            "local-element",
            local_value,
            explanation="Every block read the elements of the first one.",
            advice="a is read with the index that counts through all blocks, not with that of the "
            "thread in its block.",
        ),
        changed(
            "last-block-in-place-of-the-first",
            last_block,
            explanation="All blocks wrote into the place of the first.",
            advice="The output is written with the index that counts through all blocks.",
        ),
        changed(
            "full-blocks-only",
            lambda value, sizes: only(value, block(value, sizes) < value.size // sizes[threads]),
            explanation="The last block is not written where it is not full.",
            advice="The guard is about the thread's own index, not about its block.",
        ),
        changed(
            "first-of-each-block",
            lambda value, sizes: only(value, local(value, sizes) == 0),
            explanation="Only the first element of each block is written.",
            advice="Every thread of a block has an element: add thread_idx.x.",
        ),
        changed(
            "blocks-backwards",
            backwards,
            explanation="The elements of each block stand in reverse order.",
            advice="A thread writes the element that it has loaded: the same index for both.",
        ),
    )


def _blocks(value: Answer, sizes: Sizes) -> int:
    return -(-value.size // sizes["threads"])


def _in_steps_of(step: int, value: Answer, sizes: Sizes) -> Answer | None:
    """What is written where the blocks are taken to begin ``step`` elements apart."""
    first = step * np.arange(_blocks(value, sizes))
    written = np.add.outer(first, np.arange(sizes["threads"]))
    return only(value, np.isin(np.arange(value.size), written))


MISTAKES = sketched(
    {
        BLOCKS: (
            *("number-of-blocks-taken", "last-block-missing", "block-plus-thread"),
            *("blocks-of-the-example",),
        ),
    },
    *of_blocks("threads"),
    changed(
        "number-of-blocks-taken",
        lambda value, sizes: _in_steps_of(_blocks(value, sizes), value, sizes),
        explanation="The number of the block was multiplied by the number of blocks, so that "
        "blocks overlap or leave gaps.",
        advice="Multiply by block_dim.x, the threads of a block; grid_dim.x counts the blocks.",
    ),
    changed(
        "last-block-missing",
        lambda value, sizes: only(
            value, np.arange(value.size) < (_blocks(value, sizes) - 1) * sizes["threads"]
        ),
        explanation="The last block is not written, whether it is full or not.",
        advice="The guard is about the thread's own index, not about its block.",
    ),
    changed(
        "block-plus-thread",
        lambda value, sizes: only(
            value,
            np.arange(value.size) < sizes["threads"] + -(-value.size // sizes["threads"]) - 1,
        ),
        explanation="The index was taken to be block_idx.x + thread_idx.x, so that blocks overlap "
        "and the end is not written.",
        advice="The blocks before this one have block_dim.x elements each: multiply by it.",
    ),
    changed(
        "blocks-of-the-example",
        lambda value, sizes: _in_steps_of(4, value, sizes),
        explanation="Blocks were taken to have 4 threads, as in the published example.",
        advice="Use block_dim.x, which is the number of threads that there are.",
    ),
    *PLUS_TEN,
)
