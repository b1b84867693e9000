"""The dot product of the elements of each warp: by a kernel, and by a function for elementwise.

The task has one warp. The book also measures the functions with more, each a block of its own, so
that is asked for as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    HostCall,
    KernelLaunch,
    Kernels,
    OnDevice,
    Part,
    Puzzle,
    RubricItem,
    Size,
    Sizes,
    sum_of_products,
)
from grader.puzzles.programs import graded, places, program, tensor
from grader.puzzles.warp_fundamentals.mistakes import MISTAKES, of_warps
from grader.puzzles.warps import WARP, WARP_EDGES

MOST: Final = 3
"""Warps."""
_LAYOUT: Final = "type_of({file}.row_major[{file}.SIZE // {file}.WARP_SIZE]())"
"""The layout of the output: an element for each warp."""


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of the products of each warp, in any order."""
    return {"output": sum_of_products([of_warps(inputs, "a"), of_warps(inputs, "b")])}


def _elements(sizes: Sizes) -> int:
    return WARP * sizes["warps"]


def _part(name: str, title: str, launch: KernelLaunch | HostCall) -> Part:
    return Part(
        name=name,
        title=title,
        formula=f"output[w] = sum(a[i] * b[i] for the {WARP} elements i of warp w)",
        domain=f"1 to {MOST} warps of {WARP} elements",
        code=Kernels(launches=(launch,), constants={"SIZE": _elements, "dtype": "DType.float32"}),
        tensors=(
            tensor("output", "output", "warps"),
            tensor("a", "input", _elements),
            tensor("b", "input", _elements),
        ),
        sizes=(Size(name="warps", low=1, high=MOST),),
        assigned=lambda sizes: True,
        boundaries=tuple({"warps": warps} for warps in (1, 2, MOST)),
        random_assigned=0,
        terms=lambda sizes: WARP,
        expected=expected,
        mistakes=MISTAKES,
    )


SIMPLE = _part(
    "simple_warp_dot_product",
    "the kernel simple_warp_dot_product",
    KernelLaunch(
        function="simple_warp_dot_product",
        parameters=("InLayout", _LAYOUT, "SIZE"),
        arguments=("output", "a", "b"),
        grid=("warps", 1, 1),
        block=(WARP, 1, 1),
    ),
)
FUNCTIONAL = _part(
    "functional_warp_dot_product",
    "the function functional_warp_dot_product",
    HostCall(
        function="functional_warp_dot_product",
        parameters=("dtype", "SIMD_WIDTH", "1", "SIZE"),
        arguments=("output", "a", "b"),
    ),
)

PUZZLE = Puzzle(
    name="warp_fundamentals",
    title="Warp fundamentals: a dot product for each warp",
    parts=(SIMPLE, FUNCTIONAL),
    rubric=(
        RubricItem(check=Compiles(title="The functions compile"), points=5),
        *graded(
            "kernel",
            (25, 12, 8),
            part=SIMPLE.name,
            integers="What does each lane hand to warp_sum, and which lane writes what comes back?",
            clean=WARP_EDGES,
        ),
        *graded(
            "elementwise",
            (22, 9, 6),
            part=FUNCTIONAL.name,
            integers="What does each lane hand to warp_sum, and to which element does the first "
            "lane of a warp write?",
            clean=WARP_EDGES,
        ),
        RubricItem(
            check=OnDevice(
                part=FUNCTIONAL.name,
                title="elementwise: computed by a kernel on the device",
                next_step="The function inside is what runs on the device. Multiply and add there.",
            ),
            points=8,
        ),
        program(
            Command(arguments=("--kernel",), printed=(10416,), behind="out:"),
            Command(arguments=("--functional",), printed=(10416,), behind="out:"),
        ),
    ),
    not_checked="the benchmark's times, which need a GPU",
    book=places(24, before=22),
    first_step="Begin with simple_warp_dot_product: multiply the lane's two elements, hand the "
    "product to warp_sum, and let lane 0 store what comes back.",
)
