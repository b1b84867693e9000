"""What puzzles share whose blocks are one warp each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from grader.puzzle_kit import (
    Array,
    Arrays,
    ArraySpec,
    Between,
    Domain,
    ExpectedOutput,
    Extent,
    KernelLaunch,
    Kernels,
    Mistake,
    Part,
    RubricItem,
    Size,
    Sizes,
    TensorSpec,
)
from grader.puzzles.programs import Answer, graded, numbers

WARP = 32
"""Lanes of a warp, and threads of a block."""
MOST = 2
"""Blocks of what is asked for in one block."""

Expected = Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]]
Change = Callable[[Answer, Answer], Answer]
"""From the input, and the number of each element's lane, to what a mistake makes of it."""

WARP_EDGES = (
    "Every lane of a warp has to come to a shuffle, and no two threads may write the same element. "
    "What a lane reads of memory has to lie within it."
)
"""What to look at first where the code is not clean."""
MORE_WARPS = "right for two blocks of a warp"


@dataclass(frozen=True)
class OfOneSign(Between):
    """Numbers that are all negative, or all positive, in a third of the cases each.

    So a maximum or a minimum that begins with 0 shows.
    """

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        drawn = super().draw(spec, random)
        sign = random.integers(-1, 2)
        return np.asarray(sign * np.abs(drawn) if sign else drawn, drawn.dtype)


def tensors(shape: Extent, domain: Domain) -> tuple[TensorSpec, ...]:
    """The output and the input, of the same shape."""
    return (
        TensorSpec(name="output", role="output", dtype="float32", shape=(shape,)),
        TensorSpec(name="input", role="input", dtype="float32", shape=(shape,), domain=domain),
    )


def of_warps(
    function: str,
    formula: str,
    expected: Expected,
    mistakes: tuple[Mistake, ...],
    domain: Domain,
    *,
    asked: tuple[int, ...] = (1,),
) -> Part:
    """A part whose blocks are whole warps; its task has so many of them."""

    def elements(sizes: Sizes) -> int:
        return WARP * sizes["blocks"]

    single = asked == (1,)
    size, layout = ("SIZE", "layout") if single else ("SIZE_2", "layout_2")
    return Part(
        name=function,
        title=f"the kernel {function}",
        formula=formula,
        domain=f"{WARP} elements, in one block of a warp"
        if single
        else f"{WARP} or {2 * WARP} elements, in blocks of a warp",
        code=Kernels(
            launches=(
                KernelLaunch(
                    function=function,
                    parameters=(size,),
                    older_parameters=((layout, size),),
                    arguments=("output", "input"),
                    grid=("blocks", 1, 1),
                    block=(WARP, 1, 1),
                ),
            ),
            constants={size: elements, "dtype": "DType.float32"},
        ),
        tensors=tensors(elements, domain),
        sizes=(Size(name="blocks", low=1, high=MOST),),
        assigned=lambda sizes: sizes["blocks"] in asked,
        boundaries=tuple({"blocks": blocks} for blocks in range(1, MOST + 1)),
        expected=expected,
        mistakes=mistakes,
    )


def points(
    part: Part, kernel: str, integers: str, robust: tuple[int, str, str] | None = None
) -> tuple[RubricItem, ...]:
    """The points of one of five kernels; see `grader.puzzles.programs.graded`."""
    return graded(
        kernel, (10, 4, 4), part=part.name, integers=integers, clean=WARP_EDGES, robust=robust
    )


def elements(inputs: Arrays) -> Answer:
    """The input in float64."""
    return numbers(inputs, "input")


def mistake(name: str, explanation: str, advice: str, change: Change) -> Mistake:
    """A mistake, by what it makes of the input."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer:
        values = elements(inputs)
        return np.asarray(change(values, np.arange(float(len(values))) % WARP))

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer)


def right_by(expected: Expected) -> Callable[[Arrays, Sizes], Answer]:
    """The right output as numbers."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer:
        return np.asarray(expected(inputs, sizes)["output"].value, np.float64)

    return answer
