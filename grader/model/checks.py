"""What a check is: something that is asked of a submission, and how it is decided.

A check of cases says which cases it is about (`Check.concerns`) and which problems of theirs it
takes (`Check.claims`); it may look for problems of its own (`Check.problems`). What was found out
is counted in a `Tally` for each check, from which the check says in the end how it went
(`Check.judge`). The usual ones are in `grader.checks`; a puzzle may bring its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from grader.device import FindingKind
from grader.marks import Tried
from grader.model.cases import Case, Observation, Problem
from grader.model.domains import Values
from grader.model.part import Scope
from grader.model.usage import PartUse
from grader.record import Aspect, LaunchKind, NotRun, Reason, Shortfall, Status, Uncounted

KEPT = 8
"""How many failing cases are kept to recognise the mistake by."""


@dataclass(frozen=True, kw_only=True)
class Untold:
    """Something that can't be told of a case."""

    reason: Reason
    data: Mapping[str, int | str]


@dataclass
class Tally:
    """What is known about one check."""

    cases: int = 0
    failures: int = 0
    worst: tuple[Observation, Problem] | None = None
    """The simplest failing case."""
    elements: int = 0
    """Elements of all outputs."""
    not_compared: int = 0
    """Those of them that the task leaves undecided."""
    failing: list[Observation] = field(default_factory=list)
    """The failing cases with the fullest inputs, since of zeros many a mistake would give the same;
    and some of the largest size, to see whether the inputs make a difference."""
    failing_at: dict[int, Observation] = field(default_factory=dict)
    """At each size the failing case with the fullest inputs, by the number of its shape: what holds
    at one size need not hold at another."""
    passing: dict[int, Observation] = field(default_factory=dict)
    """The first right case at each size, by the number of its shape."""
    telling: list[Observation] = field(default_factory=list)
    """Cases that were run to tell apart two mistakes, each of which explained all others."""
    helped: bool = False
    """Whether the host is known to have helped: it is not asked about further cases."""
    unknown: Untold | None = None
    """What can't be told of some case, where all can't be."""
    not_run: NotRun | None = None
    """Why a case of it was not run; None where all were."""
    crashed: bool = False
    """Whether a case of it ended without output."""
    certain: bool = False
    """Whether a case failed in a way that the rounding of no right algorithm explains."""

    @property
    def all_failing(self) -> tuple[Observation, ...]:
        """The failing cases that are kept, each once."""
        telling = (each for each in self.telling if not each.right)
        return tuple(dict.fromkeys((*self.failing, *self.failing_at.values(), *telling)))

    @property
    def all_passing(self) -> tuple[Observation, ...]:
        """The right cases that are kept, each once."""
        telling = (each for each in self.telling if each.right)
        return tuple(dict.fromkeys((*self.passing.values(), *telling)))

    @property
    def fractional(self) -> bool:
        """Whether some failing case holds other numbers than whole ones."""
        return any(each.case.values in _KINDS for each in self.failing)

    def count(self, observation: Observation, problem: Problem | None) -> None:
        """Take one more case into account."""
        self.cases += 1
        for compared in observation.comparisons:
            self.elements += compared.got.size
            self.not_compared += compared.not_compared
        if problem is None:
            if observation.right:
                self.passing.setdefault(observation.case.shape.number, observation)
            return
        self.failures += 1
        self.crashed = self.crashed or observation.run.outputs is None
        self.certain = self.certain or not observation.rearranged
        at = observation.case.shape.number
        self.failing_at[at] = max(self.failing_at.get(at, observation), observation, key=_telling)
        self.failing.append(observation)
        if len(self.failing) > KEPT:
            self.failing.remove(_least_telling(self.failing))
        if self.worst is None or simplicity(observation) < simplicity(self.worst[0]):
            self.worst = (observation, problem)


def _least_telling(observations: Sequence[Observation]) -> Observation:
    largest = max(observations, key=lambda each: each.case.shape.extent).case.shape.number
    others = [each for each in observations if each.case.shape.number != largest]
    few = len(observations) - len(others) <= KEPT // 2
    return min(others if others and few else observations, key=_telling)


def _telling(observation: Observation) -> tuple[bool, int]:
    """Whether it has outputs, and how many elements of its inputs are not zero."""
    filled = sum(map(np.count_nonzero, observation.case.inputs.values()))
    return bool(observation.comparisons), filled


_KINDS = (Values.REALS, Values.SPECIAL)


def simplicity(observation: Observation) -> tuple[object, ...]:
    """Smaller is simpler: whole numbers first, which also belong to the checks that show first."""
    case = observation.case
    return (_KINDS.index(case.values) if case.values in _KINDS else -1, *case.complexity)


