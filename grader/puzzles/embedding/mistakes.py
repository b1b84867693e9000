"""Well-known wrong answers for the embedding, with what to tell whoever gives them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, Mistake, Sizes, sketched

Answer = NDArray[np.float64]

BLOCK = 256
"""Threads of a block in one dimension."""
TILE = 16
"""Threads of a block along each axis in two dimensions."""


def rows(inputs: Arrays, tokens: NDArray[np.int64]) -> Answer:
    """The row of each token, zeros for one that is not in the vocabulary."""
    weights = inputs["weights"].astype(np.float64)
    known = (tokens >= 0) & (tokens < len(weights))
    return np.where(known[..., None], weights[np.where(known, tokens, 0)], 0.0)


def _tokens(inputs: Arrays) -> NDArray[np.int64]:
    return inputs["indices"].astype(np.int64)


def _zeros(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.zeros((sizes["batch_size"], sizes["seq_len"], sizes["embed_dim"]))


def _first_batch(inputs: Arrays, sizes: Sizes) -> Answer | None:
    if sizes["batch_size"] == 1:
        return None
    tokens = _tokens(inputs)
    return rows(inputs, np.broadcast_to(tokens[:1], tokens.shape))


def _token_itself(inputs: Arrays, sizes: Sizes) -> Answer:
    tokens = inputs["indices"].astype(np.float32)[..., None]
    return np.repeat(tokens, sizes["embed_dim"], axis=2).astype(np.float64)


def _position(inputs: Arrays, sizes: Sizes) -> Answer:
    places = np.arange(sizes["seq_len"])
    return rows(inputs, np.broadcast_to(places, inputs["indices"].shape))


def _column(inputs: Arrays, sizes: Sizes) -> Answer | None:
    """The weight at [column, column]: the column stands for the token."""
    columns = rows(inputs, np.arange(sizes["embed_dim"]))
    diagonal = np.diagonal(columns) if columns.size else np.zeros(0)
    return np.broadcast_to(diagonal, _zeros(inputs, sizes).shape)


def _first_column(inputs: Arrays, sizes: Sizes) -> Answer | None:
    if sizes["embed_dim"] == 1:
        return None
    found = rows(inputs, _tokens(inputs))
    return np.broadcast_to(found[..., :1], found.shape)


def _guard_of_positions(inputs: Arrays, sizes: Sizes) -> Answer | None:
    if sizes["embed_dim"] == 1:
        return None
    found = rows(inputs, _tokens(inputs))
    found.ravel()[sizes["batch_size"] * sizes["seq_len"] :] = 0
    return found


def _last_word_missing(inputs: Arrays, sizes: Sizes) -> Answer:
    tokens = _tokens(inputs)
    return rows(inputs, np.where(tokens == sizes["vocab_size"] - 1, -1, tokens))


def _first_word_missing(inputs: Arrays, sizes: Sizes) -> Answer:
    tokens = _tokens(inputs)
    return rows(inputs, np.where(tokens == 0, -1, tokens))


def _clamped(inputs: Arrays, sizes: Sizes) -> Answer:
    return rows(inputs, np.clip(_tokens(inputs), 0, sizes["vocab_size"] - 1))


def _from_the_end(inputs: Arrays, sizes: Sizes) -> Answer:
    tokens = _tokens(inputs)
    return rows(inputs, np.where(tokens < 0, tokens + sizes["vocab_size"], tokens))


def _first_block(inputs: Arrays, sizes: Sizes) -> Answer | None:
    found = rows(inputs, _tokens(inputs))
    if found.size <= BLOCK:
        return None
    found.ravel()[BLOCK:] = 0
    return found


def _axes_swapped(inputs: Arrays, sizes: Sizes) -> Answer | None:
    """Columns are counted by x and positions by y, on a grid made for the other way round."""
    found = rows(inputs, _tokens(inputs))
    flat = found.reshape(-1, sizes["embed_dim"])
    positions, columns = (-(-extent // TILE) for extent in flat.shape)
    if positions == columns:
        return None
    flat[columns * TILE :] = 0
    flat[:, positions * TILE :] = 0
    return found


_LOOKED_UP = """\
token = ...            # looked up: it says which row of the weights
if ...:                # the vocabulary has it
    output[...] = ...  # the row's element in the same column
else:
    output[...] = ...  # what the task says of all others"""
_ALL_ELEMENTS = """\
if ...:                # the element is one of those of the whole output
    batch = ...        # its number is taken apart: column, position, batch
    output[...] = ..."""
COMMON = sketched(
    {
        _LOOKED_UP: (
            "first-batch",
            "token-itself",
            "position-as-token",
            "column-as-token",
            "first-column",
            "last-word-missing",
            "first-word-missing",
            "clamped",
            "from-the-end",
        ),
        _ALL_ELEMENTS: ("guard-of-positions",),
    },
    Mistake(
        name="zeros",
        explanation="Every output is zero.",
        advice="Check that the kernel is filled in, and that its threads reach the assignment.",
        answer=_zeros,
        zeros=True,
    ),
    Mistake(
        name="first-batch",
        explanation="All batches have the rows of the first batch's tokens.",
        advice="A token stands at a batch and a position: both come from the thread's number.",
        answer=_first_batch,
    ),
    Mistake(
        name="token-itself",
        explanation="The output holds the numbers of the tokens.",
        advice="The token says which row of the weights to copy; it is not the value.",
        answer=_token_itself,
    ),
    Mistake(
        name="position-as-token",
        explanation="The output holds the row whose number is the position in the sequence.",
        advice="The position says where the token stands; the token says which row it is.",
        answer=_position,
    ),
    Mistake(
        name="column-as-token",
        explanation="The number of the column was taken for the token.",
        advice="Two things say which weight it is: one is looked up, the other is the output's "
        "column.",
        answer=_column,
    ),
    Mistake(
        name="first-column",
        explanation="Every column of the output is the first one.",
        advice="Of the token's row, which column belongs to the output's element?",
        answer=_first_column,
    ),
    Mistake(
        name="guard-of-positions",
        explanation="As many elements are written as there are positions; each position has a row "
        "of embed_dim elements.",
        advice="The guard counts elements: how many does the output have?",
        answer=_guard_of_positions,
    ),
    Mistake(
        name="last-word-missing",
        explanation="The last token of the vocabulary has no row.",
        advice="Which is the last token that has a row?",
        answer=_last_word_missing,
    ),
    Mistake(
        name="first-word-missing",
        explanation="Token 0 has no row.",
        advice="Which is the first token that has a row?",
        answer=_first_word_missing,
    ),
    Mistake(
        name="clamped",
        explanation="A token outside of the vocabulary got the row of the nearest one.",
        advice="Such a token has no row: the task asks for zeros.",
        answer=_clamped,
    ),
    Mistake(
        name="from-the-end",
        explanation="Negative tokens were counted from the end of the vocabulary.",
        advice="A negative token is outside of the vocabulary: the task asks for zeros.",
        answer=_from_the_end,
    ),
)

FIRST_BLOCK = Mistake(
    name="first-block",
    explanation=f"The first {BLOCK} elements are right and the rest is zero, as if only the first "
    "block of threads had run.",
    advice="How many blocks do the elements need, the last one included that is not full?",
    answer=_first_block,
)

AXES_SWAPPED = Mistake(
    name="axes-swapped",
    explanation="What lies beyond the grid with x and y exchanged is zero.",
    advice="x counts the positions of all sequences, y the columns: so the launch has its blocks.",
    answer=_axes_swapped,
)
