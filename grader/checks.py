"""The checks that puzzles pick from. Each is an object: `grader.model.checks` says what it does.

Of the steps before any case is run, of the outputs at the assigned sizes, of how a submission gets
to its outputs, of sizes beyond the task, of the file as a program, and of what its kernels cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final

from grader.device import FindingKind
from grader.model.cases import Case, Observation, Problem
from grader.model.checks import Check, Judgement, PartResults, StageCheck, Tally, Untold
from grader.model.domains import Values
from grader.model.part import Scope
from grader.model.program import ProgramCheck, ProgramSeen
from grader.model.usage import OF_ACCESSES, Measured, PartUse, measured
from grader.record import (
    Aspect,
    Attribution,
    PrintedOutput,
    ProgramEnd,
    Reason,
    Shortfall,
    Status,
    Uncounted,
    UsageLimit,
)
from grader.wording.findings import ALLOWED

_WORST: Final = (
    PrintedOutput.OTHER,
    PrintedOutput.NOTHING,
    PrintedOutput.NOT_ASKED,
    PrintedOutput.PUBLISHED,
)
"""Of several runs, what is said of all."""


@dataclass(frozen=True, kw_only=True)
class Packages(StageCheck):
    """The file compiles alone, as a package."""

    kind: ClassVar[str] = "packages"
    aspect: ClassVar[Aspect] = Aspect.PACKAGES

    title: str = "The file packages"


@dataclass(frozen=True, kw_only=True)
class Compiles(StageCheck):
    """The program around it compiles: a graph with the ops, at every size that is tried."""

    kind: ClassVar[str] = "compiles"
    aspect: ClassVar[Aspect] = Aspect.COMPILES

    title: str = "The graph compiles"


def judge_values(tally: Tally, *, tried: int, of: int) -> Judgement:
    """How a check of outputs went, at so many sizes of so many."""
    if tally.worst is not None:
        return failed(tally)
    if tally.not_run is not None:
        return left_open(tally)
    if not tally.cases:
        return Judgement(status=Status.NOT_CHECKED, reason=Reason.NO_CASE)
    data: dict[str, int | str] = {"tried": tried, "of": of}
    if tally.not_compared:
        data |= {"not_compared": tally.not_compared, "elements": tally.elements}
    return Judgement(status=Status.PASSED, reason=Reason.TRIED, data=data, cases=tally.cases)


def failed(tally: Tally) -> Judgement:
    """A check that failed by its simplest case."""
    assert tally.worst is not None
    _, problem = tally.worst
    return Judgement(
        status=Status.FAILED,
        reason=Reason.PROBLEM,
        data={"kind": problem.kind.value, **problem.data},
        cases=tally.cases,
    )


def left_open(tally: Tally) -> Judgement:
    """A check of which not every case was run, or can be told."""
    untold = tally.unknown
    if tally.not_run is not None:
        untold = Untold(reason=Reason.NOT_RUN, data={"why": tally.not_run.value})
    assert untold is not None
    return Judgement(
        status=Status.NOT_CHECKED, reason=untold.reason, data=untold.data, cases=tally.cases
    )


@dataclass(frozen=True, kw_only=True)
class _ValuesCheck(Check):
    """A check of outputs at the assigned sizes with some kinds of values."""

    aspect: ClassVar[Aspect] = Aspect.VALUES

    def judge(self, results: PartResults) -> Judgement:
        tried = results.tried
        return judge_values(results.tally(self), tried=tried.assigned, of=tried.of)


@dataclass(frozen=True, kw_only=True)
class Example(_ValuesCheck):
    """The published example, at the beginning of a run and at its end."""

    kind: ClassVar[str] = "example"
    values: ClassVar[frozenset[Values]] = frozenset({Values.EXAMPLE})

    title: str = "The published example is right"

    def shortfall(self, tally: Tally) -> Shortfall:
        if not _ends(tally):
            return Shortfall.EXAMPLE_SILENT
        if tally.failures < tally.cases:
            return Shortfall.EXAMPLE_UNSTEADY
        return Shortfall.EXAMPLE_WRONG


@dataclass(frozen=True, kw_only=True)
class Integers(_ValuesCheck):
    """Whole numbers, which must come out equal: no order of summation rounds them."""

    kind: ClassVar[str] = "integers"
    values: ClassVar[frozenset[Values]] = frozenset({Values.INTEGERS})

    title: str = "Exact on integers over the assigned sizes"

    def shortfall(self, tally: Tally) -> Shortfall:
        if tally.worst is not None and tally.worst[0].case.part.example is None:
            return Shortfall.CASES_WRONG if _ends(tally) else Shortfall.CASES_SILENT
        return Shortfall.OTHERS_WRONG if _ends(tally) else Shortfall.OTHERS_SILENT


@dataclass(frozen=True, kw_only=True)
class Reals(_ValuesCheck):
    """Real numbers, also NaN, infinities and very small ones, within the part's bound."""

    kind: ClassVar[str] = "reals"
    values: ClassVar[frozenset[Values]] = frozenset({Values.REALS, Values.SPECIAL})

    title: str = "Real numbers within the rounding bound"

    def shortfall(self, tally: Tally) -> Shortfall:
        return Shortfall.REALS_WRONG


