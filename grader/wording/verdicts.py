"""What a run comes to, what to do next, and what changed since the run before."""

from __future__ import annotations

from grader.record import Aspect

SKELETON_HEADLINE = "Nothing was filled in: this is the skeleton as it was given."
HURDLES: dict[Aspect, str] = {
    Aspect.PACKAGES: "The file does not compile.",
    Aspect.COMPILES: "The file packages, but the graph with it does not compile.",
}
"""What it means that one of the first checks failed: nothing behind it was made."""

# ---- hints ----

THOUGHTS_TITLE = "Hint: what to think about"
SKETCH_TITLE = "Hint: the shape of the answer"
"""Of what is shown once a student asks for it."""


def sketch_title(line: int | None) -> str:
    """Above the shape of an answer, of which the line may be known."""
    return f"The shape of the answer, line {line}" if line else "The shape of the answer"


# ---- what changed since the last run ----


def since_title(before: int, after: int, *, changed: bool) -> str:
    """``Since last time: 40 → 60 points``."""
    if before != after:
        return f"Since last time: {before} → {after} points"
    points = "1 point" if after == 1 else f"{after} points"
    return f"Since last time: still {points}" if changed else f"Since last time: the same {points}"


NOW_RIGHT = "now right"
NO_LONGER_RIGHT = "no longer right"
GONE = "gone"
NEW = "not there before"
CAUSE_OF_COMPILER = "an error of the compiler"
