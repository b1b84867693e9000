"""The softmax: ``output[i] = exp(input[i]) / sum of exp(input[j])``, for 128 elements.

One op with two kernels, one for the GPU and one for the CPU; each is a part. The file fixes the
number of elements, which is the number of threads of the one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from grader.puzzle_kit import (
    AllValues,
    Budget,
    Clean,
    Compiles,
    OnDevice,
    Op,
    Packages,
    Part,
    Puzzle,
    RubricItem,
    Size,
    TensorSpec,
)
from grader.puzzles.ops import places
from grader.puzzles.softmax.bound import expected
from grader.puzzles.softmax.elements import Logits
from grader.puzzles.softmax.messages import MESSAGES
from grader.puzzles.softmax.mistakes import MISTAKES

SIZE = 128
"""As the file has it."""


@dataclass(frozen=True, kw_only=True)
class Quotients(AllValues):
    """All values, of whatever kind: whole numbers are rounded as others are."""

    kind: ClassVar[str] = "quotients"
    own_words: ClassVar[str] = "It runs, but the result is not the softmax of each input."


def _part(name: Literal["gpu", "cpu"], title: str) -> Part:
    return Part(
        name=name,
        title=title,
        formula="output[i] = exp(input[i] - m) / sum(exp(input[j] - m) for all j), m = max(input)",
        domain=f"input_size {SIZE}",
        code=Op(
            name="softmax",
            parameters={"input_size": "input_size", "dtype": "float32"},
            target=name,
        ),
        tensors=(
            TensorSpec(name="output", role="output", dtype="float32", shape=("input_size",)),
            TensorSpec(
                name="input",
                role="input",
                dtype="float32",
                shape=("input_size",),
                domain=Logits(),
            ),
        ),
        sizes=(Size(name="input_size", low=SIZE, high=SIZE),),
        assigned=lambda sizes: True,
        boundaries=({"input_size": SIZE},),
        expected=expected,
        # One thread may do all: 128 exponentials, twice.
        budget=Budget(thread=500_000),
        mistakes=MISTAKES,
    )


PUZZLE = Puzzle(
    name="softmax",
    title="Softmax as a MAX Graph op, on the GPU and on the CPU",
    parts=(_part("gpu", "the kernel of the GPU"), _part("cpu", "the kernel of the CPU")),
    rubric=(
        RubricItem(check=Packages(), points=10),
        RubricItem(check=Compiles(title="The graphs compile with the op softmax"), points=15),
        RubricItem(
            check=Quotients(
                part="gpu",
                title="GPU: all values within the rounding bound",
                next_step="Follow one reduction by hand for a block of eight threads. Which pairs "
                "meet in each step, and what does an element of 200 among zeros do?",
            ),
            points=30,
        ),
        RubricItem(
            check=Clean(
                part="gpu",
                title="GPU: clean: input untouched, no out of bounds, no race",
                next_step="Between writing a cell of shared memory and reading it in another "
                "thread, all threads have to pass a barrier.",
            ),
            points=10,
        ),
        RubricItem(
            check=OnDevice(
                part="gpu",
                title="GPU: computed by the kernel on the device",
                next_step="Each element of the output must be written by a thread of the kernel.",
            ),
            points=10,
        ),
        RubricItem(
            check=Quotients(
                part="cpu",
                title="CPU: all values within the rounding bound",
                next_step="Three loops: the maximum, the exponentials with their sum, the "
                "division. Does each go through all elements?",
            ),
            points=25,
        ),
    ),
    not_checked="what the op touches on the CPU, where nothing observes it",
    book=places("softmax", 18, before=16),
    messages=MESSAGES,
    first_step="Fill in both kernels: softmax_gpu_kernel, in which the threads of the block reduce "
    "together, and softmax_cpu_kernel, a loop after the other.",
)
