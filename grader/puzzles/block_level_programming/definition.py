"""Three kernels of one block: a dot product, the elements of one bin, a division by the mean.

Each thread has one element. The task has as many elements as threads; the kernels take the number
of elements, so that fewer can be asked for as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grader.puzzle_kit import (
    Arrays,
    Between,
    Command,
    Compiles,
    ExpectedOutput,
    Extent,
    KernelLaunch,
    Kernels,
    Mistake,
    Part,
    Puzzle,
    RubricItem,
    Scalar,
    Size,
    Sizes,
    TensorSpec,
)
from grader.puzzles.block_level_programming.answers import (
    BINS,
    FromZeroToOne,
    bin_of,
    dot_product,
    extracted,
    normalized,
)
from grader.puzzles.block_level_programming.mistakes import OF_BINS, OF_MEANS, OF_SUMS
from grader.puzzles.programs import graded, places, program, tensor

TPB = 128
"""Threads of the block, and elements of the task."""
FEWER = (1, 31, 32, 33, 100, 127)
"""Elements beyond the task: within a warp, and at its ends."""

Expected = Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]]


def _part(
    function: str,
    formula: str,
    arguments: tuple[str | Scalar, ...],
    tensors: tuple[TensorSpec, ...],
    expected: Expected,
    mistakes: tuple[Mistake, ...],
    *,
    bins: bool = False,
) -> Part:
    """A kernel of one block; ``bins``: whether it is told which bin is meant."""
    all_bins = tuple({"size": TPB, "nth_bin": number} for number in (1, BINS, 4, 5))
    fewer = tuple({"size": size, "nth_bin": size % BINS + 1} for size in FEWER)
    return Part(
        name=function,
        title=f"the kernel {function}",
        formula=formula,
        domain=f"{TPB} elements, in one block of {TPB} threads",
        code=Kernels(
            launches=(
                KernelLaunch(
                    function=function,
                    parameters=("TPB",),
                    older_parameters=(("in_layout", "out_layout", "TPB"),),
                    arguments=arguments,
                    block=(TPB, 1, 1),
                ),
            ),
            constants={"SIZE": "size", "TPB": TPB, "dtype": "DType.float32"},
        ),
        tensors=tensors,
        sizes=(
            Size(name="size", low=1, high=TPB),
            *((Size(name="nth_bin", low=1, high=BINS),) if bins else ()),
        ),
        assigned=lambda sizes: sizes["size"] == TPB,
        boundaries=(*all_bins, *fewer) if bins else tuple({"size": size} for size in (TPB, *FEWER)),
        random_robust=1,
        terms=lambda sizes: sizes["size"],
        expected=expected,
        mistakes=mistakes,
    )


def _input(name: str, shape: Extent, domain: Between) -> TensorSpec:
    return TensorSpec(name=name, role="input", dtype="float32", shape=(shape,), domain=domain)


SUM = _part(
    "block_sum_dot_product",
    "output[0] = sum(a[i] * b[i] for i in range(size))",
    ("output", "a", "b", Scalar("size")),
    (
        tensor("output", "output", 1),
        tensor("a", "input", "size"),
        tensor("b", "input", "size"),
    ),
    dot_product,
    OF_SUMS,
)
HISTOGRAM = _part(
    "block_histogram_bin_extract",
    "bin_output = the elements of the bin, in the order of the input; count_output[0] = how many "
    f"they are. Bin k of {BINS} holds k / {BINS} <= input_data[i] < (k + 1) / {BINS}; the last one "
    "also 1",
    (
        *("input_data", "bin_output", "count_output"),
        *(Scalar("size"), Scalar(bin_of), Scalar(BINS)),
    ),
    (
        tensor("bin_output", "output", "size"),
        TensorSpec(name="count_output", role="output", dtype="int32", shape=(1,)),
        _input("input_data", "size", FromZeroToOne()),
    ),
    extracted,
    OF_BINS,
    bins=True,
)
NORMALIZE = _part(
    "block_normalize_vector",
    "output_data[i] = input_data[i] / mean(input_data), of positive numbers",
    ("input_data", "output_data", Scalar("size")),
    (
        tensor("output_data", "output", "size"),
        _input("input_data", "size", Between(1, 999)),
    ),
    normalized,
    OF_MEANS,
)

ALL_THREADS = (
    "All threads of the block have to come to each block operation, and no two of them may write "
    "the same element. Which thread writes what?"
)
"""What to look at first where the code is not clean."""
FEWER_ELEMENTS = f"right for every size from 1 to {TPB}"
NO_ELEMENT = (
    "A thread without an element takes part in each block operation, too: with what, so that the "
    "result stays the same?"
)

PUZZLE = Puzzle(
    name="block_level_programming",
    title="Sum, prefix sum and broadcast over a block",
    parts=(SUM, HISTOGRAM, NORMALIZE),
    rubric=(
        RubricItem(check=Compiles(title="The kernels compile"), points=5),
        *graded(
            "dot product",
            (16, 8, 6),
            part=SUM.name,
            integers="What does each thread hand to block.sum, and which thread knows the total "
            "behind it?",
            clean=ALL_THREADS,
            robust=(3, FEWER_ELEMENTS, NO_ELEMENT),
        ),
        *graded(
            "histogram",
            (16, 8, 6),
            part=HISTOGRAM.name,
            integers="Take four elements, two of them in the bin. What is the prefix sum of each "
            "thread, and at which place does it write?",
            clean=ALL_THREADS,
            robust=(4, FEWER_ELEMENTS, NO_ELEMENT),
        ),
        *graded(
            "mean",
            (16, 8, 6),
            part=NORMALIZE.name,
            integers="Which thread knows the total, which one the mean, and which threads know it "
            "behind the broadcast?",
            clean=ALL_THREADS,
            robust=(3, FEWER_ELEMENTS, NO_ELEMENT),
        ),
        program(
            Command(
                arguments=("--block-sum-dot-product",),
                printed=(1381760,),
                behind="Block.sum result:",
            ),
            Command(arguments=("--histogram",)),
            Command(arguments=("--normalize",), printed=(1,), behind="Output mean:"),
        ),
    ),
    book=places(27),
    first_step="Begin with block_sum_dot_product: let each thread multiply its two elements, hand "
    "the product to block.sum, and let the first thread write what comes back.",
)
