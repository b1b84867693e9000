"""``output[i] = a[i] + 10`` by one block, a thread for each element."""

from __future__ import annotations

from grader.puzzle_kit import KernelLaunch, Kernels, Part, Puzzle, Size
from grader.puzzles.elementwise import (
    MESSAGES,
    PLUS_TEN,
    counted,
    of_the_example,
    plus_ten,
    rubric,
)
from grader.puzzles.programs import places, tensor

EXAMPLE, WORDS = counted("Map", "map", {"size": 4}, 4)

PART = Part(
    name="add_10",
    title="the kernel add_10",
    formula="output[i] = a[i] + 10",
    domain="size 1 to 64, a thread for each element",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="add_10",
                arguments=("output", "a"),
                block=("size", 1, 1),
                grid_constant="BLOCKS_PER_GRID",
                block_constant="THREADS_PER_BLOCK",
            ),
        ),
        constants={"SIZE": "size", "dtype": "DType.float32"},
    ),
    tensors=(tensor("output", "output", "size"), tensor("a", "input", "size")),
    sizes=(Size(name="size", low=1, high=64),),
    assigned=lambda sizes: True,
    # A warp has 32 threads.
    boundaries=tuple({"size": size} for size in (4, 1, 2, 31, 32, 33, 64)),
    random_assigned=4,
    example=EXAMPLE,
    words=WORDS,
    expected=plus_ten,
    mistakes=(*PLUS_TEN, of_the_example(4)),
)

PUZZLE = Puzzle(
    name="map",
    title="Map: add ten to each element",
    parts=(PART,),
    rubric=rubric(
        PART,
        example="Do one thread by hand: which element does it read, and which does it write?",
        integers="The published example has i in a[i], so it can't tell a[i] from i. Which of "
        "the two did you add to?",
        clean="A thread may touch its own element only: is the index that of the thread?",
    ),
    book=places(1),
    messages=MESSAGES,
    first_step="Fill in the one line that writes the thread's element of the output.",
)
