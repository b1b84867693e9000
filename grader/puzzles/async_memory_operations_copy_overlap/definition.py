"""A convolution of tiles that are copied asynchronously.

Each block has a tile of 256 elements. Windows lie around their element; where one would reach over
an end of the tile, the element is copied. The book has 64 tiles; fewer show the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    KernelLaunch,
    Kernels,
    Part,
    Puzzle,
    RubricItem,
    Size,
    Sizes,
    sum_of_products,
)
from grader.puzzles.async_memory_operations_copy_overlap.mistakes import (
    HALO,
    KERNEL_SIZE,
    MISTAKES,
    TILE,
    inside,
    windows,
)
from grader.puzzles.programs import graded, numbers, places, program, tensor

MOST = 4
"""Tiles."""


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of five products, in any order; at the ends of a tile the element itself."""
    values, kernel = numbers(inputs, "input"), numbers(inputs, "kernel")
    middle = inside(values)
    # An element that is copied is one product with 1.
    factors = np.where(middle[:, None], kernel, np.eye(1, KERNEL_SIZE, HALO))
    right = sum_of_products([windows(values), factors], factors != 0)
    return {
        "output": replace(
            right,
            allowed=np.where(middle, right.allowed, 0.0),
            rearranged=np.where(middle, right.rearranged, 0.0),
        )
    }


PART = Part(
    name="async_copy_overlap_convolution",
    title="the kernel async_copy_overlap_convolution",
    formula=f"output[i] = sum(input[i + k - {HALO}] * kernel[k] for k in range({KERNEL_SIZE})); "
    f"output[i] = input[i] for the first {HALO} and the last {HALO} of each tile of {TILE}",
    domain=f"1 to {MOST} tiles of {TILE} elements, a block of {TILE} threads for each",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="async_copy_overlap_convolution",
                parameters=("dtype",),
                older_parameters=(("dtype", "layout_async"),),
                arguments=("output", "input", "kernel"),
                grid=("tiles", 1, 1),
                block=(TILE, 1, 1),
            ),
        ),
        constants={
            "VECTOR_SIZE": lambda sizes: TILE * sizes["tiles"],
            "CONV_TILE_SIZE": TILE,
            "THREADS_PER_BLOCK_ASYNC": TILE,
            "KERNEL_SIZE": KERNEL_SIZE,
            "dtype": "DType.float32",
        },
    ),
    tensors=(
        tensor("output", "output", lambda sizes: TILE * sizes["tiles"]),
        tensor("input", "input", lambda sizes: TILE * sizes["tiles"]),
        tensor("kernel", "input", KERNEL_SIZE),
    ),
    sizes=(Size(name="tiles", low=1, high=MOST),),
    assigned=lambda sizes: True,
    boundaries=tuple({"tiles": tiles} for tiles in (2, 1, MOST, 3)),
    terms=lambda sizes: KERNEL_SIZE,
    expected=expected,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="async_memory_operations_copy_overlap",
    title="Convolution of tiles that are copied asynchronously",
    parts=(PART,),
    rubric=(
        RubricItem(check=Compiles(title="The kernel compiles"), points=5),
        *graded(
            "async_copy_overlap_convolution",
            (45, 25, 20),
            integers="Go through the first four elements of a tile by hand: which of them are "
            "copied, and where does the window of the next one begin?",
            clean="An asynchronous copy is there when its own thread has waited for it, and for "
            "other threads behind a barrier after that. Are both there, in this order, before the "
            "tile is read?",
        ),
        program(Command()),
    ),
    not_checked="whether copies and work overlap in time, which needs a GPU",
    book=places(28, before=25),
    first_step="Take the block's tile of the input, begin the copy of it into input_shared, load "
    "the kernel, wait for the copy and at a barrier; then compute.",
)
