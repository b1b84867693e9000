"""Well-known wrong answers where there are more threads than elements."""

from __future__ import annotations

import numpy as np

from grader.puzzle_kit import sketched
from grader.puzzles.elementwise import PLUS_TEN, changed, of_the_example, only
from grader.puzzles.shapes import GUARDED

MISTAKES = sketched(
    {
        GUARDED: (
            "first-missing",
            "half",
            "a-warp",
        ),
    },
    of_the_example(4),
    changed(
        "first-missing",
        lambda value, sizes: only(value, np.arange(value.size) > 0),
        explanation="The first element is not written.",
        advice="Which is the first index? A guard is needed at the other end.",
    ),
    changed(
        "half",
        lambda value, sizes: only(value, np.arange(value.size) < value.size // 2),
        explanation="Only the first half of the elements is written.",
        advice="Which indices have an element, and which of them does the guard let through?",
    ),
    changed(
        "a-warp",
        lambda value, sizes: only(value, np.arange(value.size) < 32),
        explanation="Only the first 32 elements are written, as if one warp alone had run.",
        advice="thread_idx.x counts all threads of the block.",
    ),
    *PLUS_TEN,
)
