"""Which mistake explains all failing cases of a check.

Named is only what explains every one of them, and what the right cases allow. A puzzle's own
models say which values a mistake gives (`grader.model.part.Mistake`). Some mistakes show by
themselves, whatever the puzzle: in the values (`values`), in where the wrong ones stand (`places`),
or in what the right answer would be for other inputs (`predicted`).
"""

from __future__ import annotations

from grader.grading.explain.mistakes.choose import in_any_puzzle, recognised, telling_case
from grader.grading.explain.mistakes.known import Known, writer_of

__all__ = ["Known", "in_any_puzzle", "recognised", "telling_case", "writer_of"]
