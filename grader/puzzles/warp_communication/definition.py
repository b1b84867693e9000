"""Five kernels whose blocks are one warp each: shuffles to a neighbour, and broadcasts of lane 0.

The book runs four of them for one warp only, and so they are assigned for that. The moving average
has two warps and says what happens where one ends; it is assigned for all whole warps.
"""

from __future__ import annotations

from grader.puzzle_kit import (
    Command,
    Compiles,
    KernelLaunch,
    Kernels,
    Part,
    Puzzle,
    RubricItem,
    Size,
)
from grader.puzzles.programs import places, program
from grader.puzzles.warp_communication.answers import (
    ORDINARY,
    WithAMaximum,
    averages,
    difference,
    doubled_or_halved,
    raised,
    scaled,
)
from grader.puzzles.warp_communication.mistakes import (
    OF_AVERAGES,
    OF_DIFFERENCES,
    OF_RAISED,
    OF_SCALED,
    OF_THRESHOLD,
)
from grader.puzzles.warps import MORE_WARPS, WARP, of_warps, points, tensors

NEIGHBOR = of_warps(
    "neighbor_difference",
    "output[i] = input[i + 1] - input[i]; 0 for the last lane",
    difference,
    OF_DIFFERENCES,
    ORDINARY,
)
COORDINATION = of_warps(
    "broadcast_shuffle_coordination",
    "output[i] = (input[i] + input[i + 1]) * (input[0] + ... + input[3]) / 4, of the block; "
    "input[i] alone for the last lane",
    scaled,
    OF_SCALED,
    ORDINARY,
)
BASIC = of_warps(
    "basic_broadcast",
    "output[i] = input[i] + (input[0] + ... + input[3]), of the block",
    raised,
    OF_RAISED,
    ORDINARY,
)
CONDITIONAL = of_warps(
    "conditional_broadcast",
    "output[i] = 2 * input[i] where input[i] >= max(input[0], ..., input[7]) / 2, of the block; "
    "else input[i] / 2",
    doubled_or_halved,
    OF_THRESHOLD,
    WithAMaximum(-999, 999),
)
AVERAGE = Part(
    name="moving_average_3",
    title="the kernel moving_average_3",
    formula="output[i] = the mean of input[i], input[i + 1] and input[i + 2], as far as the warp "
    "has them",
    domain=f"one or two whole warps: {WARP} or {2 * WARP} elements, in blocks of a warp",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="moving_average_3",
                parameters=("SIZE_2",),
                older_parameters=(("layout_2", "SIZE_2"),),
                arguments=("output", "input"),
                grid=(lambda sizes: -(-sizes["size"] // WARP), 1, 1),
                block=(WARP, 1, 1),
            ),
        ),
        constants={"SIZE_2": "size", "dtype": "DType.float32"},
    ),
    tensors=tensors("size", ORDINARY),
    sizes=(Size(name="size", low=1, high=2 * WARP),),
    assigned=lambda sizes: sizes["size"] % WARP == 0,
    boundaries=tuple({"size": size} for size in (64, 32, 1, 31, 33, 50)),
    random_robust=0,
    expected=averages,
    mistakes=OF_AVERAGES,
)

BLOCK_LOCAL = (
    "Which elements are the first ones of a block behind the first? How many stand before them?"
)


PUZZLE = Puzzle(
    name="warp_communication",
    title="Shuffles and broadcasts within a warp",
    parts=(NEIGHBOR, AVERAGE, COORDINATION, BASIC, CONDITIONAL),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *points(
            NEIGHBOR,
            "difference",
            "From which lane does the value come, which one is taken from which, and what is left "
            "for the last lane?",
            (2, MORE_WARPS, "A lane goes from 0 to 31 in each warp; the element is global_i."),
        ),
        *points(
            AVERAGE,
            "average",
            "Go through the last three lanes of a warp by hand: how many elements has each, and by "
            "what are they divided?",
            (
                2,
                "right for every size from 1 to 64",
                "Where the last warp is not full, its elements end before its lanes do.",
            ),
        ),
        *points(
            COORDINATION,
            "mean and neighbour",
            "Which value has each lane behind the broadcast? Then look at what the last lane adds.",
            (2, MORE_WARPS, BLOCK_LOCAL),
        ),
        *points(
            BASIC,
            "sum for all",
            "Which lane knows the sum before the broadcast, and which lanes know it behind it?",
            (2, MORE_WARPS, BLOCK_LOCAL),
        ),
        *points(
            CONDITIONAL,
            "decision for all",
            "What is the largest of the first eight where all are negative? Does every lane "
            "compare with half of the same number?",
            (2, MORE_WARPS, BLOCK_LOCAL),
        ),
        program(
            Command(arguments=("--neighbor",), printed=(1, 3, 5, 7), behind="output:"),
            Command(arguments=("--average",), printed=(10 / 3, 19 / 3), behind="output:"),
            Command(arguments=("--broadcast-basic",), printed=(11, 12, 13), behind="output:"),
            Command(
                arguments=("--broadcast-conditional",), printed=(1.5, 0.5, 14), behind="output:"
            ),
            Command(
                arguments=("--broadcast-shuffle-coordination",),
                printed=(30, 50, 70, 45, 20),
                behind="output:",
            ),
        ),
    ),
    book=places(25, before=23),
    first_step="Begin with neighbor_difference: read the own element, take the next lane's by "
    "shuffle_down with offset 1, and give the last lane, which has no next one, a 0.",
)
