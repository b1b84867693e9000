"""``output[i] = a[i] + 10`` by blocks, each by way of a tile in shared memory.

The kernel is given up to the barrier: every thread has loaded its element into the tile. Whether
the answer is taken from there is not asked for: it is graded by what it computes.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from grader.puzzle_kit import (
    KernelLaunch,
    Kernels,
    Part,
    Puzzle,
    Scalar,
    Size,
    Sizes,
    Words,
    WorkedExample,
)
from grader.puzzles.elementwise import MESSAGES, plus_ten, rubric
from grader.puzzles.programs import places, tensor
from grader.puzzles.shared_memory.mistakes import MISTAKES


def blocks(sizes: Sizes) -> int:
    """As many as the elements need; the last one may not be full."""
    return ceil(sizes["size"] / sizes["tpb"])


PART = Part(
    name="add_10_shared",
    title="the kernel add_10_shared_tile_tensor",
    formula="output[i] = a[i] + 10 if i < size",
    domain="size 1 to 96, in as many blocks of 1 to 64 threads (tpb) as that takes",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="add_10_shared_tile_tensor",
                older_functions=("add_10_shared_layout_tensor", "add_10_shared"),
                older_parameters=(("layout",),),
                arguments=("output", "a", Scalar("size")),
                grid=(blocks, 1, 1),
                block=("tpb", 1, 1),
                grid_constant="BLOCKS_PER_GRID",
                block_constant="THREADS_PER_BLOCK",
            ),
        ),
        constants={
            "TPB": "tpb",
            "SIZE": "size",
            "dtype": "DType.float32",
        },
    ),
    tensors=(tensor("output", "output", "size"), tensor("a", "input", "size")),
    sizes=(Size(name="size", low=1, high=96), Size(name="tpb", low=1, high=64)),
    assigned=lambda sizes: True,
    boundaries=tuple(
        {"size": size, "tpb": tpb}
        for size, tpb in (
            (8, 4),
            (1, 1),
            (1, 8),
            # Full blocks only, and one element more than fills them.
            (9, 4),
            (64, 32),
            (65, 32),
            # A block for each element, and blocks of more than a warp.
            (7, 1),
            (96, 40),
        )
    ),
    random_assigned=4,
    example=WorkedExample(
        sizes={"size": 8, "tpb": 4},
        inputs={"a": np.ones(8, np.float32)},
        outputs={"output": (11,) * 8},
    ),
    words=Words(title="Shared memory", lower="shared memory", inputs={"a": "a"}),
    expected=plus_ten,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="shared_memory",
    title="Shared memory: a tile for each block",
    parts=(PART,),
    rubric=rubric(
        PART,
        example="Do the first thread of the second block by hand: which cell of the tile holds "
        "its element, and where does the answer go?",
        integers="In the published example all elements are equal, so it can't tell one from "
        "another. The tile goes with the number of the thread in its block, the output with the "
        "number through all blocks.",
        clean="The last block may have more threads than there are elements left: what keeps "
        "them from the output? And the tile has TPB cells: which does each thread read?",
    ),
    book=places(8, layouts=True),
    messages=MESSAGES,
    first_step="Fill in what a thread does behind the barrier: the guard, and the line that "
    "writes its element from the tile.",
)
