"""The puzzles that this grader knows: a folder for each, with a `Puzzle` named ``PUZZLE``.

To add one, make a folder beside `grader/puzzles/conv1d`, and put reference kernels and labelled
samples under ``reference_kernels/<name>/`` and ``submissions/<name>/``. Nothing else names it.
A course's own ones lie in a folder that ``GRADE_PUZZLES`` names. It is a variable, so that all
processes that a command starts have them.

A puzzle is imported when it is asked for: the compiler is started before that, so that a
submission that does not compile does not wait for NumPy.
"""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.model.puzzle import Puzzle

COURSE_PUZZLES: Final = "GRADE_PUZZLES"
"""The variable that names the folder of a course's own puzzles."""


def course_folders() -> dict[str, Path]:
    """The folder of each puzzle of the course's own, by its name."""
    folder = os.environ.get(COURSE_PUZZLES)
    return {} if not folder else _folders(Path(folder).absolute())


def _folders(folder: Path) -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/__init__.py"))}


_OURS: Final = frozenset(each.name for each in pkgutil.iter_modules(__path__) if each.ispkg)
NAMES = tuple(sorted(_OURS | course_folders().keys()))
"""Each is the name of a folder and of its puzzle."""

DEFAULT = "conv1d"
"""The one that probes and demonstrations take where nobody named another: it has an op, and a
published example."""

__all__ = ["COURSE_PUZZLES", "DEFAULT", "NAMES", "course_folders", "find", "load_puzzles"]


def find(name: str) -> Puzzle:
    """The puzzle of that name.

    Raises:
        UsageError: there is none, and the message lists what there is; or a course's own can't be
            made.
    """
    if name not in NAMES:
        raise UsageError(
            f"there is no puzzle {name!r}", remedy=f"Choose one of: {', '.join(NAMES)}."
        )
    if (own := course_folders().get(name)) is None:
        return cast("Puzzle", import_module(f"{__name__}.{name}").PUZZLE)
    if name in _OURS:
        raise UsageError(
            f"the puzzle {name} in {own.parent} has the name of one that the grader has",
            remedy="Give its folder and the puzzle another name.",
        )
    return _found(own)


@cache
def _found(folder: Path) -> Puzzle:
    return _load(folder)


def load_puzzles(folder: str | Path) -> tuple[Puzzle, ...]:
    """The puzzles of a course's own folder, which looks like this one: a folder for each.

    Their code is run: load what you trust.

    Raises:
        UsageError: there is none, or one of them can't be made; the message names the field.
    """
    found = _folders(Path(folder))
    if not found:
        raise UsageError(
            f"there are no puzzles in {folder}",
            remedy="Each is a folder in it with an __init__.py that defines PUZZLE.",
        )
    # Not by ``map``: that is a puzzle, and a name of this package once it is imported.
    return tuple(_load(each) for each in found.values())


def _load(folder: Path) -> Puzzle:
    """The puzzle of one folder of a course's own."""
    name = f"course_puzzles.{folder.name}"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        puzzle = cast("Puzzle", module.PUZZLE)
        if puzzle.name != folder.name:
            raise ValueError(f"its name is {puzzle.name!r}, and not that of its folder")
    except Exception as error:
        raise UsageError(
            f"the puzzle in {folder} can't be loaded: {error}",
            remedy="Copy a puzzle of the grader, such as grader/puzzles/conv1d, and change it "
            "step by step.",
        ) from error
    return puzzle
