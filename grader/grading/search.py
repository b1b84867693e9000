"""Hypothesis chooses the cases: it draws them, and makes a failing one small.

What it draws follows from the seed alone as long as nothing fails. So the
cases are drawn while the compiler is still at work; only a failure has
Hypothesis run the cases itself, to find the simplest that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.strategies import SearchStrategy

from grader.model.cases import Case

SHRINK_CASES = 150
"""Cases spent on making a counterexample smaller. Each takes some 5 ms."""


class CaseOutcome(Enum):
    """What came of one case of a search."""

    HOLDS = "holds"
    FAILS = "fails"
    ENOUGH = "enough"
    """It fails, and there is no use in making it smaller."""


class _EnoughError(BaseException):
    """Ends a search from inside. Not an Exception, so that Hypothesis lets it through."""


class Search:
    """One search: a strategy, a seed and a number of cases."""

    def __init__(self, strategy: SearchStrategy[Case], *, seed: int, count: int) -> None:
        self._strategy = strategy
        self._seed = seed
        self._count = count
        self._drawn: list[Case] | None = None

    def draw(self) -> None:
        """Draw the cases that are run when all hold, so that `run` need not."""
        drawn: list[Case] = []
        self._property(drawn.append)()
        self._drawn = drawn

    def run(self, attempt: Callable[[Case], CaseOutcome]) -> None:
        """Run cases until one fails, then simpler ones.

        Raises:
            Whatever ``attempt`` raises: that is the grader's own fault, not a failing case.
        """
        for case in self._drawn or ():
            outcome = attempt(case)
            if outcome is CaseOutcome.ENOUGH:
                return
            if outcome is CaseOutcome.FAILS:
                break
        else:
            if self._drawn is not None:
                return
        _Live(attempt).run(self._property)

    def _property(self, test: Callable[[Case], None]) -> Callable[[], None]:
        @hypothesis.seed(self._seed)
        @hypothesis.settings(
            max_examples=self._count,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            print_blob=False,
        )
        @hypothesis.given(self._strategy)
        def property_holds(case: Case) -> None:
            test(case)

        return property_holds


class _Live:
    """Hypothesis at work: it draws, runs, and once a case has failed, looks for simpler ones."""

    def __init__(self, attempt: Callable[[Case], CaseOutcome]) -> None:
        self._attempt = attempt
        self._found = False
        self._shrunk = 0
        self._fault: BaseException | None = None

    def run(self, make: Callable[[Callable[[Case], None]], Callable[[], None]]) -> None:
        try:
            make(self._test)()
        except _EnoughError:
            pass
        except Exception:
            # An AssertionError of `_test`, or Hypothesis's word that the failure comes and
            # goes. Either way whoever attempted it has seen the failure.
            if not self._found:
                raise
        if self._fault is not None:
            raise self._fault

    def _test(self, case: Case) -> None:
        if self._found:
            self._shrunk += 1
            if self._shrunk > SHRINK_CASES:
                raise _EnoughError
        try:
            outcome = self._attempt(case)
        except BaseException as fault:
            self._fault = fault
            raise _EnoughError from fault
        if outcome is CaseOutcome.HOLDS:
            return
        self._found = True
        if outcome is CaseOutcome.ENOUGH:
            raise _EnoughError
        raise AssertionError
