"""Checks of how a submission gets to its outputs, and of sizes beyond the task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from grader.checks.values import failed, judge_values, left_open
from grader.device import FindingKind
from grader.model.cases import Case, Observation, Problem
from grader.model.checks import Check, Judgement, PartResults, Tally
from grader.model.part import Scope
from grader.record import Aspect, Attribution, ProblemKind, Reason, Status
from grader.wording import ALLOWED, FINDING_PHRASES


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
                yield Problem(
                    kind=ProblemKind.FINDING,
                    aspect=Aspect.CLEAN,
                    title=FINDING_PHRASES[finding.kind],
                    detail=finding.message,
                    finding=finding,
                )

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

    def headline(self, tally: Tally) -> str:
        return "The values are right, but the code is not clean."


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

    def headline(self, tally: Tally) -> str:
        return "The values are right, but they were not computed on the device."


@dataclass(frozen=True, kw_only=True)
class Robust(Check):
    """Right in everything at sizes beyond the task, where the assigned ones are right."""

    kind: ClassVar[str] = "robust"
    aspect: ClassVar[Aspect] = Aspect.ALL
    scope: ClassVar[Scope] = Scope.ROBUST

    title: str = "Robust: right for every size"

    def claims(self, problem: Problem, case: Case) -> bool:
        return self.concerns(case)

    def judge(self, results: PartResults) -> Judgement:
        tally = results.tally(self)
        if results.kernel_unchanged:
            return Judgement(status=Status.NOT_CHECKED, reason=Reason.GIVEN_KERNEL)
        if any(each.worst is not None or not each.cases for each in results.of_values):
            return _not_checked(Reason.ASSIGNED_FIRST, tally)
        if tally.worst is None and (tally.not_run is not None or tally.unknown):
            return left_open(tally)
        tried = results.tried
        return judge_values(tally, tried=tried.beyond, of=tried.of_beyond)
