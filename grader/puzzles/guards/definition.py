"""``output[i] = a[i] + 10`` by one block that has more threads than there are elements."""

from __future__ import annotations

from grader.puzzle_kit import KernelLaunch, Kernels, Part, Puzzle, Scalar, Size
from grader.puzzles.elementwise import MESSAGES, counted, plus_ten, rubric
from grader.puzzles.guards.mistakes import MISTAKES
from grader.puzzles.programs import places, tensor

EXAMPLE, WORDS = counted("Guards", "guards", {"size": 4, "spare": 4}, 4)

PART = Part(
    name="add_10_guard",
    title="the kernel add_10_guard",
    formula="output[i] = a[i] + 10 if i < size",
    domain="size 1 to 64, in a block that has 1 to 32 threads more (spare)",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="add_10_guard",
                arguments=("output", "a", Scalar("size")),
                block=(lambda sizes: sizes["size"] + sizes["spare"], 1, 1),
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
    sizes=(Size(name="size", low=1, high=64), Size(name="spare", low=1, high=32)),
    assigned=lambda sizes: True,
    boundaries=tuple(
        {"size": size, "spare": spare}
        for size, spare in ((4, 4), (1, 1), (1, 7), (5, 1), (8, 2), (31, 1), (32, 32), (33, 5))
    ),
    random_assigned=4,
    example=EXAMPLE,
    words=WORDS,
    expected=plus_ten,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="guards",
    title="Guards: more threads than elements",
    parts=(PART,),
    rubric=rubric(
        PART,
        example="Do the first thread by hand, and the last of the 8, which has no element: what "
        "does each read and write?",
        integers="Compare what the guard lets through with the indices that there are, 0 to "
        "size - 1.",
        clean="A thread whose index is size or more has no element: what keeps it from a and "
        "from the output?",
    ),
    book=places(3),
    messages=MESSAGES,
    first_step="Fill in the guard, and behind it the line that writes the thread's element.",
)