@dataclass(frozen=True, kw_only=True)
class AllValues(Reals):
    """All values, of whatever kind: for a puzzle whose op treats whole numbers like others."""

    values: ClassVar[frozenset[Values]] = frozenset({Values.INTEGERS, Values.REALS, Values.SPECIAL})

    def shortfall(self, tally: Tally) -> Shortfall:
        return Shortfall.SOME_SILENT if tally.crashed else Shortfall.OWN


def _ends(tally: Tally) -> bool:
    """Whether the simplest failing case had an output."""
    return tally.worst is None or tally.worst[0].run.outputs is not None


def _not_checked(reason: Reason, tally: Tally) -> Judgement:
    return Judgement(status=Status.NOT_CHECKED, reason=reason, cases=tally.cases)


@dataclass(frozen=True, kw_only=True)
class Clean(Check):
    """Inputs stay as they are, and no access is out of bounds, misaligned or part of a race.

    A read of uninitialised memory is shown; it costs points where it shows in the result, which
    two different fills make certain.
    """

    kind: ClassVar[str] = "clean"
    aspect: ClassVar[Aspect] = Aspect.CLEAN
    switches: ClassVar[tuple[str, ...]] = ("strict",)

    title: str = "Clean: inputs untouched, no out of bounds, no race"
    strict: bool = False
    """Whether code that NVIDIA's manuals allow and good style avoids fails it, too."""

    @property
    def also_fails_by(self) -> frozenset[FindingKind]:
        return ALLOWED if self.strict else frozenset()

    def problems(self, observation: Observation) -> Iterator[Problem]:
        for finding, whose in observation.findings:
            if whose is Attribution.STUDENT and finding.kind in self.also_fails_by:
                yield Problem.unclean(finding)

    def judge(self, results: PartResults) -> Judgement:
        tally = results.tally(self)
        if tally.worst is not None:
            return failed(tally)
        if not results.launched:
            return _not_checked(Reason.NO_KERNEL, tally)
        if results.completed < results.assigned:
            return _not_checked(Reason.NO_OUTPUT, tally)
        if tally.not_run is not None or tally.unknown:
            return left_open(tally)
        if not results.observed:
            return _not_checked(Reason.ACCESSES_HIDDEN, tally)
        return Judgement(status=Status.PASSED, cases=tally.cases)

    def shortfall(self, tally: Tally) -> Shortfall:
        return Shortfall.UNCLEAN


