"""Everything that is wrong with a rubric file, each with its line and key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from grader.errors import UsageError
from grader.intake.display import one_line
from grader.rubric.positions import Path

SHOWN = 12
"""Complaints that one message names; the others are counted."""
REMEDY = "Correct the file; grade puzzles --rubric PUZZLE prints one to start from."


class Complaints:
    """Collects what is wrong, so that one look at the file is enough to repair it."""

    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self._file = one_line(file, limit=200)
        self._lines = lines
        self._found: list[tuple[int, str]] = []

    def add(self, path: Path, problem: str) -> None:
        """Note a problem of the key at ``path``."""
        line = self._line(path)
        key = f"{dotted(path)}: " if path else ""
        where = f", line {line}" if line else ""
        self._found.append((line, f"{self._file}{where}: {key}{problem}"))

    def raise_if_any(self) -> None:
        """Raise one `UsageError` that names all, in the order of the file."""
        if not self._found:
            return
        told = [text for _, text in sorted(self._found, key=lambda each: each[0])]
        if len(told) > SHOWN:
            told = [*told[:SHOWN], f"and {len(told) - SHOWN} more"]
        raise UsageError("\n".join(told), remedy=REMEDY)

    def _line(self, path: Path) -> int:
        """Of the key, or of the innermost thing around it that stands in the file."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 0)


def dotted(path: Path) -> str:
    """A path for people: ``checks.robust.points``; of the second table ``sizes[2].conv_size``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = one_line(part, limit=60) or '""'
            text += f".{name}" if text else name
    return text


def unknown(word: str, known: Iterable[str], what: str) -> str:
    """``there is no check "integer"; did you mean integers?``, or what there is instead."""
    names = list(known)
    close = get_close_matches(word.lower()[:60], names, n=1)
    meant = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names)}"
    return f'there is no {what} "{one_line(word, limit=60)}"; {meant}'


def kind(value: object) -> str:
    """What a value is, in TOML's words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"the number {value}" if abs(value) < 10**12 else "a very large number"
    if isinstance(value, float):
        return f"the number {value:g}"
    if isinstance(value, str):
        return f'the text "{one_line(value, limit=40)}"'
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a table"
    return f"a {type(value).__name__}"
