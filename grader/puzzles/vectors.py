"""What puzzles share in which a thread has a vector: several elements that lie side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, ExpectedOutput, Mistake, Sizes
from grader.puzzles.elementwise import changed, only

WIDTH: Final = 4
"""Float32 in a vector, on the GPU that the software device stands for: 16 bytes."""
VECTOR: Final = """\
at = Index(...)                        # where the vector begins
value = ...load[width=...](at)         # all of its elements
out.store[...](at, ...)                # and as many are stored"""

Right = Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]]
Kept = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""From the indices of all elements, which of them are written."""


def written(name: str, kept: Kept, explanation: str, advice: str, right: Right) -> Mistake:
    """Some elements are right, and nothing writes the others."""
    return changed(
        name,
        lambda value, sizes: only(value, kept(np.arange(value.size))),
        explanation=explanation,
        advice=advice,
        right=right,
    )


def first_of_vectors(right: Right) -> Mistake:
    """One element of each vector."""
    return written(
        "first-of-vector",
        lambda place: place % WIDTH == 0,
        f"Of every {WIDTH} elements, which make a vector, only the first is written.",
        "Load and store as many elements as a vector has.",
        right,
    )


def first_vector(right: Right) -> Mistake:
    """One vector of all."""
    return written(
        "first-vector-only",
        lambda place: place < WIDTH,
        "Only the first vector is written.",
        "Each thread has a vector of its own: where does its number come in?",
        right,
    )
