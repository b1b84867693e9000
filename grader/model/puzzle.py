"""What a course author writes to define a puzzle: data, and a function for the right answer.

A `Puzzle` is a file that students hand in. Its `Part`s are what is graded on its own: one op of
the package, on a GPU or a CPU, or one kernel of a program (`grader.model.part`). Its rubric says
what each check is worth.
Nothing here knows MAX, devices or processes. docs/puzzles.md has one to copy. A puzzle that
contradicts itself, or by which nobody could be graded fairly, is told so when it is made: a
sentence for each problem, with the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from grader.folders import edition_names
from grader.model.checks import Check
from grader.model.code import Kernels, newest
from grader.model.fields import is_whole, no_name, problems_in, twice
from grader.model.given import GivenKernel
from grader.model.part import Part, Scope
from grader.model.program import ProgramCheck
from grader.model.validation import problems_of_part
from grader.record import Aspect
from grader.references import reference, written_for

_OF_A_GPU: Final = frozenset({Aspect.CLEAN, Aspect.ORIGIN, Aspect.USAGE})


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
    """A file that students hand in: its parts, its rubric, its places in the book."""

    name: str
    title: str
    parts: tuple[Part, ...]
    rubric: tuple[RubricItem, ...]
    checks: tuple[Check, ...] = ()
    """All checks, also those that a course's rubric leaves out; by default those of the rubric."""
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
    not_checked: str = ""
    """What of the book's task the grader does not look at, and why, in a few words."""
    try_all: bool = False
    """Whether every size is tried, even where the student wrote a plain launch only."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a puzzle that contradicts itself or can't grade fairly."""
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

    def label(self, part: Part) -> str:
        """What a record calls a part: its name, or nothing where it is the only one."""
        return part.name if len(self.parts) > 1 else ""

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
    def calls_host(self) -> bool:
        """Whether host code of a program's file runs, which launches kernels by itself."""
        return any(part.calls_host for part in self.parts)

    @property
    def architecture(self) -> str:
        """The oldest one of a GPU that it is written for, ``sm_90``; empty where any will do."""
        codes = (part.code for part in self.parts)
        return newest(code.architecture for code in codes if isinstance(code, Kernels))

    @property
    def max_score(self) -> int:
        """Points without extra credit."""
        return sum(item.points for item in self.rubric if not item.extra)

    @property
    def settings(self) -> dict[str, dict[str, object]]:
        """What its checks ask for more than usual, by their ids."""
        return {check.id: check.settings for check in self.checks if check.settings}

    @property
    def given(self) -> tuple[GivenKernel, ...]:
        """The kernels that students are given."""
        return tuple(part.given for part in self.parts if part.given is not None)


def _problems(puzzle: Puzzle) -> Iterator[str]:
    """What is wrong with a puzzle."""
    yield from no_name("the name", puzzle.name)
    yield from twice("part", [part.name for part in puzzle.parts])
    if not puzzle.parts:
        yield "it has no part"
    found = [
        f"in the part {part.name}, {told}" if len(puzzle.parts) > 1 else told
        for part in puzzle.parts
        for told in problems_of_part(part)
    ]
    yield from found
    yield from problems_in(puzzle, book=_book, kernels=_kernels, messages=_texts, rubric=_rubric)
    if not found:
        yield from problems_in(puzzle, assigned=_beyond)


def _book(puzzle: Puzzle) -> Iterator[str]:
    known = edition_names()
    for place in puzzle.book:
        if not place.editions:
            yield f"the place {place.task} of the book is in no edition"
        for edition in place.editions:
            if edition not in known:
                yield (
                    f"the place {place.task} of the book is in the edition {edition!r}, which is "
                    f"none of {', '.join(known)}"
                )


def _kernels(puzzle: Puzzle) -> Iterator[str]:
    if puzzle.kernels is not None and not any(puzzle.kernels.glob("*/right.mojo")):
        yield f"kernels is {puzzle.kernels}, where there is no <edition>/right.mojo"


def _texts(puzzle: Puzzle) -> Iterator[str]:
    for pattern, advice in puzzle.messages:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"the pattern {pattern!r} of messages is no regular expression: {error}"
        yield from _braces(f"the advice {advice!r} of messages", advice)
    yield from _braces("first_step", puzzle.first_step)


def _braces(what: str, text: str) -> Iterator[str]:
    try:
        text.format(launch="", register="")
    except (LookupError, ValueError, AttributeError):
        yield f"{what} has other braces than {{launch}} and {{register}}; write others twice"


def _rubric(puzzle: Puzzle) -> Iterator[str]:
    ids = [item.id for item in puzzle.rubric]
    yield from twice("check", ids)
    known = {check.id for check in puzzle.checks}
    yield from (f"the check {id_} gives points, and is not made" for id_ in ids if id_ not in known)
    wrong = [
        f"the points of {item.id} are {item.points!r}; write a whole number of 0 or more"
        for item in puzzle.rubric
        if not is_whole(item.points) or item.points < 0
    ]
    yield from wrong
    if not wrong and puzzle.max_score <= 0:
        yield "no check gives a point, extra credit aside"
    if puzzle.parts:
        yield from _checks(puzzle)


def _checks(puzzle: Puzzle) -> Iterator[str]:
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
    for check in puzzle.checks:
        if check.aspect is (Aspect.PACKAGES if puzzle.is_program else Aspect.PROGRAM):
            yield (
                f"the check {check.id} does not fit: the puzzle's files are "
                f"{'no packages' if puzzle.is_program else 'no programs'}; leave it out"
            )
        if isinstance(check, ProgramCheck) and not check.commands:
            yield f"the check {check.id} runs the program with no command; write Command()"
    for part in puzzle.parts:
        yield from _checks_of(puzzle, part)


def _checks_of(puzzle: Puzzle, part: Part) -> Iterator[str]:
    checks = puzzle.checks_of(part)
    if not any(check.aspect is Aspect.VALUES for check in checks):
        yield f"no check looks at the values of the part {part.name}"
    elif all(check.needs_example for check in checks if check.aspect is Aspect.VALUES):
        yield f"no check looks at other values of the part {part.name} than the example's"
    if part.example is None and any(check.needs_example for check in checks):
        yield f"a check asks for the example of the part {part.name}, which has none"
    for check in checks:
        if check.numbers and not check.settings:
            yield f"the check {check.id} limits nothing: give it one of {', '.join(check.numbers)}"
        if part.target == "cpu" and check.aspect in _OF_A_GPU:
            yield f"the check {check.id} is about a GPU; {part.name} runs on a CPU, so leave it out"
        elif puzzle.is_program and not part.calls_host and check.aspect is Aspect.ORIGIN:
            yield (
                f"the check {check.id} is about host code, and kernels are launched without any; "
                "leave it out"
            )
    if part.calls_host and not any(check.aspect is Aspect.ORIGIN for check in checks):
        yield (
            f"no check asks whether the outputs of {part.name} are computed on the device, where "
            "host code of the file runs"
        )


def _beyond(puzzle: Puzzle) -> Iterator[str]:
    for part in puzzle.parts:
        beyond = [check for check in puzzle.checks_of(part) if check.scope is Scope.ROBUST]
        if beyond and part.enumerable and not part.counts()[1]:
            yield (
                f"every size is an assigned one, so nobody could earn the points of "
                f"{beyond[0].id!r}"
            )