@dataclass
class PartResults:
    """What the cases of one part showed."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    """By the id of the check."""
    assigned: int = 0
    """Cases at assigned sizes that were run."""
    completed: int = 0
    """Those of them that ended with output."""
    launched: int = 0
    """Cases at assigned sizes in which a kernel was launched and ran."""
    tried: Tried = field(default_factory=Tried)
    """At how many sizes there was a case."""
    launches: dict[tuple[object, ...], LaunchKind] = field(default_factory=dict)
    """Launches that are alike, counted."""
    observed: bool = True
    """Whether the device shows launches, findings and provenance."""
    kernel_unchanged: bool = False
    """Whether the given kernel stands as it was given."""
    beyond_compiles: bool = True
    """False where it compiled without the sizes beyond the task only."""
    checks: tuple[Check, ...] = ()
    """Those that its cases decide."""
    usage: PartUse | Uncounted | None = None
    """What its kernels cost, where its values are right, or why that could not be counted."""

    @property
    def of_values(self) -> list[Tally]:
        """The tallies of the checks of values at the assigned sizes, in order."""
        return [
            self.tally(check)
            for check in self.checks
            if check.aspect is Aspect.VALUES and check.scope is Scope.ASSIGNED
        ]

    def tally(self, check: Check) -> Tally:
        """The tally of a check, made on first use."""
        return self.tallies.setdefault(check.id, Tally())


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How a check went."""

    status: Status
    reason: Reason | None = None
    data: Mapping[str, int | str] = field(default_factory=dict)
    """What the reason's sentence names: see `grader.wording`."""
    cases: int = 0


@dataclass(frozen=True, kw_only=True)
class Check(ABC):
    """One thing that is asked of a submission. Points are given in `Puzzle.rubric`."""

    kind: ClassVar[str]
    """What it is called in records and rubric files, behind the part's name if there is one."""
    aspect: ClassVar[Aspect]
    """What of a submission it looks at."""
    of_cases: ClassVar[bool] = True
    """Whether cases decide it; otherwise a step before the first case does."""
    scope: ClassVar[Scope] = Scope.ASSIGNED
    """Sizes of its cases."""
    values: ClassVar[frozenset[Values]] = frozenset()
    """Kinds of values that cases are run with for it; empty where any will do."""

    switches: ClassVar[tuple[str, ...]] = ()
    """Fields of its own, true or false, that a rubric may set."""
    numbers: ClassVar[Mapping[str, int]] = {}
    """Fields of its own, numbers or None, that a rubric may set: each with the least that makes
    sense."""
    after: ClassVar[frozenset[Aspect]] = frozenset()
    """It is made only where the checks of these aspects passed at the assigned sizes."""
    own_words: ClassVar[str] = ""
    """What is said where the first thing that is missing is `Shortfall.OWN`: a sentence."""

    part: str = ""
    """The part that it is about; empty where the puzzle has one, or where it is about the file."""
    title: str
    """What it asks for, as a line of the rubric."""
    next_step: str = ""
    """What a student should look at first where it failed."""

    @property
    def id(self) -> str:
        """Its name in records and rubric files: unique within a puzzle."""
        return f"{self.part}-{self.kind}" if self.part and self.of_cases else self.kind

    @property
    def settings(self) -> dict[str, object]:
        """Its fields that a rubric may set, as far as they ask for something."""
        values = {name: getattr(self, name) for name in (*self.switches, *self.numbers)}
        # Zero asks for something.
        return {name: it for name, it in values.items() if it is not None and it is not False}

    @property
    def also_fails_by(self) -> frozenset[FindingKind]:
        """Findings that make it fail and cost nothing by themselves."""
        return frozenset()

    @property
    def needs_example(self) -> bool:
        """Whether it is about the published example alone."""
        return self.values == {Values.EXAMPLE}

    def concerns(self, case: Case) -> bool:
        """Whether a case of its part counts for it."""
        return case.shape.scope is self.scope and (not self.values or case.values in self.values)

    def claims(self, problem: Problem, case: Case) -> bool:
        """Whether a problem of such a case makes it fail."""
        return problem.aspect is self.aspect and self.concerns(case)

    def problem_of(self, observation: Observation) -> Problem | None:
        """The first problem of a case that makes it fail."""
        case = observation.case
        return next((each for each in observation.problems if self.claims(each, case)), None)

    def problems(self, observation: Observation) -> Iterator[Problem]:
        """Problems that only this check looks for, in a case that concerns it."""
        return iter(())

    @abstractmethod
    def judge(self, results: PartResults) -> Judgement:
        """How it went, from the results of its part."""

    def shortfall(self, tally: Tally) -> Shortfall:
        """What is missing, where it is the first check that failed."""
        return Shortfall.NOT_RIGHT


@dataclass(frozen=True, kw_only=True)
class StageCheck(Check):
    """A check that a step before any case decides: packaging, compiling."""

    of_cases: ClassVar[bool] = False

    def concerns(self, case: Case) -> bool:
        return False

    def judge(self, results: PartResults) -> Judgement:
        return Judgement(status=Status.PASSED)
