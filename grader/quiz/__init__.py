"""Quizzes: questions on what kernels cost, whose answers are what the device counts.

A quiz is a folder here with ``quiz.toml``, the questions; ``kernels.mojo``, what they are about;
and ``counts.json``, what the device counts of it (``python -m benchmarks.quiz_counts``). Answers
are a TOML file. Nothing is run when they are graded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent
NAMES: Final = tuple(sorted(path.parent.name for path in _FOLDER.glob("*/quiz.toml")))
"""Each is the name of a folder."""
SUFFIX: Final = ".toml"
"""Of a file with answers."""


def folder_of_quiz(name: str) -> Path:
    """Where a quiz lies."""
    return _FOLDER / name


def is_quiz(file: str) -> bool:
    """Whether a file of that name holds answers."""
    return file.lower().endswith(SUFFIX)
