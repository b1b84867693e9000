"""``C = A @ B`` by tensor cores: a block makes 128 by 64 elements, each of its 8 warps 32 by 32.

The task's blocks fill the matrices, so other sizes are beyond it. The book has 1024 by 1024, which
a device in software takes long for; two and four blocks along the sides show the same.

Values are judged, and the use of memory. Whether tensor cores have a part in the product, and
whether the kernel is fast, is not checked. The file's own ``main`` is not run: at the book's size
its launches take longer than a grading.
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.puzzle_kit import (
    Arrays,
    Compiles,
    ExpectedOutput,
    KernelLaunch,
    Kernels,
    Part,
    Puzzle,
    RubricItem,
    Size,
    Sizes,
)
from grader.puzzles.programs import graded, places, tensor
from grader.puzzles.tensor_core_operations.bound import matrix_product
from grader.puzzles.tensor_core_operations.mistakes import MISTAKES
from grader.puzzles.warps import WARP

ROWS = 4 * WARP
COLUMNS = 2 * WARP
"""Of the tile of a block."""
MOST = 2
"""Tiles of rows."""


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The product."""
    return {"C": matrix_product(inputs["A"], inputs["B"])}


def _size(sizes: Sizes) -> int:
    return ROWS * sizes["tiles"]


_LAYOUT = "{file}.Layout.row_major({file}.SIZE, {file}.SIZE)"
# BM and so on are made of WARP_SIZE in the file, which is no number where the compiler is told of
# no GPU.
_TILES = (*map(str, (ROWS, COLUMNS, WARP, WARP, WARP)), "MMA_M", "MMA_N", "MMA_K")
PART = Part(
    name="tensor_core_matrix_multiplication",
    title="the kernel tensor_core_matrix_multiplication",
    formula="C[row, col] = sum(A[row, k] * B[k, col] for k in range(SIZE))",
    domain=f"SIZE {ROWS} or {MOST * ROWS}, in blocks of {8 * WARP} threads for {ROWS} by {COLUMNS} "
    "elements",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="tensor_core_matrix_multiplication",
                parameters=("dtype", _LAYOUT, _LAYOUT, _LAYOUT, *_TILES),
                # What the book gave from April to June 2026, with tile tensors.
                other_parameters=(("dtype", *_TILES),),
                arguments=("A", "B", "C"),
                grid=(lambda sizes: _size(sizes) // COLUMNS, "tiles", 1),
                block=(8 * WARP, 1, 1),
            ),
        ),
        constants={"SIZE": _size, "dtype": "DType.float32"},
    ),
    tensors=(
        tensor("C", "output", _size, _size),
        tensor("A", "input", _size, _size),
        tensor("B", "input", _size, _size),
    ),
    sizes=(Size(name="tiles", low=1, high=MOST),),
    assigned=lambda sizes: True,
    # The larger one first: so it is known from the first case on that they take long.
    boundaries=tuple({"tiles": tiles} for tiles in range(MOST, 0, -1)),
    terms=_size,
    expected=expected,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="tensor_core_operations",
    title="Matrix multiplication with tensor cores",
    parts=(PART,),
    rubric=(
        RubricItem(check=Compiles(title="The kernel compiles"), points=10),
        *graded(
            "tensor_core_matrix_multiplication",
            (45, 25, 20),
            integers="Take one step of the three loops by hand: which rows and columns of the "
            "warp's tiles does it multiply, and which sums does it add to?",
            clean="A tile is read once all its copies are there, and copied over once all warps "
            "have read it. Which lines see to that, and are they where they were given?",
        ),
    ),
    not_checked="the speed, which needs a GPU",
    book=places(33),
    first_step="In the innermost loop, take the tiles of A, B and the sums that belong to this "
    "step, load each into registers, multiply, and store the sums again.",
)
