"""Well-known wrong answers where there are more threads than elements."""

from __future__ import annotations

import numpy as np

from grader.puzzles.elementwise import PLUS_TEN, changed, only

MISTAKES = (
    changed(
        "guard-of-the-example",
        lambda value, sizes: only(value, np.arange(value.size) < 4),
        explanation="Only the first 4 elements are written, as many as the published example has.",
        advice="Compare with size, the number that the kernel is given.",
    ),
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
