"""What a course author writes to define a puzzle: data, and a function for the right answer.

A `Puzzle` is a file that students hand in. Its `Part`s are what is graded on its own: one op of
the package, on a GPU or a CPU, or one kernel of a program (`grader.model.part`). Its rubric says
what each check is worth.
Nothing here knows MAX, devices or processes. docs/puzzles.md has one to copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grader.model.checks import Check
from grader.model.part import GivenKernel, Kernels, Part, Scope
from grader.model.validation import problems_of_part, twice
from grader.record import Aspect
from grader.references import reference, written_for


@dataclass(frozen=True, kw_only=True)
class BookPlace:
    """Where the book has the file that is to be filled in, in some of its editions."""

    task: str
    """Path in the book's repository: ``problems/p05/p05.mojo``."""
    answer: str
    """Path of the book's own answer."""
    editions: tuple[str, ...]
    taken: bool = False
    """Whether newer editions have the file of another puzzle there."""


@dataclass(frozen=True, kw_only=True)
class RubricItem:
    """One line of the rubric: a check and its points, all or nothing."""

    check: Check
    points: int
    extra: bool = False

    @property
    def id(self) -> str:
        """The check's name in records and rubric files."""
        return self.check.id

    @property
    def title(self) -> str:
        """What the check asks for."""
        return self.check.title


@dataclass(frozen=True, kw_only=True)
class Puzzle:
    """A puzzle, whole. See the module's docstring."""

    name: str
    title: str
    parts: tuple[Part, ...]
    rubric: tuple[RubricItem, ...]
    checks: tuple[Check, ...] = ()
    """All that are made, also those that a course's rubric leaves out; by default the rubric's."""
    book: tuple[BookPlace, ...] = ()
    """The puzzle's own places in the book, the newest first. Its numbers changed."""
    messages: tuple[tuple[str, str], ...] = ()
    """What a message of the compiler means for this puzzle: a regular expression and advice, in
    which ``{launch}`` and ``{register}`` stand for the way the edition writes these."""
    first_step: str = "Fill in what the skeleton leaves open, then hand it in again."
    """What to do with a skeleton that is handed in as it was given; braces as in ``messages``."""
    kernels: Path | None = None
    """Where its reference kernels lie, ``<edition>/right.mojo`` and ``<edition>/skeleton.mojo``;
    None for those that come with the grader."""
    try_all: bool = False
    """Whether every size is tried, even where the student wrote a plain launch only."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a puzzle by which nobody could be graded fairly."""
        if not self.checks:
            object.__setattr__(self, "checks", tuple(item.check for item in self.rubric))
        if found := list(_problems(self)):
            raise ValueError(f"the puzzle {self.name} is wrong: {'; '.join(found)}")

    def for_edition(self, edition: str) -> Puzzle:
        """This puzzle with the code that an edition of the book gives."""
        parts = tuple(part.for_edition(edition) for part in self.parts)
        changed = any(new is not old for new, old in zip(parts, self.parts, strict=True))
        return replace(self, parts=parts) if changed else self

    def part(self, name: str) -> Part:
        """The part of a name; the empty name is that of the only one. Raises `KeyError`."""
        if not name and len(self.parts) == 1:
            return self.parts[0]
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)

    def checks_of(self, part: Part) -> tuple[Check, ...]:
        """The checks that cases of a part decide."""
        return tuple(
            check
            for check in self.checks
            if check.of_cases and self.part(check.part).name == part.name
        )

    def reference(self, edition: str, name: str) -> str | None:
        """Our text of an edition, ``skeleton`` or ``right``; None where there is none.

        A package has files for each edition. Raises `GraderFault` where the folder of the grader's
        own is missing.
        """
        if not self.is_program and written_for(self.name, edition, self.kernels) != edition:
            return None
        return reference(self.name, edition, name, self.kernels)

    @property
    def is_program(self) -> bool:
        """Whether a file of it is a Mojo program, whose kernels are launched; else a package."""
        return isinstance(self.parts[0].code, Kernels)

    @property
    def max_score(self) -> int:
        """Points without extra credit."""
        return sum(item.points for item in self.rubric if not item.extra)

    @property
    def given(self) -> tuple[GivenKernel, ...]:
        """The kernels that students are given."""
        return tuple(part.given for part in self.parts if part.given is not None)


def _problems(puzzle: Puzzle) -> Iterator[str]:
    """What is wrong with a puzzle."""
    yield from twice("part", [part.name for part in puzzle.parts])
    if not puzzle.parts:
        yield "it has no part"
    for part in puzzle.parts:
        where = f"in the part {part.name}, " if len(puzzle.parts) > 1 else ""
        yield from (f"{where}{told}" for told in problems_of_part(part))
    if puzzle.parts:
        yield from _rubric(puzzle)


def _rubric(puzzle: Puzzle) -> Iterator[str]:
    ids = [item.id for item in puzzle.rubric]
    yield from twice("check", ids)
    known = {check.id for check in puzzle.checks}
    yield from (f"the check {id_} gives points, and is not made" for id_ in ids if id_ not in known)
    names = {part.name for part in puzzle.parts}
    for check in puzzle.checks:
        if check.part not in names and (check.part or (check.of_cases and len(puzzle.parts) > 1)):
            yield f"the check {check.id} is about the part {check.part!r}, which is none"
            return
    if len({type(part.code) for part in puzzle.parts}) > 1:
        yield "some parts are ops and some are kernels of a program; a file is one or the other"
        return
    for wanted in (Aspect.COMPILES,) if puzzle.is_program else (Aspect.PACKAGES, Aspect.COMPILES):
        if not any(check.aspect is wanted for check in puzzle.checks):
            yield f"no check says whether it {wanted}"
    if any(item.points < 0 for item in puzzle.rubric):
        yield "a check has less than 0 points"
    if puzzle.max_score <= 0:
        yield "no check gives a point, extra credit aside"
    for part in puzzle.parts:
        checks = puzzle.checks_of(part)
        if not any(check.aspect is Aspect.VALUES for check in checks):
            yield f"no check looks at the values of the part {part.name}"
        elif all(check.needs_example for check in checks if check.aspect is Aspect.VALUES):
            yield f"no check looks at other values of the part {part.name} than the example's"
        beyond = [check for check in checks if check.scope is Scope.ROBUST]
        if beyond and part.enumerable and not part.counts()[1]:
            yield (
                f"every size is an assigned one, so nobody could earn the points of "
                f"{beyond[0].id!r}"
            )
        if part.example is None and any(check.needs_example for check in checks):
            yield f"a check asks for the example of the part {part.name}, which has none"
