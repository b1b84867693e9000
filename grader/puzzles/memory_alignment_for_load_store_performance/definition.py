"""``output[i] = a[i] * 2 + 1`` by three kernels: single elements, and vectors in two ways.

All three have to give the same. That the third one says the alignment of its vectors shows in what
it costs: it is loaded in one instruction, and takes no more sectors than it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    Frugal,
    KernelLaunch,
    Kernels,
    Mistake,
    Part,
    Puzzle,
    RubricItem,
    Scalar,
    Size,
    Sizes,
    sum_of,
)
from grader.puzzles.memory_alignment_for_load_store_performance.mistakes import TPB, mistakes
from grader.puzzles.programs import graded, numbers, places, program, tensor
from grader.puzzles.vectors import WIDTH

CHUNK: Final = 8
"""What a size is a multiple of, so that no vector is cut, also where one holds 32 bytes."""
MOST: Final = 160
"""Chunks: a block more than full, where each thread has a vector."""


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """Twice the element is exact in float32, so there is one rounding: of the sum with 1."""
    doubled = 2 * numbers(inputs)
    return {"output": sum_of(doubled, np.ones(doubled.shape))}


def _elements(sizes: Sizes) -> int:
    return CHUNK * sizes["chunks"]


def _part(function: str, per_thread: int, known: tuple[Mistake, ...]) -> Part:
    def blocks(sizes: Sizes) -> int:
        return -(-_elements(sizes) // (per_thread * TPB))

    return Part(
        name=function,
        title=f"the kernel {function}",
        formula="output[i] = a[i] * 2 + 1",
        domain=f"{CHUNK} to {CHUNK * MOST} elements, a multiple of {CHUNK}, in blocks of {TPB} "
        "threads",
        code=Kernels(
            launches=(
                KernelLaunch(
                    function=function,
                    arguments=("output", "a", Scalar(_elements)),
                    grid=(blocks, 1, 1),
                    block=(TPB, 1, 1),
                ),
            ),
            constants={"SIZE": _elements, "TPB": TPB, "dtype": "DType.float32"},
        ),
        tensors=(tensor("output", "output", _elements), tensor("a", "input", _elements)),
        sizes=(Size(name="chunks", low=1, high=MOST),),
        assigned=lambda sizes: True,
        # A warp has 32 threads, and a block 256: of single elements, and of vectors.
        boundaries=tuple({"chunks": chunks} for chunks in (1, 16, 17, 32, 33, 128, MOST)),
        expected=expected,
        mistakes=known,
    )


SCALAR = _part("scalar_kernel", 1, mistakes(expected, vectors=False))
UNALIGNED = _part("unaligned_kernel", WIDTH, mistakes(expected, vectors=True))
ALIGNED = _part("aligned_kernel", WIDTH, mistakes(expected, vectors=True))

CLEAN = (
    "A thread may touch its own elements only, and none behind the end. Take the last thread of "
    "the last block: what does the guard ask?"
)

PUZZLE = Puzzle(
    name="memory_alignment_for_load_store_performance",
    title="Memory alignment: a map by single elements and by vectors",
    parts=(SCALAR, UNALIGNED, ALIGNED),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *graded(
            "scalar",
            (15, 6, 4),
            part=SCALAR.name,
            integers="Do one thread by hand: which element does it read, and what does it store?",
            clean=CLEAN,
        ),
        *graded(
            "unaligned",
            (15, 6, 4),
            part=UNALIGNED.name,
            integers="Which elements belong to a thread, and are all of them loaded and stored?",
            clean=CLEAN,
        ),
        *graded(
            "aligned",
            (12, 5, 3),
            part=ALIGNED.name,
            integers="Which elements belong to a thread, and are all of them loaded and stored?",
            clean=CLEAN,
        ),
        RubricItem(
            check=Frugal(
                part=ALIGNED.name,
                title="aligned: no access takes more sectors than it needs",
                next_step="A vector that may begin anywhere is loaded and stored element by "
                "element. Say where it begins: by which alignment, of the load and of the store?",
                sectors=1,
            ),
            points=20,
        ),
        program(
            Command(arguments=("--scalar",)),
            Command(arguments=("--unaligned",)),
            Command(arguments=("--aligned",)),
        ),
    ),
    not_checked="the benchmark's times, which need a GPU",
    book=places(35, editions=("26.5", "26.6", "26.7")),
    first_step="Begin with scalar_kernel: guard the index, and store a[i] * SCALE + BIAS.",
)
