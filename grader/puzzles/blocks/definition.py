"""``output[i] = a[i] + 10`` by blocks that are smaller than the vector."""

from __future__ import annotations

from math import ceil

from grader.puzzle_kit import KernelLaunch, Kernels, Part, Puzzle, Scalar, Size, Sizes
from grader.puzzles.blocks.mistakes import MISTAKES
from grader.puzzles.elementwise import MESSAGES, counted, plus_ten, rubric
from grader.puzzles.programs import places, tensor


def blocks(sizes: Sizes) -> int:
    """As many as the elements need; the last one may not be full."""
    return ceil(sizes["size"] / sizes["threads"])


EXAMPLE, WORDS = counted("Blocks", "blocks", {"size": 9, "threads": 4}, 9)

PART = Part(
    name="add_10_blocks",
    title="the kernel add_10_blocks",
    formula="output[i] = a[i] + 10 if i < size",
    domain="size 1 to 96, in as many blocks of 1 to 64 threads as that takes",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="add_10_blocks",
                arguments=("output", "a", Scalar("size")),
                grid=(blocks, 1, 1),
                block=("threads", 1, 1),
                grid_constant="BLOCKS_PER_GRID",
                block_constant="THREADS_PER_BLOCK",
            ),
        ),
        constants={
            "SIZE": "size",
            "dtype": "DType.float32",
        },
    ),
    tensors=(tensor("output", "output", "size"), tensor("a", "input", "size")),
    sizes=(Size(name="size", low=1, high=96), Size(name="threads", low=1, high=64)),
    assigned=lambda sizes: True,
    boundaries=tuple(
        {"size": size, "threads": threads}
        for size, threads in (
            (9, 4),
            (1, 1),
            (1, 8),
            # Full blocks only, and one element more than fills them.
            (8, 4),
            (64, 32),
            (65, 32),
            # A block for each element, and blocks of more than a warp.
            (7, 1),
            (96, 40),
        )
    ),
    random_assigned=4,
    example=EXAMPLE,
    words=WORDS,
    expected=plus_ten,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="blocks",
    title="Blocks: more elements than threads in a block",
    parts=(PART,),
    rubric=rubric(
        PART,
        example="Do the first thread of the second block by hand: what is its index i?",
        integers="Compare the first wrong index with the size of a block: it is block_dim.x, "
        "which is 4 in the example only.",
        clean="The last block may have more threads than there are elements left: what keeps "
        "them from a and from the output?",
    ),
    book=places(6),
    messages=MESSAGES,
    first_step="Fill in the guard, and behind it the line that writes the thread's element.",
)