@dataclass(frozen=True, kw_only=True)
class OnDevice(Check):
    """The outputs were made by a kernel on the device, and not with the host's help."""

    kind: ClassVar[str] = "device"
    aspect: ClassVar[Aspect] = Aspect.ORIGIN

    title: str = "Computed by a kernel on the device"

    def judge(self, results: PartResults) -> Judgement:
        tally = results.tally(self)
        if not results.observed:
            return Judgement(status=Status.NOT_CHECKED, reason=Reason.WRITERS_HIDDEN)
        if tally.worst is not None:
            return failed(tally)
        if results.completed < results.assigned:
            return _not_checked(Reason.NO_OUTPUT, tally)
        if tally.not_run is not None or tally.unknown:
            return left_open(tally)
        return Judgement(status=Status.PASSED, cases=tally.cases)

    def shortfall(self, tally: Tally) -> Shortfall:
        return Shortfall.NOT_BY_THE_DEVICE


@dataclass(frozen=True, kw_only=True)
class Robust(Check):
    """Right in everything at sizes beyond the task, where the assigned ones are right."""

    kind: ClassVar[str] = "robust"
    aspect: ClassVar[Aspect] = Aspect.ALL
    scope: ClassVar[Scope] = Scope.ROBUST
    after: ClassVar[frozenset[Aspect]] = frozenset({Aspect.VALUES})

    title: str = "Robust: right for every size"

    def claims(self, problem: Problem, case: Case) -> bool:
        return self.concerns(case)

    def judge(self, results: PartResults) -> Judgement:
        tally = results.tally(self)
        if results.kernel_unchanged:
            return Judgement(status=Status.NOT_CHECKED, reason=Reason.GIVEN_KERNEL)
        if any(each.worst is not None or not each.cases for each in results.of_values):
            return _not_checked(Reason.ASSIGNED_FIRST, tally)
        if not results.beyond_compiles:
            return _not_checked(Reason.BEYOND_NOT_COMPILED, tally)
        if tally.worst is None and (tally.not_run is not None or tally.unknown):
            return left_open(tally)
        tried = results.tried
        return judge_values(tally, tried=tried.beyond, of=tried.of_beyond)


@dataclass(frozen=True, kw_only=True)
class Program(ProgramCheck):
    """The program builds, ends with exit code 0, and launches a kernel on the way.

    What it prints is shown, and whether it is the published output is said. That decides nothing:
    constants, inputs and prints are the student's own.
    """

    kind: ClassVar[str] = "program"

    title: str = "The program runs"

    def judge_program(self, seen: ProgramSeen) -> Judgement:
        if seen.end is ProgramEnd.UNSEEN:
            return _unseen(seen.said)
        if seen.end is not ProgramEnd.RAN:
            return _program_failed(seen.end, seen.said)
        runs = [(command, seen.runs[command]) for command in self.commands]
        ends = [(command, run, self.end_of(run)) for command, run in runs]
        for command, run, end in ends:
            if end not in (ProgramEnd.RAN, ProgramEnd.UNSEEN):
                return _program_failed(end, self.said_of(run), command.text)
        for _, run, end in ends:
            if end is ProgramEnd.UNSEEN:
                return _unseen(self.said_of(run))
        printed = min((command.compare(run.text) for command, run in runs), key=_WORST.index)
        data = {"end": ProgramEnd.RAN.value, "printed": printed.value}
        return Judgement(status=Status.PASSED, reason=Reason.PROGRAM, data=dict(data))

    def shortfall(self, tally: Tally) -> Shortfall:
        return Shortfall.PROGRAM


def _program_failed(end: ProgramEnd, said: str, command: str = "") -> Judgement:
    data = {"end": end.value, "said": said, "command": command}
    return Judgement(status=Status.FAILED, reason=Reason.PROGRAM, data=dict(data))


def _unseen(said: str) -> Judgement:
    return Judgement(status=Status.NOT_CHECKED, reason=Reason.PROGRAM_UNSEEN, data={"said": said})


