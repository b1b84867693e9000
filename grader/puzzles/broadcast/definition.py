"""``output[row, col] = a[0, col] + b[row, 0]`` by one block with more threads along each axis."""

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
    Scalar,
    Sizes,
    Words,
    WorkedExample,
    sum_of,
)
from grader.puzzles.broadcast.mistakes import mistakes
from grader.puzzles.elementwise import MESSAGES, rubric
from grader.puzzles.map_2d.definition import BOUNDARIES, DOMAIN, SIZES, columns, rows
from grader.puzzles.programs import numbers, places, tensor


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The row ``a`` and the column ``b``, each stretched to a matrix, and added: one rounding."""
    return {"output": sum_of(*np.broadcast_arrays(numbers(inputs, "a"), numbers(inputs, "b")))}


PART = Part(
    name="broadcast_add",
    title="the kernel broadcast_add",
    formula="output[row, col] = a[0, col] + b[row, 0] if row < size and col < size",
    domain=DOMAIN,
    code=Kernels(
        launches=(
            KernelLaunch(
                function="broadcast_add",
                older_parameters=(("out_layout", "a_layout", "b_layout"),),
                arguments=("output", "a", "b", Scalar("size")),
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
    tensors=(
        tensor("output", "output", "size", "size"),
        tensor("a", "input", 1, "size"),
        tensor("b", "input", "size", 1),
    ),
    sizes=SIZES,
    assigned=lambda sizes: True,
    boundaries=BOUNDARIES,
    random_assigned=4,
    example=WorkedExample(
        sizes={"size": 2, "spare_x": 1, "spare_y": 1},
        inputs={
            "a": np.array([[1, 2]], dtype=np.float32),
            "b": np.array([[0], [10]], dtype=np.float32),
        },
        outputs={"output": (1, 2, 11, 12)},
    ),
    words=Words(title="Broadcast", lower="broadcast", inputs={"a": "a", "b": "b"}),
    expected=expected,
    mistakes=mistakes(expected),
)

PUZZLE = Puzzle(
    name="broadcast",
    title="Broadcast: add a row to a column",
    parts=(PART,),
    rubric=rubric(
        PART,
        example="Do one element by hand: which element of a goes with its column, and which of b "
        "with its row?",
        integers="a is a row, so its index is the column; b is a column, so its index is the row. "
        "Which do you use?",
        clean="A thread needs a row below size and a column below size: does the guard ask for "
        "both?",
    ),
    book=places(5, layouts=True),
    messages=MESSAGES,
    first_step="Fill in the guard for both axes, and behind it the sum of the two elements.",
)
