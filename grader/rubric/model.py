"""A rubric that has been read and found sound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from grader.model.checks import Check
from grader.model.part import Scope, assigned_sizes
from grader.model.puzzle import Puzzle
from grader.record import Aspect, RubricInfo, SkeletonInfo, Visibility


def always_visible(check: Check) -> bool:
    """Whether nothing else is checked without it: a student must see that nothing compiles."""
    return check.aspect in (Aspect.PACKAGES, Aspect.COMPILES)


def built_on(check: Check, puzzle: Puzzle) -> tuple[str, ...]:
    """Checks without which one is not made: whoever sees the one learns of the others."""
    if check.scope is not Scope.ROBUST:
        return ()
    part = puzzle.part(check.part)
    return tuple(
        each.id
        for each in puzzle.checks_of(part)
        if each.aspect is Aspect.VALUES and each.scope is Scope.ASSIGNED
    )


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """How a puzzle is marked in one course. Made by `grader.rubric.load_rubric`."""

    puzzle: Puzzle
    """With the points, sizes and extra credit of the file: grade with this one."""
    title: str = ""
    pass_mark: int | None = None
    """Points, extra credit aside, from which on a submission passes; None for all of them."""
    hints: bool = True
    due: datetime | None = None
    """With its offset."""
    visibility: Mapping[str, Visibility] = field(default_factory=dict)
    """By the id of a check; those that it lacks are visible."""
    source: str = ""
    """The file as it was read."""
    skeleton: SkeletonInfo | None = None
    """What the course hands out in place of the book's file."""
    notices: tuple[str, ...] = ()
    """What is allowed and still worth a second look, a sentence each."""

    def visible(self, check: str) -> Visibility:
        """When students see a check."""
        return self.visibility.get(check, Visibility.VISIBLE)

    @property
    def hides(self) -> bool:
        """Whether some check is not visible from the start."""
        return any(each is not Visibility.VISIBLE for each in self.visibility.values())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the rubric says. Comments, layout and order do not change it."""
        meaning = {
            "puzzle": self.puzzle.name,
            "title": self.title,
            "checks": [
                [item.id, item.points, item.extra, self.visible(item.id).value]
                for item in self.puzzle.rubric
            ],
            "try": self.puzzle.try_all,
            "assigned": {part.name: assigned_sizes(part) for part in self.puzzle.parts},
            "pass": self.pass_mark,
            "hints": self.hints,
            "skeleton": msgspec.to_builtins(self.skeleton),
            "due": self.due.astimezone(UTC).isoformat() if self.due else "",
        }
        text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def info(self) -> RubricInfo:
        """What the record keeps of it."""
        return RubricInfo(
            title=self.title,
            digest=self.digest,
            pass_mark=self.pass_mark,
            hints=self.hints,
            due=self.due.isoformat() if self.due else "",
            source=self.source,
            skeleton=self.skeleton,
        )
