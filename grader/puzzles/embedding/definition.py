"""The embedding: ``output[b, s, e] = weights[indices[b, s], e]``, by two kernels of one file.

Each kernel is an op of its own and a part of its own: one thread an element on a grid in one
dimension, and the same on a grid in two.

The output holds the weights themselves, so there is no rounding and no bound: they must be equal.
Two things are left open. A weight below the normal numbers may be flushed: whoever adds it to the
zero that the output starts with, or multiplies it by one, may lose it to ``.ftz`` (PTX ISA,
"Floating Point Instructions"). And ``-0.0`` equals ``0.0``.

A token outside of the vocabulary has no row. The task asks for zeros there, which the output
holds already, so that a kernel may write them or leave them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from grader.puzzle_kit import (
    AllValues,
    Arrays,
    Bits,
    Budget,
    Clean,
    Compiles,
    ExpectedOutput,
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
    range_of,
)
from grader.puzzles.embedding.messages import MESSAGES
from grader.puzzles.embedding.mistakes import AXES_SWAPPED, COMMON, FIRST_BLOCK, rows
from grader.puzzles.embedding.tokens import Tokens
from grader.puzzles.ops import places

SMALLEST_NORMAL = 2.0 ** range_of("float32").least_normal


SHAPES = tuple(
    {"batch_size": b, "seq_len": s, "vocab_size": v, "embed_dim": e}
    for b, s, v, e in (
        (1, 1, 1, 1),
        # All four differ, so that no two can be taken for each other.
        (2, 3, 7, 5),
        # Exactly one block, in one dimension and in two.
        (1, 16, 8, 16),
        # One column and some elements more than fill a block.
        (2, 8, 16, 17),
        # Blocks that are not full at both edges; fewer words than positions.
        (3, 11, 5, 33),
        # A grid that is long one way only, and then the other.
        (5, 24, 32, 3),
        (1, 2, 4, 48),
    )
)
"""Sizes that are always tried, beside some at random. Each is an instance of both kernels, which
takes time to compile. The book has one alone, far larger than what it shows asks for."""


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The rows of the tokens."""
    value = rows(inputs, inputs["indices"].astype(np.int64))
    with np.errstate(invalid="ignore"):
        size = np.abs(value)
        flushed = np.where(size < SMALLEST_NORMAL, size, 0.0)
    return {"output": ExpectedOutput.within(value, flushed)}


@dataclass(frozen=True, kw_only=True)
class Rows(AllValues):
    """All values, of whatever kind: a look-up treats them alike."""

    kind: ClassVar[str] = "rows"
    own_words: ClassVar[str] = "It runs, but elements are not those of their token's row."

    next_step: str = (
        "Take one wrong element and work out by hand, from the number of the thread that writes "
        "it: its batch, its position, its column, the token, the row."
    )


def _part(name: str, *mistakes: Mistake) -> Part:
    return Part(
        name=name,
        title=f"the op {name}",
        formula="output[b, s, e] = weights[indices[b, s], e], and 0 where indices[b, s] is no "
        "row of weights",
        domain="batch_size 1 to 5, seq_len 1 to 24, vocab_size 1 to 32, embed_dim 1 to 48",
        code=Op(
            name=name,
            parameters={
                size: size for size in ("batch_size", "seq_len", "vocab_size", "embed_dim")
            },
        ),
        tensors=(
            TensorSpec(
                name="output",
                role="output",
                dtype="float32",
                shape=("batch_size", "seq_len", "embed_dim"),
            ),
            TensorSpec(
                name="indices",
                role="input",
                dtype="int32",
                shape=("batch_size", "seq_len"),
                domain=Tokens("vocab_size"),
            ),
            TensorSpec(
                name="weights",
                role="input",
                dtype="float32",
                shape=("vocab_size", "embed_dim"),
                domain=Bits(),
            ),
        ),
        sizes=(
            Size(name="batch_size", low=1, high=5),
            Size(name="seq_len", low=1, high=24),
            Size(name="vocab_size", low=1, high=32),
            Size(name="embed_dim", low=1, high=48),
        ),
        assigned=lambda sizes: True,
        boundaries=SHAPES,
        expected=expected,
        # One thread may do all: 5760 elements.
        budget=Budget(thread=4_000_000),
        mistakes=(*mistakes, *COMMON),
    )


PARTS = (
    _part("embedding", FIRST_BLOCK),
    _part("embedding_2d", AXES_SWAPPED),
)

PUZZLE = Puzzle(
    name="embedding",
    title="Embedding as two MAX Graph ops",
    parts=PARTS,
    rubric=(
        RubricItem(check=Packages(), points=10),
        RubricItem(check=Compiles(title="The graph compiles with both ops"), points=10),
        *(
            item
            for part in PARTS
            for item in (
                RubricItem(
                    check=Rows(
                        part=part.name,
                        title=f"{part.name}: each element is that of its token's row",
                    ),
                    points=25,
                ),
                RubricItem(
                    check=Clean(
                        part=part.name,
                        title=f"{part.name}: clean: inputs untouched, no out of bounds, no race",
                        next_step="Look at the guard before each access: which index may be too "
                        "large, and is the token a row of the weights?",
                    ),
                    points=5,
                ),
                RubricItem(
                    check=OnDevice(
                        part=part.name,
                        title=f"{part.name}: computed by the kernel on the device",
                        next_step="Each element must be written by a thread of the kernel.",
                    ),
                    points=10,
                ),
            )
        ),
    ),
    book=places("embedding", 21, before=19, old=("25.4",)),
    messages=MESSAGES,
    first_step="Fill in both kernels behind the guard: the batch, the position and the column of "
    "the thread's element, the token, and the copy of one weight.",
)
