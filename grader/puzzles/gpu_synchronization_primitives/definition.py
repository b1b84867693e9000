"""Two kernels of the book's puzzle on synchronisation: a pipeline of stages, and a stencil.

A block has a tile of as many elements as threads, and nothing of the tiles beside it. The task has
four blocks of 256 threads; fewer blocks show the same. Beyond it are other blocks, and a last tile
that is not full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from grader.puzzle_kit import (
    AllValues,
    Arrays,
    Clean,
    Command,
    Compiles,
    ExpectedOutput,
    FindingKind,
    GivenKernel,
    KernelLaunch,
    Kernels,
    Mistake,
    Part,
    Puzzle,
    Robust,
    RubricItem,
    Scalar,
    Size,
    Sizes,
)
from grader.puzzles.gpu_synchronization_primitives.bound import (
    averaged,
    blurred,
    tile_of,
)
from grader.puzzles.gpu_synchronization_primitives.mistakes import OF_PIPELINE, OF_STENCIL
from grader.puzzles.programs import CLEAN, places, program, tensor
from grader.puzzles.warps import WARP

WARPS: Final = 8
"""Of a block, in the task."""
TILE: Final = WARP * WARPS
BLOCKS: Final = 4
"""At most; the task has as many."""

_SHOWS: Final = frozenset({FindingKind.MBARRIER_REUSE, FindingKind.MBARRIER_STATE})
"""What the stencil's given code leads to."""
_ASK_ONCE: Final = ("25.3", "25.4", "25.5", "25.6.1", "25.7", "26.1", "26.2", "26.3", "26.4")
"""Editions whose given code does not wait: it asks once. The book mended that in May 2026."""

Expected = Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]]


@dataclass(frozen=True, kw_only=True)
class Rounded(AllValues):
    """All values, of whatever kind: 1.1 and a third are rounded, so whole numbers are as others."""

    kind: ClassVar[str] = "rounded"
    own_words: ClassVar[str] = "It runs, but the result is not what the task asks for."


def _part(
    function: str,
    formula: str,
    expected: Expected,
    mistakes: tuple[Mistake, ...],
    *,
    terms: int,
    given: GivenKernel | None = None,
) -> Part:
    """A kernel.

    Args:
        function: Its name.
        formula: What it computes.
        expected: The right output.
        mistakes: Those that are known.
        terms: How many times the largest element a sum on the way may be.
        given: What it does wrong as it is given.
    """
    return Part(
        name=function,
        title=f"the kernel {function}",
        formula=formula,
        domain=f"1 to {BLOCKS} tiles of {TILE} elements, a block of {TILE} threads for each",
        code=Kernels(
            launches=(
                KernelLaunch(
                    function=function,
                    older_parameters=(("layout",),),
                    arguments=("output", "input", Scalar("size")),
                    grid=(lambda sizes: -(-sizes["size"] // tile_of(sizes)), 1, 1),
                    block=(tile_of, 1, 1),
                ),
            ),
            constants={"SIZE": "size", "TPB": tile_of, "dtype": "DType.float32"},
        ),
        tensors=(tensor("output", "output", "size"), tensor("input", "input", "size")),
        sizes=(
            Size(name="size", low=1, high=BLOCKS * TILE),
            Size(name="warps", low=1, high=WARPS),
        ),
        assigned=lambda sizes: sizes["warps"] == WARPS and sizes["size"] % TILE == 0,
        boundaries=(
            *({"size": blocks * TILE, "warps": WARPS} for blocks in (2, BLOCKS, 1, 3)),
            *({"size": size, "warps": WARPS} for size in (TILE + 70, 600, 100, 1)),
            *({"size": size, "warps": warps} for size, warps in ((256, 4), (96, 1))),
        ),
        random_assigned=0,
        random_robust=1,
        terms=lambda sizes: terms,
        expected=expected,
        mistakes=mistakes,
        given=given,
    )


PIPELINE = _part(
    "multi_stage_image_blur_pipeline",
    "of each tile: p[i] = 1.1 * input[i]; b[i] = mean of p[i - 2] to p[i + 2], as far as these are "
    "there; output[i] = (0.6 * (b[i] + b[i - 1]) + b[i + 1]) * 0.6, and without a neighbour "
    "without its step",
    blurred,
    OF_PIPELINE,
    terms=6,
)
STENCIL = _part(
    "double_buffered_stencil_computation",
    "of each tile, three times: x[i] = mean of x[i - 1], x[i] and x[i + 1], as far as these are "
    "there; output = x",
    averaged,
    OF_STENCIL,
    terms=3,
    given=GivenKernel(
        function="double_buffered_stencil_computation",
        shows=_SHOWS,
        older_shows=dict.fromkeys(_ASK_ONCE, _SHOWS | {FindingKind.RACE}),
        defect="The given code waits for a number in the place of the state that an arrival "
        "returns, and begins an mbarrier again that has not ended, while other threads may still "
        "ask for it. PTX leaves both undefined. Before edition 26.5 it asks only once whether all "
        "have arrived, and goes on. These are defects of the given code, which the "
        "task does not ask to mend: they cost you nothing.",
    ),
)


def _graded(part: Part, called: str, values: str, clean: str) -> tuple[RubricItem, ...]:
    """The points of a part, and what to look at first where its values are wrong or unclean."""
    return (
        RubricItem(
            check=Rounded(
                part=part.name,
                title=f"{called}: all values within the rounding bound",
                next_step=values,
            ),
            points=30,
        ),
        RubricItem(
            check=Clean(
                part=part.name,
                title=f"{called}: clean: input untouched, no out of bounds, no race",
                next_step=clean,
            ),
            points=15,
        ),
        RubricItem(
            check=Robust(
                part=part.name,
                title=f"{called}: robust: right for every SIZE and for other blocks",
                next_step="A thread has an element where its index is below SIZE, and a cell of "
                "shared memory without an element is 0. Is that so at each access?",
            ),
            points=5,
            extra=True,
        ),
    )


PUZZLE = Puzzle(
    name="gpu_synchronization_primitives",
    title="A pipeline of three stages, and a stencil with two buffers",
    parts=(PIPELINE, STENCIL),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *_graded(
            PIPELINE,
            "pipeline",
            "Follow the first four elements of a tile through the three stages by hand.",
            CLEAN,
        ),
        *_graded(
            STENCIL,
            "stencil",
            "Take a tile of one 1 among zeros: what is in each buffer behind each iteration?",
            "All threads arrive before the first one reads what others wrote. Are arrivals, waits "
            "and barriers where they were given, outside of each condition?",
        ),
        program(Command(arguments=("--multi-stage",)), Command(arguments=("--double-buffer",))),
    ),
    book=places(29, before=26),
    not_checked="what the given mbarriers do in other orders of threads, which PTX leaves open",
    first_step="Begin with multi_stage_image_blur_pipeline. Which threads load the tile, how many "
    "elements has each of them, and which threads may read them behind the barrier?",
)
