"""Checks of the outputs at the assigned sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from grader.model.checks import Check, Judgement, PartResults, Tally
from grader.model.domains import Values
from grader.record import Aspect, Reason, Status


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
        data={"kind": problem.kind.value, "title": problem.title, "detail": problem.detail},
        cases=tally.cases,
    )


def left_open(tally: Tally) -> Judgement:
    """A check of which not every case was run, or can be told."""
    if tally.not_run is not None:
        reason, data = Reason.NOT_RUN, {"why": tally.not_run.value}
    else:
        reason, data = Reason.UNKNOWN, {"said": tally.unknown}
    return Judgement(status=Status.NOT_CHECKED, reason=reason, data=dict(data), cases=tally.cases)


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

    def headline(self, tally: Tally) -> str:
        if not _ends(tally):
            return "It runs, but the published example has no output."
        if tally.failures < tally.cases:
            return "It runs, but the published example is not right each time."
        return "It runs, but the published example is wrong."


@dataclass(frozen=True, kw_only=True)
class Integers(_ValuesCheck):
    """Whole numbers, which must come out equal: no order of summation rounds them."""

    kind: ClassVar[str] = "integers"
    values: ClassVar[frozenset[Values]] = frozenset({Values.INTEGERS})

    title: str = "Exact on integers over the assigned sizes"

    def headline(self, tally: Tally) -> str:
        wrong = "are wrong" if _ends(tally) else "have no output"
        if tally.worst is not None and tally.worst[0].case.part.example is None:
            return f"It runs, but some cases {wrong}."
        return f"The published example is right, but other cases {wrong}."


@dataclass(frozen=True, kw_only=True)
class Reals(_ValuesCheck):
    """Real numbers, also NaN, infinities and very small ones, within the part's bound."""

    kind: ClassVar[str] = "reals"
    values: ClassVar[frozenset[Values]] = frozenset({Values.REALS, Values.SPECIAL})

    title: str = "Real numbers within the rounding bound"

    def headline(self, tally: Tally) -> str:
        return "Integers are right, but real numbers are not."


@dataclass(frozen=True, kw_only=True)
class AllValues(Reals):
    """All values, of whatever kind: for a puzzle whose op treats whole numbers like others."""

    values: ClassVar[frozenset[Values]] = frozenset({Values.INTEGERS, Values.REALS, Values.SPECIAL})
    wrong: ClassVar[str]
    """What is said of outputs that are there and wrong."""

    def headline(self, tally: Tally) -> str:
        if tally.crashed:
            return "It compiles, but some case has no output."
        return self.wrong


def _ends(tally: Tally) -> bool:
    """Whether the simplest failing case had an output."""
    return tally.worst is None or tally.worst[0].run.outputs is not None
