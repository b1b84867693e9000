"""``output[i] = a[i] + b[i]`` in four ways, each by a function that launches its kernel itself.

The functions hand `elementwise` what is to be done for an index, and it chooses the launch. What
differs is how many elements belong to an index: a vector, a tile, as many vectors as a tile has
elements, or a tile that is cut into vectors.
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    HostCall,
    Kernels,
    OnDevice,
    Part,
    Puzzle,
    RubricItem,
    Size,
    Sizes,
    sum_of,
)
from grader.puzzles.gpu_functional_programming_patterns.mistakes import CHUNK, TILE, of_part
from grader.puzzles.programs import graded, numbers, places, program, tensor

FEWEST, MOST = 2, 4
"""Chunks; the task has the most."""


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of the two elements: one rounding."""
    return {"output": sum_of(numbers(inputs, "a"), numbers(inputs, "b"))}


def _elements(sizes: Sizes) -> int:
    return CHUNK * sizes["chunks"]


def _part(function: str, *parameters: str) -> Part:
    return Part(
        name=function,
        title=f"the function {function}",
        formula="output[i] = a[i] + b[i]",
        domain=f"{FEWEST * CHUNK} to {MOST * CHUNK} elements, a multiple of {CHUNK}, so that no "
        f"tile and no vector is cut; tiles of {TILE}",
        code=Kernels(
            launches=(
                HostCall(
                    function=function,
                    parameters=("LayoutType", "dtype", "SIMD_WIDTH", *parameters),
                    arguments=("output", "a", "b"),
                ),
            ),
            constants={"SIZE": _elements, "TILE_SIZE": TILE, "dtype": "DType.float32"},
        ),
        tensors=(
            tensor("output", "output", _elements),
            tensor("a", "input", _elements),
            tensor("b", "input", _elements),
        ),
        sizes=(Size(name="chunks", low=FEWEST, high=MOST),),
        assigned=lambda sizes: True,
        boundaries=tuple({"chunks": chunks} for chunks in (MOST, 2, 3)),
        # Each size is an instance of `elementwise`, which takes the compiler a second.
        random_assigned=0,
        expected=expected,
        mistakes=of_part(function, expected),
    )


ELEMENTWISE = _part("elementwise_add", "rank", "SIZE")
TILED = _part("tiled_elementwise_add", "rank", "SIZE", "TILE_SIZE")
MANUAL = _part("manual_vectorized_tiled_elementwise_add", "1", "rank", "SIZE", "TILE_SIZE")
VECTORIZED = _part("vectorize_within_tiles_elementwise_add", "1", "rank", "SIZE", "TILE_SIZE")

CLEAN = (
    "Each index has elements of its own: no two may write the same one, and none may reach beyond "
    "the end. Take the largest index: which elements are its?"
)


def _points(part: Part, kernel: str, integers: str) -> tuple[RubricItem, ...]:
    return (
        *graded(kernel, (9, 4, 3), part=part.name, integers=integers, clean=CLEAN),
        RubricItem(
            check=OnDevice(
                part=part.name,
                title=f"{kernel}: computed by a kernel on the device",
                next_step="The function inside is what runs on the device. Add there, not before.",
            ),
            points=6,
        ),
    )


PUZZLE = Puzzle(
    name="gpu_functional_programming_patterns",
    title="Functional patterns: the sum of two vectors by elementwise",
    parts=(ELEMENTWISE, TILED, MANUAL, VECTORIZED),
    rubric=(
        RubricItem(check=Compiles(title="The functions compile"), points=7),
        *_points(
            ELEMENTWISE,
            "elementwise",
            "Which elements belong to an index, and does it load and store all of them?",
        ),
        *_points(
            TILED,
            "tiled",
            "The index counts tiles. Within a tile, which elements does the loop go through?",
        ),
        *_points(
            MANUAL,
            "manual vectors",
            "The index counts chunks. Where does its first vector begin, and where the next one?",
        ),
        *_points(
            VECTORIZED,
            "vectorize",
            "The index counts tiles. From where in the vectors does the function inside count, and "
            "over how many elements does vectorize go?",
        ),
        program(
            Command(arguments=("--elementwise",)),
            Command(arguments=("--tiled",)),
            Command(arguments=("--manual-vectorized",)),
            Command(arguments=("--vectorized",)),
        ),
    ),
    not_checked="the benchmark's times, which need a GPU",
    book=places(23, before=21),
    first_step="Begin with elementwise_add: load simd_width elements of a and of b at the index, "
    "and store their sum there.",
)
