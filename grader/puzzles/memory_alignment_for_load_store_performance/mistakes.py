"""Well-known wrong answers for a map by vectors."""

from __future__ import annotations

from grader.puzzle_kit import Mistake, Place, sketched
from grader.puzzles.elementwise import another, of_any
from grader.puzzles.shapes import READ_THEN_WRITE
from grader.puzzles.vectors import VECTOR, WIDTH, Right, first_of_vectors, first_vector, written

SCALE, BIAS = 2.0, 1.0

_FORMULA = sketched(
    {READ_THEN_WRITE: ("bias-missing", "scale-missing", "bias-first", "copied")},
    another(
        "bias-missing",
        lambda a, sizes: a * SCALE,
        explanation="The elements are scaled; the bias is not added.",
        advice="Each element times SCALE, plus BIAS.",
    ),
    another(
        "scale-missing",
        lambda a, sizes: a + BIAS,
        explanation="The bias is added; the elements are not scaled.",
        advice="Each element times SCALE, plus BIAS.",
    ),
    another(
        "bias-first",
        lambda a, sizes: (a + BIAS) * SCALE,
        explanation="The bias was added before the elements were scaled, so it was scaled as well.",
        advice="First times SCALE, then plus BIAS.",
    ),
    another(
        "copied",
        lambda a, sizes: a.copy(),
        explanation="The output holds the elements of a, neither scaled nor with the bias.",
        advice="Each element times SCALE, plus BIAS.",
    ),
    another(
        "bias-subtracted",
        lambda a, sizes: a * SCALE - BIAS,
        explanation="The bias was subtracted, not added.",
        advice="Each element times SCALE, plus BIAS.",
    ),
    another(
        "scale-and-bias-exchanged",
        lambda a, sizes: a * BIAS + SCALE,
        explanation="SCALE was added and BIAS multiplied with: the two are exchanged.",
        advice="Each element times SCALE, plus BIAS.",
    ),
    places={Place.STORE: ("bias-missing", "scale-missing", "bias-first", "bias-subtracted")},
)


TPB = 256
"""Threads of a block."""


def mistakes(right: Right, *, vectors: bool) -> tuple[Mistake, ...]:
    """All of a kernel, whose threads have one element or a vector each."""
    block = TPB * (WIDTH if vectors else 1)
    first_block = written(
        "first-block-only",
        lambda place: place < block,
        "Only the elements of the first block are written.",
        "A thread's number counts all threads of the blocks before it.",
        right,
    )
    if not vectors:
        return (*_FORMULA, first_block, *of_any(right))
    return (
        *_FORMULA,
        first_block,
        *sketched(
            {VECTOR: ("first-of-vector", "first-vector-only", "last-vector-missing")},
            first_of_vectors(right),
            first_vector(right),
            written(
                "last-vector-missing",
                lambda place: place < place.size - WIDTH,
                "The last vector is not written: the guard keeps it out.",
                "Where does the last vector end, and does the guard let that through?",
                right,
            ),
            written(
                "vectors-overlap",
                lambda place: place < place.size // WIDTH + WIDTH - 1,
                "The vector of thread t begins at element t, so the vectors overlap, and what lies "
                "behind them is not written.",
                "The vector of a thread begins behind those of all threads before it.",
                right,
            ),
        ),
        *of_any(right),
    )
