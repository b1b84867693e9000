"""A linear layer behind a layer norm: forward by one kernel or by four, and backward by one.

One op has both ways forward, told apart by a compile-time parameter that is a text; another op has
the gradients. A student writes a kernel for each; the other kernels and the launches are given.
The ops get all sizes as parameters, so a kernel has to be right for any; the book has one of each.

In the given code of the backward kernel the first block sets the sums to zero, and all blocks add
to them. Nothing makes the others wait for that: on a GPU the first block has a head start, and the
zeros come first as a rule. That race is the given code's and costs nothing, and the device gives
the first block that head start. Whoever does not add atomically races with all others, which does
cost points, and so does what is wrong although the first block came first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from grader.puzzle_kit import (
    AllValues,
    Arrays,
    Budget,
    Clean,
    Compiles,
    ExpectedOutput,
    GivenKernel,
    Mistake,
    OnDevice,
    Op,
    Packages,
    Part,
    Puzzle,
    RubricItem,
    Size,
    Sizes,
    TensorSpec,
)
from grader.puzzles.layernorm_linear.bound import expected_gradients, expected_output
from grader.puzzles.layernorm_linear.elements import GRADIENTS, INPUTS, SCALES, WEIGHTS
from grader.puzzles.layernorm_linear.mistakes import OF_BACKWARD, OF_FORWARD
from grader.puzzles.ops import places

SIZES = (
    Size(name="batch_size", low=1, high=7),
    Size(name="seq_len", low=1, high=7),
    Size(name="hidden_dim", low=1, high=12),
    Size(name="output_dim", low=1, high=18),
)
SHAPES = tuple(
    {"batch_size": b, "seq_len": s, "hidden_dim": h, "output_dim": o}
    for b, s, h, o in (
        # The book's.
        (4, 4, 8, 16),
        (1, 1, 1, 1),
        # All four differ, so that no two can be taken for each other.
        (2, 5, 7, 3),
        # A tile and some more, of outputs and of positions.
        (6, 3, 4, 17),
    )
)
"""Sizes that are always tried, beside one at random. Each is an instance of all kernels, which
takes time to compile, above all where loops are unrolled."""


@dataclass(frozen=True, kw_only=True)
class Normalised(AllValues):
    """All values, of whatever kind: whole numbers are rounded as others are."""

    kind: ClassVar[str] = "normalised"
    own_words: ClassVar[str] = "It runs, but values are not those of other inputs."


def _input(name: str, *shape: str) -> TensorSpec:
    domain = {
        "input": INPUTS,
        "ln_weight": SCALES,
        "grad_output": GRADIENTS,
    }.get(name, WEIGHTS)
    return TensorSpec(name=name, role="input", dtype="float32", shape=shape, domain=domain)


def _output(name: str, *shape: str) -> TensorSpec:
    return TensorSpec(name=name, role="output", dtype="float32", shape=shape)


ROWS = ("batch_size", "seq_len")
INPUT = _input("input", *ROWS, "hidden_dim")
LN_WEIGHT, LN_BIAS = _input("ln_weight", "hidden_dim"), _input("ln_bias", "hidden_dim")
LINEAR_WEIGHT = _input("linear_weight", "output_dim", "hidden_dim")


def _part(
    name: str,
    title: str,
    formula: str,
    *,
    op: str,
    tensors: tuple[TensorSpec, ...],
    expected: Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]],
    mistakes: tuple[Mistake, ...],
    texts: Mapping[str, str] | None = None,
    given: GivenKernel | None = None,
) -> Part:
    return Part(
        name=name,
        title=title,
        formula=formula,
        domain="batch_size and seq_len 1 to 7, hidden_dim 1 to 12, output_dim 1 to 18",
        code=Op(name=op, parameters={size.name: size.name for size in SIZES}, texts=texts or {}),
        tensors=tensors,
        sizes=SIZES,
        assigned=lambda sizes: True,
        boundaries=SHAPES,
        random_assigned=1,
        expected=expected,
        # One thread may do all: 49 positions with 216 products, each a few times.
        budget=Budget(thread=4_000_000),
        mistakes=mistakes,
        given=given,
    )


def _forward(algorithm: str, title: str) -> Part:
    return _part(
        algorithm,
        title,
        "output[b, s, o] = sum(y[h] * linear_weight[o, h] for all h) + linear_bias[o], "
        "y[h] = (x[h] - mean(x)) / sqrt(var(x) + 1e-5) * ln_weight[h] + ln_bias[h], "
        "x = input[b, s]",
        op="layernorm_linear",
        texts={"algorithm": algorithm},
        tensors=(
            _output("output", *ROWS, "output_dim"),
            INPUT,
            LN_WEIGHT,
            LN_BIAS,
            LINEAR_WEIGHT,
            _input("linear_bias", "output_dim"),
        ),
        expected=expected_output,
        mistakes=OF_FORWARD,
    )


FUSED = _forward("fused", "the fused layernorm_linear")
UNFUSED = _forward("unfused", "the unfused layernorm_linear")
BACKWARD = _part(
    "backward",
    "the op layernorm_linear_backward",
    "the gradients of input, ln_weight, ln_bias, linear_weight and linear_bias, "
    "where that of the output is grad_output",
    op="layernorm_linear_backward",
    tensors=(
        _output("grad_input", *ROWS, "hidden_dim"),
        _output("grad_ln_weight", "hidden_dim"),
        _output("grad_ln_bias", "hidden_dim"),
        _output("grad_weight", "output_dim", "hidden_dim"),
        _output("grad_bias", "output_dim"),
        _input("grad_output", *ROWS, "output_dim"),
        INPUT,
        LN_WEIGHT,
        LN_BIAS,
        LINEAR_WEIGHT,
    ),
    expected=expected_gradients,
    mistakes=OF_BACKWARD,
    given=GivenKernel(
        function="minimal_fused_kernel_backward",
        first_block_ahead=True,
        defect="In the given kernel the first block sets the sums to zero while others may already "
        "add to them. That is a defect of the given code, which the task does not ask to mend: it "
        "costs you nothing. A launch of its own before this one, or a memset, would set them "
        "safely.",
    ),
)


def _graded(
    part: Part, points: tuple[int, int, int], *, values: str, clean: str
) -> tuple[RubricItem, ...]:
    right, unclean, on_device = points
    name = part.name
    return (
        RubricItem(
            check=Normalised(
                part=name, title=f"{name}: all values within the rounding bound", next_step=values
            ),
            points=right,
        ),
        RubricItem(
            check=Clean(
                part=name,
                title=f"{name}: clean: inputs untouched, no out of bounds, no race",
                next_step=clean,
            ),
            points=unclean,
        ),
        RubricItem(
            check=OnDevice(
                part=name,
                title=f"{name}: computed by kernels on the device",
                next_step="Each element must be written by a thread of a kernel that the op "
                "launches.",
            ),
            points=on_device,
        ),
    )


PUZZLE = Puzzle(
    name="layernorm_linear",
    title="Layer norm with a linear layer, fused and unfused, and its gradients, as MAX Graph ops",
    parts=(FUSED, UNFUSED, BACKWARD),
    rubric=(
        RubricItem(check=Packages(), points=10),
        RubricItem(check=Compiles(title="The graph compiles with both ops"), points=10),
        *_graded(
            FUSED,
            (20, 3, 2),
            values="Take a position of two elements, 1 and 3: what are its mean, its variance, and "
            "the two elements of the layer norm? Then one output by hand.",
            clean="Which elements of input, linear_weight and output belong to the block's "
            "position?",
        ),
        *_graded(
            UNFUSED,
            (21, 2, 2),
            values="layernorm_kernel writes one element of the layer norm in each thread, and "
            "nothing of the linear layer. Which sums does each thread need?",
            clean="Which element of its position does a thread write, and which ones does it read?",
        ),
        *_graded(
            BACKWARD,
            (24, 3, 3),
            values="Look at which of the five gradients are wrong. Four are sums over all "
            "positions; that of the input is of one position, with two means over its elements.",
            clean="Several positions add to one cell: which operation keeps each of their terms?",
        ),
    ),
    book=places("layernorm_linear", 22, before=20, old=("25.4",)),
    not_checked="the ops on the CPU, which are given; what PyTorch makes of the gradients",
    first_step="Fill in one of the three kernels, minimal_fused_kernel say: the mean and the "
    "variance of the block's position, then each output of it. The others can follow.",
)
