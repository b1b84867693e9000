"""The 1D convolution: what students are given, what is asked of them, and what it is worth."""

from __future__ import annotations

import functools

import numpy as np

from grader.puzzle_kit import (
    FACTOR,
    Budget,
    Clean,
    Compiles,
    Element,
    Example,
    GivenKernel,
    Integers,
    NeedsZeros,
    OnDevice,
    Op,
    Packages,
    Part,
    Puzzle,
    Reals,
    Robust,
    RubricItem,
    Size,
    Sizes,
    TensorSpec,
    Words,
    WorkedExample,
)
from grader.puzzles.conv1d.bound import expected
from grader.puzzles.conv1d.messages import MESSAGES
from grader.puzzles.conv1d.mistakes import MISTAKES, TPB
from grader.puzzles.ops import places


def _assigned(sizes: Sizes) -> bool:
    """Sizes on which the given kernel is defined (see ``_given_reads``)."""
    return sizes["conv_size"] == 1 or sizes["input_size"] in (TPB, 2 * TPB)


def _given_reads(sizes: Sizes, *, zeros_past_the_end: bool = True) -> frozenset[Element]:
    """What the given kernel reads of its tile although nothing wrote it.

    A thread of each block loads an element of the input, if there is one for it; the first
    ``conv_size - 1`` threads also load an element of the next tile, or write a zero where the
    input has ended. So idle threads leave cells unwritten, and others read them.

    Args:
        sizes: The sizes.
        zeros_past_the_end: Whether those zeros are written.
    """
    n, m = sizes["input_size"], sizes["conv_size"]
    found: set[Element] = set()
    for block in range(2):
        first = block * TPB
        busy = range(min(TPB, n - first))
        halo = (TPB + t for t in range(m - 1) if zeros_past_the_end or first + TPB + t < n)
        written = {*busy, *halo}
        cells = [(t, t + j) for t in busy for j in range(m) if t + j not in written]
        found |= {(TPB + m - 1, block, thread, cell) for thread, cell in cells}
    return frozenset(found)


_UNWRITTEN_HALO = NeedsZeros(
    at=lambda sizes: _assigned(sizes) and sizes["conv_size"] > 1,
    reads=functools.partial(_given_reads, zeros_past_the_end=False),
    explanation="The given kernel of this edition leaves the cells of shared memory that lie past "
    "the end of the input unwritten, and reads them. It is right where they hold zeros, as they "
    "usually do on a GPU, so at the sizes of the task they hold zeros here. That is a defect of "
    "the given code: it costs you nothing, and repairing it earns extra credit.",
)
"""Skeletons up to October 2025 had no ``else`` where the halo is loaded; later ones write 0."""


PART = Part(
    name="conv1d",
    title="the op conv1d",
    formula="output[i] = sum(input[i + j] * kernel[j] for j in range(conv_size) "
    "if i + j < input_size)",
    domain="input_size 15 or 30 with conv_size 1 to 15; conv_size 1 with input_size 1 to 30",
    code=Op(
        name="conv1d",
        parameters={"input_size": "input_size", "conv_size": "conv_size", "dtype": "float32"},
        grid=(2, 1, 1),
        block=(TPB, 1, 1),
        grid_constant="BLOCKS_PER_GRID",
        block_constant="TPB",
    ),
    tensors=(
        TensorSpec(name="output", role="output", dtype="float32", shape=("input_size",)),
        TensorSpec(
            name="input", role="input", dtype="float32", shape=("input_size",), domain=FACTOR
        ),
        TensorSpec(
            name="kernel", role="input", dtype="float32", shape=("conv_size",), domain=FACTOR
        ),
    ),
    sizes=(
        Size(name="input_size", low=1, high=2 * TPB),
        Size(name="conv_size", low=1, high=TPB),
    ),
    assigned=_assigned,
    boundaries=tuple(
        {"input_size": n, "conv_size": m}
        for n, m in (
            (TPB, TPB),
            (2 * TPB, 2),
            # Whoever takes taps by twos, fours or eights: whole groups only, and a rest of one.
            (2 * TPB, 5),
            (2 * TPB, 8),
            (2 * TPB, TPB - 1),
            (2 * TPB, TPB),
            (1, 1),
            (TPB - 1, 1),
            (TPB + 1, 1),
            (2 * TPB - 1, 1),
            (1, 2),
            (TPB - 1, 2),
            (TPB + 1, TPB),
            (2 * TPB - 1, TPB - 1),
        )
    ),
    random_assigned=2,
    random_robust=2,
    example=WorkedExample(
        sizes={"input_size": 15, "conv_size": 4},
        inputs={
            "input": np.arange(15, dtype=np.float32),
            "kernel": np.arange(4, dtype=np.float32),
        },
        outputs={"output": (14, 20, 26, 32, 38, 44, 50, 56, 62, 68, 74, 80, 41, 14, 0)},
    ),
    words=Words(
        title="1D Convolution",
        lower="1D convolution",
        inputs={"input": "Input array", "kernel": "Convolution kernel"},
    ),
    # 15 products of at most 100 * 100 sum to 150,000, far below 2**24.
    integers=(-100, 100),
    terms=lambda sizes: sizes["conv_size"],
    expected=expected,
    # One thread may do all: 450 products.
    budget=Budget(thread=500_000),
    mistakes=MISTAKES,
    given=GivenKernel(
        function="conv1d_kernel",
        array="shared_a",
        reads=_given_reads,
        needs_zeros=dict.fromkeys(("25.3", "25.4", "25.5", "25.6.1"), _UNWRITTEN_HALO),
        defect="The given kernel is right for the sizes of the task only. For other sizes "
        "its idle threads leave cells of shared memory unwritten that other threads read. "
        "That is a defect of the given code: it costs you nothing, and repairing it earns extra "
        "credit.",
    ),
)

PUZZLE = Puzzle(
    name="conv1d",
    title="1D convolution as a MAX Graph op",
    parts=(PART,),
    rubric=(
        RubricItem(check=Packages(), points=10),
        RubricItem(check=Compiles(title="The graph compiles with the op conv1d"), points=15),
        RubricItem(
            check=Example(
                next_step="Run the published example by hand for one output: which elements of "
                "input and kernel does it need, and which did your thread read?"
            ),
            points=20,
        ),
        RubricItem(
            check=Integers(
                next_step="Work the first wrong output out by hand, term by term: which of its "
                "terms does your kernel add in another way, or not at all?"
            ),
            points=25,
        ),
        RubricItem(
            check=Reals(
                next_step="The integers tell whether the formula is right; real numbers also show "
                "lost precision."
            ),
            points=15,
        ),
        RubricItem(
            check=Clean(
                next_step="Look at the guard before each access: which index may be too large, "
                "and which cell does another thread write?"
            ),
            points=5,
        ),
        RubricItem(
            check=OnDevice(
                next_step="The answer must be written by the kernel that you launch, on the device."
            ),
            points=10,
        ),
        RubricItem(
            check=Robust(
                title="Robust: right for every size from 1 x 1 to 30 x 15",
                next_step="Write zeros into every cell of shared memory that no thread loads.",
            ),
            points=10,
            extra=True,
        ),
    ),
    not_checked="puzzle 20 hands in one line of Python as well, which needs PyTorch",
    book=places("conv1d", 17, before=15),
    messages=MESSAGES,
    first_step="Launch the kernel at the end of execute: {launch}(...) with the three tensors, "
    "grid_dim and block_dim.",
)
