"""``output[i] = a[i] + b[i]`` by one block, a thread for each element."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.puzzle_kit import (
    Arrays,
    ExpectedOutput,
    KernelLaunch,
    Kernels,
    Part,
    Puzzle,
    Size,
    Sizes,
    Words,
    WorkedExample,
    sum_of,
)
from grader.puzzles.elementwise import MESSAGES, rubric
from grader.puzzles.programs import numbers, places, tensor
from grader.puzzles.zip.mistakes import mistakes


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of the two elements: one rounding."""
    return {"output": sum_of(numbers(inputs, "a"), numbers(inputs, "b"))}


PART = Part(
    name="add",
    title="the kernel add",
    formula="output[i] = a[i] + b[i]",
    domain="size 1 to 64, a thread for each element",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="add",
                arguments=("output", "a", "b"),
                block=("size", 1, 1),
                grid_constant="BLOCKS_PER_GRID",
                block_constant="THREADS_PER_BLOCK",
            ),
        ),
        constants={"SIZE": "size", "dtype": "DType.float32"},
    ),
    tensors=(
        tensor("output", "output", "size"),
        tensor("a", "input", "size"),
        tensor("b", "input", "size"),
    ),
    sizes=(Size(name="size", low=1, high=64),),
    assigned=lambda sizes: True,
    # A warp has 32 threads.
    boundaries=tuple({"size": size} for size in (4, 1, 2, 31, 32, 33, 64)),
    random_assigned=4,
    example=WorkedExample(
        sizes={"size": 4},
        inputs={name: np.arange(4, dtype=np.float32) for name in ("a", "b")},
        outputs={"output": (0, 2, 4, 6)},
    ),
    words=Words(title="Zip", lower="zip", inputs={"a": "a", "b": "b"}),
    expected=expected,
    mistakes=mistakes(expected),
)

PUZZLE = Puzzle(
    name="zip",
    title="Zip: add two vectors",
    parts=(PART,),
    rubric=rubric(
        PART,
        example="Do one thread by hand: which elements does it read, and which does it write?",
        integers="In the published example a and b are equal, and each element is its index. So "
        "it can't tell one element of each from one of them twice, or from twice the index. Which "
        "do you compute?",
        clean="A thread may touch its own elements only: is the index that of the thread?",
    ),
    book=places(2),
    messages=MESSAGES,
    first_step="Fill in the one line that writes the thread's element of the output.",
)
