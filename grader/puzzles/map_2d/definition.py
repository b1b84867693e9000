"""``output[row, col] = a[row, col] + 10`` by one block with more threads along each axis.

The book has it twice: with pointers into matrices that lie row by row, and with tile tensors.
"""

from __future__ import annotations

from grader.puzzle_kit import KernelLaunch, Kernels, Part, Puzzle, Scalar, Size, Sizes
from grader.puzzles.elementwise import MESSAGES, counted, plus_ten, rubric
from grader.puzzles.map_2d.mistakes import MISTAKES
from grader.puzzles.programs import places, tensor


def columns(sizes: Sizes) -> int:
    """Threads of the block along x."""
    return sizes["size"] + sizes["spare_x"]


def rows(sizes: Sizes) -> int:
    """Threads of the block along y."""
    return sizes["size"] + sizes["spare_y"]


DOMAIN = "size 1 to 12, in a block that has 1 to 4 threads more along each axis (spare_x, spare_y)"
SIZES = (
    Size(name="size", low=1, high=12),
    Size(name="spare_x", low=1, high=4),
    Size(name="spare_y", low=1, high=4),
)
BOUNDARIES = tuple(
    {"size": size, "spare_x": x, "spare_y": y}
    # Blocks that are no square, too.
    for size, x, y in (
        (2, 1, 1),
        (1, 1, 1),
        (1, 2, 3),
        (3, 4, 1),
        (3, 1, 4),
        (5, 3, 1),
        (8, 1, 2),
        (12, 4, 4),
    )
)

EXAMPLE, WORDS = counted("2D map", "2D map", {"size": 2, "spare_x": 1, "spare_y": 1}, 2, 2)

PART = Part(
    name="add_10_2d",
    title="the kernel add_10_2d",
    formula="output[row, col] = a[row, col] + 10 if row < size and col < size",
    domain=DOMAIN,
    code=Kernels(
        launches=(
            KernelLaunch(
                function="add_10_2d",
                arguments=("output", "a", Scalar("size")),
                block=(columns, rows, 1),
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
    sizes=SIZES,
    assigned=lambda sizes: True,
    boundaries=BOUNDARIES,
    random_assigned=4,
    example=EXAMPLE,
    words=WORDS,
    expected=plus_ten,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="map_2d",
    title="2D map: add ten to each element of a matrix",
    parts=(PART,),
    rubric=rubric(
        PART,
        example="Do the thread in row 0 and column 1 by hand: which element does it read, and "
        "which does it write?",
        integers="Take one wrong element and work out by hand which row, which column and which "
        "place in memory its thread has.",
        clean="A thread needs a row below size and a column below size: does the guard ask for "
        "both?",
    ),
    book=places(4, layouts=True, tiles=True),
    messages=MESSAGES,
    first_step="Fill in the guard for both axes, and behind it the line that writes the thread's "
    "element.",
)
