"""The puzzles that this grader knows: a folder for each, with a `Puzzle` named ``PUZZLE``.

To add one, make a folder beside `grader/puzzles/conv1d`, and put reference kernels and labelled
samples under ``reference_kernels/<name>/`` and ``submissions/<name>/``. Nothing else names it.

A puzzle is imported when it is asked for: the compiler is started before that, so that a
submission that does not compile does not wait for NumPy.
"""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.model.puzzle import Puzzle

NAMES = tuple(sorted(each.name for each in pkgutil.iter_modules(__path__) if each.ispkg))
"""Each is the name of a folder of this package and of its puzzle."""

DEFAULT = "conv1d"
"""The one that probes and demonstrations take where nobody named another: it has an op, and a
published example."""

__all__ = ["DEFAULT", "NAMES", "find", "load_puzzles"]


def find(name: str) -> Puzzle:
    """The puzzle of that name; raises `UsageError` that lists what there is."""
    if name not in NAMES:
        raise UsageError(
            f"there is no puzzle {name!r}", remedy=f"Choose one of: {', '.join(NAMES)}."
        )
    return cast("Puzzle", import_module(f"{__name__}.{name}").PUZZLE)


def load_puzzles(folder: str | Path) -> tuple[Puzzle, ...]:
    """The puzzles of a course's own folder, which looks like this one: a folder for each.

    Their code is run: load what you trust.

    Raises:
        UsageError: there is none, or one of them can't be made; the message names the field.
    """
    found = []
    for path in sorted(Path(folder).glob("*/__init__.py")):
        name = path.parent.name
        spec = importlib.util.spec_from_file_location(
            f"course_puzzles.{name}", path, submodule_search_locations=[str(path.parent)]
        )
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        try:
            spec.loader.exec_module(module)
            found.append(cast("Puzzle", module.PUZZLE))
        except Exception as error:
            raise UsageError(
                f"the puzzle in {path.parent} can't be loaded: {error}",
                remedy="Copy a puzzle of the grader, such as grader/puzzles/conv1d, and change it "
                "step by step.",
            ) from error
    if not found:
        raise UsageError(
            f"there are no puzzles in {folder}",
            remedy="Each is a folder in it with an __init__.py that defines PUZZLE.",
        )
    return tuple(found)
