"""``output[row, col] = a[row, col] + 10`` by blocks that are smaller than the matrix."""

from __future__ import annotations

from math import ceil

from grader.puzzle_kit import KernelLaunch, Kernels, Part, Puzzle, Scalar, Size, Sizes
from grader.puzzles.blocks_2d.mistakes import MISTAKES
from grader.puzzles.elementwise import MESSAGES, counted, plus_ten, rubric
from grader.puzzles.programs import places, tensor


def across(sizes: Sizes) -> int:
    """Blocks along x, as many as the columns need."""
    return ceil(sizes["size"] / sizes["threads_x"])


def down(sizes: Sizes) -> int:
    """Blocks along y, as many as the rows need."""
    return ceil(sizes["size"] / sizes["threads_y"])


EXAMPLE, WORDS = counted(
    "2D blocks", "2D blocks", {"size": 5, "threads_x": 3, "threads_y": 3}, 5, 5
)

PART = Part(
    name="add_10_blocks_2d",
    title="the kernel add_10_blocks_2d",
    formula="output[row, col] = a[row, col] + 10 if row < size and col < size",
    domain="size 1 to 16, in as many blocks of 1 to 8 threads along x and along y as that takes",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="add_10_blocks_2d",
                older_parameters=(("out_layout", "a_layout"),),
                arguments=("output", "a", Scalar("size")),
                grid=(across, down, 1),
                block=("threads_x", "threads_y", 1),
                grid_constant="BLOCKS_PER_GRID",
                block_constant="THREADS_PER_BLOCK",
            ),
        ),
        constants={
            "SIZE": "size",
            "dtype": "DType.float32",
        },
    ),
    tensors=(tensor("output", "output", "size", "size"), tensor("a", "input", "size", "size")),
    sizes=(
        Size(name="size", low=1, high=16),
        Size(name="threads_x", low=1, high=8),
        Size(name="threads_y", low=1, high=8),
    ),
    assigned=lambda sizes: True,
    boundaries=tuple(
        {"size": size, "threads_x": x, "threads_y": y}
        for size, x, y in (
            (5, 3, 3),
            (1, 1, 1),
            (1, 4, 8),
            # Full blocks only; blocks that are longer one way than the other.
            (6, 3, 2),
            (7, 4, 2),
            (7, 2, 4),
            (8, 8, 8),
            (13, 5, 1),
            (16, 7, 8),
        )
    ),
    random_assigned=4,
    example=EXAMPLE,
    words=WORDS,
    expected=plus_ten,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="blocks_2d",
    title="2D blocks: more elements than threads along both axes",
    parts=(PART,),
    rubric=rubric(
        PART,
        example="Do the first thread of the last block by hand: what are its row and its column?",
        integers="Compare the first wrong row and column with the size of a block: along x it is "
        "block_dim.x, along y block_dim.y, and the two may differ.",
        clean="Blocks at the right and at the bottom reach past the matrix: does the guard ask "
        "for a row and a column below size?",
    ),
    book=places(7, layouts=True),
    messages=MESSAGES,
    first_step="Fill in the guard for both axes, and behind it the line that writes the thread's "
    "element.",
)
