"""The searches for failing cases: Hypothesis draws cases, and makes a failing one small.

What it draws follows from the seed alone as long as nothing fails. So the
cases are drawn while the compiler is still at work; only a failure has
Hypothesis run the cases itself, to find the simplest that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.strategies import SearchStrategy

from grader.grading import seeds
from grader.grading.cases import cases
from grader.model.cases import Case, PlannedShape
from grader.model.domains import Values
from grader.model.part import Scope

_WEIGHTS = {Values.INTEGERS: 45, Values.REALS: 33, Values.SPECIAL: 12}
"""How the cases of the search are divided among the kinds of values, at the assigned sizes."""
_REPEATS = 10
_WEIGHTS_BEYOND = {Values.INTEGERS: 35, Values.REALS: 25, Values.SPECIAL: 8}
"""The same where sizes beyond the task are searched as well, and of those."""
_REPEATS_BEYOND = 7
_BEYOND = {Values.INTEGERS: 13, Values.REALS: 12}
LEAST = 20
"""Cases for the search, however few are asked for: a check that was not made costs its points."""
MOST_AHEAD = 2000
"""Cases that are drawn before the first is run; more would cost memory and a wait."""
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


class Searches:
    """The searches of one part: which there are, and how many cases each has.

    Args:
        assigned: Shapes at sizes that the task assigns.
        beyond: Shapes of other sizes, where they are searched as well.
        kinds: Kinds of values that a check asks for.
        seed: The seed of the part.
        examples: How many cases are asked for, the others of the part among them.
    """

    def __init__(
        self,
        assigned: Sequence[PlannedShape],
        beyond: Sequence[PlannedShape],
        kinds: Sequence[Values],
        *,
        seed: str,
        examples: int,
    ) -> None:
        self._shapes = {Scope.ASSIGNED: assigned, Scope.ROBUST: beyond}
        self._kinds = kinds
        self._seed = seed
        self._examples = examples
        self._made: dict[tuple[Scope, Values, tuple[int, ...], int], Search] = {}

    def draw_ahead(self, so_far: int) -> None:
        """Draw the cases that will be run if nothing fails.

        Args:
            so_far: Cases that will have been run before.
        """
        if self._examples > MOST_AHEAD:
            return
        for scope, shapes, values, count in self.planned(so_far, slow=False):
            self.search(scope, shapes, values, count).draw()

    def planned(
        self, so_far: int, *, slow: bool
    ) -> Iterator[tuple[Scope, Sequence[PlannedShape], Values, int]]:
        """Scope, shapes, kind of values and number of cases of each search, in order.

        Args:
            so_far: Cases that were run before.
            slow: Whether each takes long.
        """
        for (scope, values), count in self._shares(so_far, slow)[0].items():
            yield scope, self._shapes[scope], values, count

    def repeats(self, so_far: int, *, slow: bool) -> int:
        """How many cases there are for pairs of equal inputs; the arguments are those above."""
        return self._shares(so_far, slow)[1]

    def search(
        self, scope: Scope, shapes: Sequence[PlannedShape], values: Values, count: int
    ) -> Search:
        """The search, made once."""
        key = (scope, values, tuple(shape.number for shape in shapes), count)
        if key not in self._made:
            self._made[key] = Search(
                cases(shapes, values),
                seed=seeds.number(self._seed, f"search {scope} {values}"),
                count=count,
            )
        return self._made[key]

    def _left(self, so_far: int, slow: bool) -> int:
        """Cases left after the sweep.

        At least half of those asked for, however many sizes the sweep goes through; but few where
        each takes long.
        """
        return LEAST if slow else max(LEAST, self._examples // 2, self._examples - so_far)

    def _shares(self, so_far: int, slow: bool) -> tuple[dict[tuple[Scope, Values], int], int]:
        """How many cases each search has, and how many are pairs of equal inputs."""
        beyond = bool(self._shapes[Scope.ROBUST])
        weights = _WEIGHTS_BEYOND if beyond else _WEIGHTS
        parts: dict[tuple[Scope, Values], int] = {
            (Scope.ASSIGNED, kind): weights[kind] for kind in self._kinds
        }
        if beyond:
            parts |= {(Scope.ROBUST, k): w for k, w in _BEYOND.items() if k in self._kinds}
        repeats = _REPEATS_BEYOND if beyond else _REPEATS
        left, whole = self._left(so_far, slow), sum(parts.values()) + repeats
        shares = {key: int(np.ceil(left * weight / whole)) for key, weight in parts.items()}
        return shares, int(np.ceil(left * repeats / whole))
