"""Matrix multiplication, ``output = a @ b`` for square matrices, by three kernels of one file.

From global memory and from shared memory in one block of 3 by 3 threads, and in tiles. The tiles
of the task fill the matrices, so other sizes are beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import numpy as np

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    KernelLaunch,
    Kernels,
    Mistake,
    Part,
    Puzzle,
    RubricItem,
    Size,
    Sizes,
    sum_of_products,
)
from grader.puzzles.matrix_multiplication.mistakes import COMMON, TILED, TPB
from grader.puzzles.programs import graded, numbers, places, program, tensor


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The product, each element a sum of products in any order."""
    a, b = (numbers(inputs, name) for name in ("a", "b"))
    return {"output": sum_of_products([a[:, None, :], b.T[None, :, :]])}


def _blocks(sizes: Sizes) -> int:
    return ceil(sizes["size"] / TPB)


def _part(
    kernel: str,
    constant: str,
    *,
    high: int,
    step: int,
    domain: str,
    shapes: tuple[int, ...],
    mistakes: tuple[Mistake, ...] = (),
    stand_ins: tuple[str, ...] = (),
) -> Part:
    return Part(
        name=kernel,
        title=f"the kernel {kernel}",
        formula="output[row, col] = sum(a[row, k] * b[k, col] for k in range(size))",
        domain=domain,
        code=Kernels(
            launches=(
                KernelLaunch(
                    function=kernel,
                    arguments=("output", "a", "b"),
                    grid=(_blocks, _blocks, 1),
                    block=(TPB, TPB, 1),
                    parameters=(constant,),
                    stand_ins=stand_ins,
                    older_parameters=((constant.lower().replace("size", "layout"), constant),),
                ),
            ),
            constants={constant: "size", "TPB": TPB, "dtype": "DType.float32"},
        ),
        tensors=(
            tensor("output", "output", "size", "size"),
            tensor("a", "input", "size", "size"),
            tensor("b", "input", "size", "size"),
        ),
        sizes=(Size(name="size", low=1, high=high),),
        assigned=lambda sizes: sizes["size"] % step == 0,
        boundaries=tuple({"size": size} for size in shapes),
        random_assigned=0,
        random_robust=1,
        terms=lambda sizes: sizes["size"],
        expected=expected,
        mistakes=(*mistakes, *COMMON),
    )


NAIVE = _part(
    "naive_matmul",
    "SIZE",
    high=TPB,
    step=1,
    domain=f"size 1 to {TPB}, in one block of {TPB} by {TPB} threads",
    shapes=(2, 1, 3),
)
SINGLE = _part(
    "single_block_matmul",
    "SIZE",
    high=TPB,
    step=1,
    domain=f"size 1 to {TPB}, in one block of {TPB} by {TPB} threads",
    shapes=(2, 1, 3),
)
TILES = _part(
    "matmul_tiled",
    "SIZE_TILED",
    high=4 * TPB,
    step=TPB,
    domain=f"size {TPB}, {2 * TPB}, {3 * TPB} or {4 * TPB}, in blocks of {TPB} by {TPB} threads",
    shapes=(9, 3, 6, 12, 8, 4, 1),
    mistakes=TILED,
    # The book's second answer to the same task.
    stand_ins=("matmul_idiomatic_tiled",),
)


def _product(size: int) -> tuple[float, ...]:
    """What the book's program prints: a holds 0, 1, 2 and so on, b the double of that."""
    a = np.arange(size * size, dtype=np.float64).reshape(size, size)
    return tuple(float(each) for each in (a @ (2 * a)).ravel())


PUZZLE = Puzzle(
    name="matrix_multiplication",
    title="Matrix multiplication in three ways",
    parts=(NAIVE, SINGLE, TILES),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *graded(
            "naive",
            (15, 10, 5),
            part=NAIVE.name,
            integers="Write the products of one wrong element down by hand: a row of a, and a "
            "column of b.",
            clean="There are more threads than elements: what keeps the others from reading and "
            "writing?",
        ),
        *graded(
            "single block",
            (15, 10, 5),
            part=SINGLE.name,
            integers="Which element does each thread load, and which does it read? The cells go "
            "with the numbers in the block.",
        ),
        *graded(
            "tiled",
            (15, 10, 5),
            part=TILES.name,
            integers="Do one element with two tiles by hand: which part of the row and of the "
            "column does each tile hold, and is the sum kept from one to the next?",
            clean="A tile needs two barriers: one before it is read, and one before the next one "
            "is loaded over it.",
            robust=(
                10,
                "right for sizes that tiles do not fill",
                "The last tile is not full: cells past the end must not count.",
            ),
        ),
        program(
            Command(arguments=("--naive",), printed=_product(2)),
            Command(arguments=("--single-block",), printed=_product(2)),
            Command(arguments=("--tiled",), otherwise=("--idiomatic-tiled",), printed=_product(9)),
        ),
    ),
    book=places(16, before=14),
    first_step="Begin with naive_matmul: a guard for the threads without an element, a loop over "
    "all k, and one assignment to the output.",
)
