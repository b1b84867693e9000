"""The book's puzzles: what each is called, and what its files declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

RENUMBERED: Final = "2025-07-30"
"""The day on which the book gave most of its puzzles other numbers."""


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One puzzle of the book, in all its versions."""

    title: str
    number: int
    before: int = 0
    """Its number before `RENUMBERED`; 0 where it was not there yet."""
    ops: Sequence[str] = ()
    """What its files register."""
    functions: Sequence[Sequence[str]] = ()
    """The functions that one file of it declares together: each way that some version has."""
    structs: Sequence[str] = ()
    constants: Sequence[str] = ()

    @property
    def names(self) -> frozenset[str]:
        """All functions and structs of its files."""
        return frozenset(self.structs).union(*self.functions)

    @property
    def called(self) -> str:
        """As people know it: ``puzzle 4, 2D Map``."""
        earlier = f" ({self.before} before {_MOVED})" if self.before not in (0, self.number) else ""
        return f"puzzle {self.number}{earlier}, {self.title}"


_MOVED: Final = "July 30, 2025"
Topics = Mapping[str, Topic]
"""By name: the one that the grader's own puzzle has, where there is one."""
