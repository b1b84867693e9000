"""The puzzles that this grader knows.

To add one: write a module beside `conv1d.py` that builds a `Puzzle` named
``PUZZLE``, and name it in `NAMES`. Reference kernels and labelled samples go
under ``reference_kernels/<name>/`` and ``submissions/<name>/``.

A puzzle is imported when it is asked for: the compiler is started before that,
so that a submission that does not compile does not wait for NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.puzzles.definition import Puzzle

NAMES: tuple[str, ...] = ("conv1d",)
"""Each is the name of a module of this package and of its puzzle."""

__all__ = ["NAMES", "find"]


def find(name: str) -> Puzzle:
    """The puzzle of that name; raises `UsageError` that lists what there is."""
    if name not in NAMES:
        raise UsageError(
            f"there is no puzzle {name!r}", remedy=f"Choose one of: {', '.join(NAMES)}."
        )
    return cast("Puzzle", import_module(f"grader.puzzles.{name}").PUZZLE)
