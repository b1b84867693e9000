"""Five kernels of whole warps: swaps, maxima, a prefix sum and a partition.

The book runs four of them for one warp, and one for two. The partition is of one warp alone.
"""

from __future__ import annotations

from grader.puzzle_kit import (
    Command,
    Compiles,
    KernelLaunch,
    Kernels,
    Part,
    Puzzle,
    Real,
    RubricItem,
    Size,
)
from grader.puzzles.advanced_warp_patterns.answers import (
    AROUND_PIVOTS,
    EXTREMES,
    NUMBERS,
    PIVOTS,
    conditional_max,
    pair_swap,
    parallel_max,
    partition,
    prefix_sums,
)
from grader.puzzles.advanced_warp_patterns.mistakes import (
    OF_CONDITIONS,
    OF_MAXIMA,
    OF_PARTITIONS,
    OF_PREFIX_SUMS,
    OF_SWAPS,
)
from grader.puzzles.programs import places, program
from grader.puzzles.warps import MORE_WARPS, WARP, of_warps, points, tensors

SWAP = of_warps(
    "butterfly_pair_swap",
    "output[i] = input[i xor 1]: 1, 0, 3, 2, ...",
    pair_swap,
    OF_SWAPS,
    NUMBERS,
)
MAX = of_warps(
    "butterfly_parallel_max",
    "output[i] = max(input) of the warp, in every lane",
    parallel_max,
    OF_MAXIMA,
    EXTREMES,
)
CONDITIONAL = of_warps(
    "butterfly_conditional_max",
    "output[i] = max(input) of the warp in even lanes, min(input) of it in odd ones",
    conditional_max,
    OF_CONDITIONS,
    EXTREMES,
    asked=(1, 2),
)
PREFIX = of_warps(
    "warp_inclusive_prefix_sum",
    "output[i] = input[0] + ... + input[i], of the warp",
    prefix_sums,
    OF_PREFIX_SUMS,
    NUMBERS,
)
PARTITION = Part(
    name="warp_partition",
    title="the kernel warp_partition",
    formula="output = the elements below the pivot, then all others, each in the order of the "
    "input",
    domain=f"{WARP} elements, in one block of a warp",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="warp_partition",
                parameters=("SIZE",),
                older_parameters=(("layout", "SIZE"),),
                arguments=("output", "input", Real("pivot", lambda sizes: sizes["pivot"])),
                block=(WARP, 1, 1),
            ),
        ),
        constants={"SIZE": WARP, "dtype": "DType.float32"},
    ),
    tensors=tensors(WARP, AROUND_PIVOTS),
    sizes=(Size(name="pivot", low=1, high=PIVOTS),),
    assigned=lambda sizes: True,
    boundaries=tuple({"pivot": pivot} for pivot in (5, 1, PIVOTS, 2, 4, 6)),
    expected=partition,
    mistakes=OF_PARTITIONS,
)


OWN_WARP = "A warp talks to itself alone: lanes go from 0 to 31 in each, and elements go on."

PUZZLE = Puzzle(
    name="advanced_warp_patterns",
    title="Butterflies, a prefix sum and a partition within a warp",
    parts=(SWAP, MAX, CONDITIONAL, PREFIX, PARTITION),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *points(
            SWAP,
            "swap",
            "Which lane does shuffle_xor with 1 take from, in lane 0, and which in lane 1?",
            (3, MORE_WARPS, OWN_WARP),
        ),
        *points(
            MAX,
            "maximum",
            "Go through four lanes by hand, with offsets 2 and 1: what does each know behind each "
            "step?",
            (3, MORE_WARPS, OWN_WARP),
        ),
        *points(
            CONDITIONAL,
            "maximum and minimum",
            "There are two reductions, each of its own number. Which lanes store which of them?",
        ),
        *points(
            PREFIX,
            "prefix sum",
            "Is a lane's own element in its sum?",
            (4, MORE_WARPS, OWN_WARP),
        ),
        *points(
            PARTITION,
            "partition",
            "Take four elements, two of them below the pivot. At which place does each lane write, "
            "and how many stand to the left?",
        ),
        program(
            Command(arguments=("--pair-swap",), printed=(1, 0, 3, 2), behind="output:"),
            Command(arguments=("--parallel-max",), behind="output:"),
            Command(arguments=("--conditional-max",), behind="output:"),
            Command(arguments=("--prefix-sum",), printed=(1, 3, 6, 10), behind="output:"),
            Command(arguments=("--partition",), behind="output:"),
        ),
    ),
    book=places(26, before=24),
    first_step="Begin with butterfly_pair_swap: read the own element, take the one of the lane "
    "whose number differs in the last bit by shuffle_xor, and store it.",
)
