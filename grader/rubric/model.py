"""A rubric that has been read and found sound, and a complete file to start from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from grader.checks import Frugal
from grader.model.checks import Check
from grader.model.part import Scope, assigned_sizes
from grader.model.puzzle import Puzzle, RubricItem
from grader.record import HINT_STEPS, Aspect, RubricInfo, SkeletonInfo, Visibility
from grader.rubric.sizes import decompose, runs_of


def always_visible(check: Check) -> bool:
    """Whether nothing else is checked without it: a student must see that nothing compiles."""
    return check.aspect in (Aspect.PACKAGES, Aspect.COMPILES)


def built_on(check: Check, puzzle: Puzzle) -> tuple[str, ...]:
    """The checks that must pass before this one is made: who sees its outcome learns theirs."""
    if not check.after:
        return ()
    part = puzzle.part(check.part)
    return tuple(
        each.id
        for each in puzzle.checks_of(part)
        if each.aspect in check.after and each.scope is Scope.ASSIGNED
    )


def offered(puzzle: Puzzle) -> tuple[RubricItem, ...]:
    """What a course may ask for besides the puzzle's own checks: limits on what kernels cost."""
    several = len(puzzle.parts) > 1
    limits = [Frugal(part=p.name if several else "") for p in puzzle.parts if p.target == "gpu"]
    there = {check.id for check in puzzle.checks}
    return tuple(RubricItem(check=each, points=0) for each in limits if each.id not in there)


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """How a puzzle is marked in one course. Made by `grader.rubric.load_rubric`."""

    puzzle: Puzzle
    """With the points, sizes and extra credit of the file: grade with this one."""
    title: str = ""
    pass_mark: int | None = None
    """Points, extra credit aside, from which on a submission passes; None for all of them."""
    hints: int = HINT_STEPS
    """How many steps of hints students see."""
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
        meaning: dict[str, object] = {
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
        if asked := self.puzzle.settings:
            meaning["settings"] = asked
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


_HEAD = """\
# A rubric for {name}: {title}.
# As it stands, it says what the grader does without a rubric file. Change what your course
# marks otherwise, and leave out what it does not: a key that is missing keeps its default.
#
#   grade submit {name}.mojo --rubric THIS-FILE

puzzle = "{name}"

# Shown in the instructor's report.
title = ""

# What students start from, where it is not the book's file: a file beside this one. Handed in as
# it is, it has no points.
# skeleton = "{name}.mojo"

# Points from which on a submission passes, extra credit aside: a number of points, or a share
# ("80 %"). Without it, all {points} are needed.
# pass_mark = "80 %"

# How many steps of hints students see. 1: what is wrong and where; 2: also what to think about,
# behind a fold; 3: also the shape of the answer, behind another one. 0: none.
hints = 3

# When "after the due date" is. An offset, or a local time and its zone:
# due = 2026-12-01T23:59:00+01:00
# due = 2026-12-01T23:59:00
# time_zone = "Europe/Berlin"

# Which sizes are tried. "as usual": all assigned ones and some beyond; of the given file with a
# plain launch in it, a sample. "all sizes": every one; each takes 0.3 seconds more to compile.
try = "as usual"

# The assigned sizes, which decide the mark: all regions together. A size is a number, a range
# ("1 to 15", both ends included) or a list of these; one that is left out is the whole range.
# The grader can go from {ranges}.
"""

_CHECKS = """
# The checks. For each:
#   points      a whole number; with 0 the check is made and shown, and costs nothing
#   extra       true: extra credit, on top of the points that make the mark
#   visibility  "visible", "hidden" (never in a student's report) or "after the due date"
#   enabled     false: the check is not made
#   strict      of a check for clean code, true: what NVIDIA's manuals allow and good style avoids
#               fails it too: threads that store the same value in one cell, and threads that end
#               before a barrier that others wait at
# max_score is the sum of the points that are not extra; it need not be 100.
"""


def starting_file(puzzle: Puzzle) -> str:
    """The puzzle's own rubric as a commented file. Read back, it changes nothing."""
    several = len(puzzle.parts) > 1
    ranges = "; ".join(
        (f"{part.name}: " if several else "")
        + ", ".join(f"{s.name} {s.low} to {s.high}" for s in part.sizes)
        for part in puzzle.parts
    )
    parts = [
        _HEAD.format(name=puzzle.name, title=puzzle.title, points=puzzle.max_score, ranges=ranges)
    ]
    for part in puzzle.parts:
        head = ["[[sizes]]", f'part = "{part.name}"'] if several else ["[[sizes]]"]
        for region in decompose(part):
            lines = [f"{name} = {_written(values)}" for name, values in region.items()]
            parts.append("\n".join([*head, *lines, ""]))
    parts.append(_CHECKS)
    parts += [_check(item) for item in puzzle.rubric]
    parts += [_limits(item.check) for item in offered(puzzle)]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _written(values: Iterable[int]) -> str:
    runs = [str(low) if low == high else f'"{low} to {high}"' for low, high in runs_of(values)]
    return runs[0] if len(runs) == 1 else f"[{', '.join(runs)}]"


def _check(item: RubricItem) -> str:
    lines = [f"# {item.title}", f"[checks.{item.id}]", f"points = {item.points}"]
    if item.extra:
        lines.append("extra = true")
    if not always_visible(item.check):
        lines.append('visibility = "visible"')
    return "\n".join(lines)


_LIMITS = """
# Limits on what kernels cost, as the device counts it at one of the largest sizes, where the values
# are right. Without the table nothing of it is checked; name what your course asks for.
# Sectors and wavefronts are times the least that would do; reads are loads of each input element;
# the others are counted for each warp. docs/rubric.md says more.
# [checks.{name}]
# points = 5
{limits}
"""


def _limits(check: Check) -> str:
    limits = "\n".join(f"# {name} = {max(1, least)}" for name, least in check.numbers.items())
    return _LIMITS.format(name=check.id, limits=limits)
