"""Grade solutions of the Mojo GPU puzzles.

``__all__`` is what other programs may use::

    import grader

    record = grader.grade("answer.mojo", puzzle=grader.load_puzzles("my_puzzles")[0])
    print(record.verdict, record.score, record.headline)
    Path("report.html").write_bytes(grader.render(record, "html"))

The package is imported by three kinds of process (the grader itself, the isolated software
device, tests), so this file imports nothing before it is asked for: see `grader.api`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.api import Check, Part, Puzzle, Record, grade, load_puzzles, render

__version__ = "0.1.0"

__all__ = ["Check", "Part", "Puzzle", "Record", "grade", "load_puzzles", "render"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("grader.api"), name)
    raise AttributeError(f"module 'grader' has no attribute {name!r}")
