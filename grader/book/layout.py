"""Where a puzzle's file stands in the book, and what else of the book it may be taken for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from grader.model.puzzle import Puzzle


_TWO: Final = 2
"""So many folders and names say more than a name alone: ``p05/p05.mojo``."""


class FilePlace(Enum):
    """Where a file stands, as far as its path tells."""

    ASSIGNED = "assigned"
    """Where the book has the file that is to be filled in."""
    NEAR = "near"
    """In the folder of the puzzle, under another name or in a folder more or less."""
    ANYWHERE = "anywhere"
    """The path says nothing."""
    ASTRAY = "astray"
    """In the folder of another puzzle which ships a file of that name."""
    ANSWER = "answer"
    """Where the book has its own answer."""
    OTHER = "other"
    """Where the book has the file of another puzzle, or a complete one for another use."""


class Layout:
    """The places of the book's Mojo files, seen from one puzzle.

    Args:
        puzzle: Its places are data of its definition.
        paths: Of all Mojo files that the book has or had.
    """

    def __init__(self, puzzle: Puzzle, paths: Iterable[str]) -> None:
        self.puzzle = puzzle
        self.assigned = tuple(place.task for place in puzzle.book)
        self.answers = tuple(place.answer for place in puzzle.book)
        self._kinds = {_folded(path): FilePlace.OTHER for path in paths}
        self._kinds |= {_folded(path): FilePlace.ANSWER for path in self.answers}
        self._kinds |= {_folded(path): FilePlace.ASSIGNED for path in self.assigned}
        self._tails = {
            path[1:]: kind
            for path, kind in sorted(self._kinds.items(), key=_assigned_last)
            if len(path) > _TWO
        }
        names = {path[-1] for path, kind in self._kinds.items() if kind is FilePlace.ASSIGNED}
        self._folders = {
            path[1] for path, kind in self._kinds.items() if kind is FilePlace.ASSIGNED
        }
        self._astray = {
            path[1]
            for path, kind in self._kinds.items()
            if path[-1] in names and len(path) > _TWO and kind is FilePlace.OTHER
        } - self._folders

    @property
    def own(self) -> str:
        """The puzzle's own places, for people: the newest, and others with their editions."""
        if not self.puzzle.book:
            return f"{self.puzzle.name}.mojo"
        newest, *others = self.puzzle.book
        earlier = [f"{each.task} in edition {' or '.join(each.editions)}" for each in others]
        return f"{newest.task} ({', '.join(earlier)})" if earlier else newest.task

    def place(self, path: str) -> FilePlace:
        """Where a file stands, wherever the clone lies: ``jane/clone/problems/p17/op/...``."""
        parts = _folded(path)
        for known in (self._kinds, self._tails):
            for start in range(len(parts) - _TWO + 1):
                if (kind := known.get(parts[start:])) is not None:
                    return kind
        for folder in reversed(parts[:-1]):
            if folder in self._folders:
                return FilePlace.NEAR
            if folder in self._astray:
                return FilePlace.ASTRAY
        return FilePlace.ANYWHERE


def _folded(path: str) -> tuple[str, ...]:
    return tuple(path.casefold().split("/"))


def _assigned_last(item: tuple[Sequence[str], FilePlace]) -> bool:
    """What comes last stands: of a tail that several share, the assigned file's place."""
    return item[1] is FilePlace.ASSIGNED
