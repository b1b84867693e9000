"""Well-known wrong answers where there are more threads than elements."""

from __future__ import annotations

import numpy as np

from grader.puzzles.elementwise import PLUS_TEN, changed, of_the_example, only

MISTAKES = (
    of_the_example(4),
    changed(
        "first-missing",
        lambda value, sizes: only(value, np.arange(value.size) > 0),
        explanation="The first element is not written.",
        advice="Indices begin at 0: the guard is i < size alone.",
    ),
    changed(
        "half",
        lambda value, sizes: only(value, np.arange(value.size) < value.size // 2),
        explanation="Only the first half of the elements is written.",
        advice="The guard lets every index below size through: i < size.",
    ),
    changed(
        "a-warp",
        lambda value, sizes: only(value, np.arange(value.size) < 32),
        explanation="Only the first 32 elements are written, as if one warp alone had run.",
        advice="thread_idx.x counts all threads of the block.",
    ),
    *PLUS_TEN,
)
