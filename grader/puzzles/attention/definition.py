"""Attention of one query: ``output = softmax(q K^T) V``, by several kernels that one op launches.

The product of matrices, the softmax and the kernel of the CPU are given; a student writes the
transpose and the launches. The file fixes both sizes, and says that they must be those of the
graph. So only those are assigned. The op takes others as parameters and each of its kernels has
guards: what is right there, too, is worth extra credit, up to the 16 keys for which the given
softmax has threads (``SOFTMAX_BLOCK_DIM_X`` follows from ``SEQ_LEN``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from grader.puzzle_kit import (
    AllValues,
    Arrays,
    Budget,
    Clean,
    Compiles,
    Example,
    OnDevice,
    Op,
    Packages,
    Part,
    Puzzle,
    Robust,
    RubricItem,
    Size,
    TensorSpec,
    Words,
    WorkedExample,
)
from grader.puzzles.attention.bound import attention, expected
from grader.puzzles.attention.messages import MESSAGES
from grader.puzzles.attention.mistakes import MISTAKES
from grader.puzzles.attention.vectors import KEYS, QUERIES, VALUES
from grader.puzzles.ops import places

SEQ_LEN = D = 16
"""As the file has them."""
MOST_D = 40
"""Two tiles and a half."""


def _published() -> Arrays:
    """The inputs of the book's own program, which draws them with this seed, in this order."""
    random = np.random.RandomState(42)
    shapes = {"q": (D,), "k": (SEQ_LEN, D), "v": (SEQ_LEN, D)}
    return {
        name: random.randn(*shape).astype(np.float32) * np.float32(0.1)
        for name, shape in shapes.items()
    }


@dataclass(frozen=True, kw_only=True)
class Attended(AllValues):
    """All values, of whatever kind: whole numbers are rounded as others are."""

    kind: ClassVar[str] = "attended"
    own_words: ClassVar[str] = "It runs, but the output is not the attention of other inputs."


PART = Part(
    name="attention",
    title="the op attention",
    formula="output[i] = sum(p[j] * v[j, i] for all j), p = softmax(s), "
    "s[j] = sum(q[i] * k[j, i] for all i)",
    domain=f"seq_len {SEQ_LEN}, d {D}",
    code=Op(name="attention", parameters={"seq_len": "seq_len", "d": "d", "dtype": "float32"}),
    tensors=(
        TensorSpec(name="output", role="output", dtype="float32", shape=("d",)),
        TensorSpec(name="q", role="input", dtype="float32", shape=("d",), domain=QUERIES),
        TensorSpec(name="k", role="input", dtype="float32", shape=("seq_len", "d"), domain=KEYS),
        TensorSpec(name="v", role="input", dtype="float32", shape=("seq_len", "d"), domain=VALUES),
    ),
    sizes=(
        Size(name="seq_len", low=1, high=SEQ_LEN),
        Size(name="d", low=1, high=MOST_D),
    ),
    assigned=lambda sizes: (sizes["seq_len"], sizes["d"]) == (SEQ_LEN, D),
    boundaries=tuple(
        {"seq_len": keys, "d": elements}
        for keys, elements in (
            (SEQ_LEN, D),
            (1, 1),
            # A side that is no whole tile: the longer one, the shorter one, both.
            (SEQ_LEN, 5),
            (7, D),
            (9, 3),
            # More than one tile along d, the last one whole, of one element, and of some.
            (SEQ_LEN, 2 * D),
            (SEQ_LEN - 1, D + 1),
            (3, MOST_D),
        )
    ),
    example=WorkedExample(
        sizes={"seq_len": SEQ_LEN, "d": D},
        inputs=_published(),
        outputs={"output": tuple(attention(_published()).tolist())},
    ),
    words=Words(
        title="Attention",
        lower="attention",
        inputs={"q": "Query", "k": "Keys", "v": "Values"},
    ),
    expected=expected,
    # One thread may do all: 1280 products, and as many again for whoever does them twice.
    budget=Budget(thread=1_000_000),
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="attention",
    title="Attention as a MAX Graph op of several kernels",
    parts=(PART,),
    rubric=(
        RubricItem(check=Packages(), points=10),
        RubricItem(check=Compiles(title="The graph compiles with the op attention"), points=15),
        RubricItem(
            check=Example(
                next_step="Take a query, keys and values of two elements each, and follow them by "
                "hand through your steps: what does each buffer hold after each launch?"
            ),
            points=20,
        ),
        RubricItem(
            check=Attended(
                title="All values within the rounding bound",
                next_step="Follow one key with a large score: which weight must it have, and which "
                "row of the values comes out?",
            ),
            points=35,
        ),
        RubricItem(
            check=Clean(
                next_step="Between writing a cell of the tile and reading it in another thread, "
                "all threads have to pass a barrier; and each access needs its guard.",
            ),
            points=10,
        ),
        RubricItem(
            check=OnDevice(
                next_step="Each element of the output must come from kernels that you launch, also "
                "what lies in buffers between them.",
            ),
            points=10,
        ),
        RubricItem(
            check=Robust(
                title=f"Robust: right for every seq_len up to {SEQ_LEN} and every d up to {MOST_D}",
                next_step="The op gets seq_len and d as parameters: which of your guards and grids "
                "count with another number?",
            ),
            points=10,
            extra=True,
        ),
    ),
    not_checked="the kernel for the CPU, which is given",
    book=places("attention", 19, before=17),
    messages=MESSAGES,
    first_step="Fill in the transpose, then the steps of the op, a launch for each kernel that is "
    "needed: {launch}(...) with its tensors, grid_dim and block_dim.",
)