def _told(number: Fraction) -> str:
    return f"{float(number):.6g}"


@dataclass(frozen=True, kw_only=True)
class Frugal(Check):
    """Kernels that are right cost no more than is asked for: `UsageLimit` says what each limits.

    The device counts one case, at the largest of the sizes that are always tried. Not among a
    puzzle's checks unless it, or a course's rubric, asks: ``Frugal(wavefronts=1)``.
    """

    kind: ClassVar[str] = "usage"
    aspect: ClassVar[Aspect] = Aspect.USAGE
    numbers: ClassVar[Mapping[str, int]] = {
        # An access takes the least at least.
        limit.value: int(limit in OF_ACCESSES)
        for limit in UsageLimit
    }
    after: ClassVar[frozenset[Aspect]] = frozenset({Aspect.VALUES, Aspect.ORIGIN})

    title: str = "The kernels use the GPU as asked"
    sectors: float | None = None
    wavefronts: float | None = None
    reads: float | None = None
    writes: float | None = None
    barriers: float | None = None
    diverged: float | None = None
    shared: float | None = None
    shuffles: float | None = None
    atomics: float | None = None
    instructions: float | None = None

    @property
    def limits(self) -> dict[UsageLimit, Fraction]:
        """What is limited, and the most that there may be."""
        # As it is written: 1.1 is eleven tenths.
        values = ((limit, getattr(self, limit.value)) for limit in UsageLimit)
        return {limit: Fraction(str(most)) for limit, most in values if most is not None}

    def concerns(self, case: Case) -> bool:
        """None: one case of its own is counted."""
        return False

    def judge(self, results: PartResults) -> Judgement:
        if not results.observed:
            return Judgement(status=Status.NOT_CHECKED, reason=Reason.COUNTERS_HIDDEN)
        before = (
            each
            for each in results.checks
            if each.aspect in self.after and each.scope is Scope.ASSIGNED
        )
        if any(each.judge(results).status is not Status.PASSED for each in before):
            return Judgement(status=Status.NOT_CHECKED, reason=Reason.ASSIGNED_FIRST)
        use = results.usage
        if not isinstance(use, PartUse):
            why = use or Uncounted.NO_SIZE
            return Judgement(
                status=Status.NOT_CHECKED, reason=Reason.NOT_COUNTED, data={"why": why.value}
            )
        if not use.kernels:
            return Judgement(status=Status.NOT_CHECKED, reason=Reason.NO_KERNEL)
        found = {limit: measured(use, limit) for limit in self.limits}
        over = [limit for limit, most in self.limits.items() if found[limit].value > most]
        at = ", ".join(f"{name} {size}" for name, size in use.sizes.items())
        if over:
            data = {"at": at, **self._over(found[over[0]], over)}
            return Judgement(status=Status.FAILED, reason=Reason.OVER_LIMIT, data=data, cases=1)
        told: dict[str, int | str] = {"at": at}
        for limit, most in self.limits.items():
            told |= {limit.value: _told(found[limit].value), f"most-{limit.value}": _told(most)}
        return Judgement(status=Status.PASSED, reason=Reason.WITHIN_LIMITS, data=told, cases=1)

    def _over(self, found: Measured, over: Sequence[UsageLimit]) -> dict[str, int | str]:
        """The data of the first limit that is exceeded."""
        data: dict[str, int | str] = {
            "limit": over[0].value,
            "measured": _told(found.value),
            "most": _told(self.limits[over[0]]),
            "kernel": found.kernel,
            "others": ", ".join(each.value for each in over[1:]),
        }
        if found.line is not None:
            data["line"] = found.line
        if (access := found.of) is not None:
            data["access"] = access.access
            data["takes"] = _told(Fraction(access.transfers, access.requests))
            data["least"] = _told(Fraction(access.least, access.requests))
        return data

    def shortfall(self, tally: Tally) -> Shortfall:
        return Shortfall.COSTLY
