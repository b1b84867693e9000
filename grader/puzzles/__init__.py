"""The puzzles that this grader knows.

To add one: write a module beside `conv1d.py` that builds a `Puzzle`, and name
it here. Reference kernels and labelled samples go under
``reference_kernels/<name>/`` and ``submissions/<name>/``.
"""

from __future__ import annotations

from grader.errors import UsageError
from grader.puzzles.conv1d import CONV1D
from grader.puzzles.definition import Part, Puzzle, Sizes

PUZZLES: dict[str, Puzzle] = {puzzle.name: puzzle for puzzle in (CONV1D,)}

__all__ = ["PUZZLES", "Part", "Puzzle", "Sizes", "find"]


def find(name: str) -> Puzzle:
    """The puzzle of that name; raises `UsageError` that lists what there is."""
    try:
        return PUZZLES[name]
    except KeyError:
        known = ", ".join(sorted(PUZZLES))
        raise UsageError(
            f"there is no puzzle {name!r}", remedy=f"Choose one of: {known}."
        ) from None
