"""Search a submission for failures: of each part every shape, then by Hypothesis.

Each check that runs cases gets a `Tally`: how many cases stood behind it and the simplest failure
seen. Hypothesis chooses and shrinks; what it executes goes through the same observation as
everything else, so a race or a changed input that shows up in any case counts, whichever property
ran it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from grader.grading import orders, seeds
from grader.grading.cases import drawn, example, patterned, plain, singular
from grader.grading.given_code import Code
from grader.grading.host_help import Host
from grader.grading.inputs import Pattern
from grader.grading.observe import RACES, observe, since
from grader.grading.results import Results
from grader.grading.search import CaseOutcome, Searches
from grader.lanes.lane import Lane
from grader.marks import Tried
from grader.model.cases import Case, CaseRun, Observation, PlannedShape, Problem
from grader.model.checks import Check, PartResults, Tally, Untold
from grader.model.domains import LARGE, Values
from grader.model.part import Part, Scope
from grader.model.puzzle import Puzzle
from grader.record import Aspect, Chance, Ending, NotRun, ProblemKind, Reason

SINGULAR = 40
"""About so many cases, one for each shape at least, with inputs that a program could single out."""
SINGULAR_IF_HEAVY = 4
"""As many where the task's own sizes are large and each case takes long."""
CRASHES = 2
"""Shapes without output after which no others are tried: each costs a new worker, and time."""
PLAIN = 8
"""Cases of zeros, ones and twos that are tried where a search has ended in something less plain."""
TELLING = 4
"""Cases for each check that are tried to tell apart the mistakes that explain its failures."""
_DRAWN = (Values.INTEGERS, Values.REALS)


class PartProber:
    """Runs the properties of one part; see `Prober`."""

    def __init__(
        self,
        part: Part,
        checks: tuple[Check, ...],
        shapes: Sequence[PlannedShape],
        lane: Lane,
        *,
        results: Results,
        seed: str,
        examples: int,
        code: Code,
        beyond_compiles: bool,
        progress: Callable[[int], None],
    ) -> None:
        self._part = part
        self._checks = checks
        self._shapes = shapes
        self._lane = lane
        self._seed = seed
        self._code = code
        self._progress = progress
        self._before = 0
        self._without_output: set[int] = set()
        self._left_out = False
        self._host = Host(
            lane,
            seeds.generator(seed, "unseen"),
            run=lambda case: self._observe(case, ask=False),
            observe=self._seen,
        )
        self._in_order = 0
        self._orders = seeds.generator(seed, "orders")
        self._assigned = [shape for shape in shapes if shape.scope is Scope.ASSIGNED]
        self._robust = [shape for shape in shapes if shape.scope is Scope.ROBUST]
        self._all = results
        self.results = results.parts.setdefault(
            part.name,
            PartResults(
                checks=checks,
                observed=lane.observes and part.target == "gpu",
                kernel_unchanged=code is Code.UNCHANGED,
                beyond_compiles=beyond_compiles,
            ),
        )
        # A check of values that names no kind is about any.
        asked = {
            kind
            for check in checks
            for kind in check.values or (Values if check.aspect is Aspect.VALUES else ())
        }
        self._kinds = [kind for kind in Values if kind in asked and kind is not Values.EXAMPLE]
        self._turns = [
            (pattern, kind) for pattern in Pattern for kind in _DRAWN if kind in self._kinds
        ]
        self._beyond = self._robust if code is not Code.UNCHANGED else []
        """Shapes beyond the task that are searched; of the given kernel one is only shown."""
        self._searches = Searches(
            self._assigned, self._beyond, self._kinds, seed=seed, examples=examples
        )

    def draw_ahead(self) -> None:
        """Draw the cases of the search that will be run if nothing fails."""
        self._searches.draw_ahead(self._swept)

    def run(self) -> None:
        """Everything, in order: the example, every shape, the search, the example again.

        The second time catches a program that behaves for its first few calls only.
        """
        self._before = self._lane.cases_run
        first = None
        if self._part.example is not None:
            published = example(self._assigned)
            first = self._observe(published)
        self._sweep(self._assigned)
        if self._all_end(self._assigned):
            self._sweep(self._robust)
        so_far = self._counted
        slow = self._lane.is_slow
        self._same_inputs_twice(self._assigned, self._searches.repeats(so_far, slow=slow))
        for scope, all_shapes, values, count in self._searches.planned(so_far, slow=slow):
            # The sweep has been to each.
            shapes = all_shapes if not self._is_heavy else [min(all_shapes, key=_extent)]
            if scope is Scope.ASSIGNED or self._all_end(self._assigned):
                self._search(scope, shapes, values, count)
        self._try_plain()
        self._tell_apart()
        if first is not None:
            ended = first.case.shape.number not in self._without_output
            if ended and not self._left_out:
                self._observe(first.case, first=first)
        self.results.tried = self._tried()

    def _try_plain(self) -> None:
        """Where values are wrong, see whether a plainer case shows it: at most `PLAIN`."""
        worst = (each.worst[0].case for each in self.results.of_values if each.worst is not None)
        case = next((each for each in worst if each.values in _DRAWN), None)
        if case is None or self._left_out or case.shape.number in self._without_output:
            return
        plainer = [
            each for each in plain(case.shape, case.values) if each.complexity < case.complexity
        ]
        for each in sorted(plainer, key=lambda each: each.complexity)[:PLAIN]:
            self._observe(each)

    def _tell_apart(self) -> None:
        """Where several mistakes explain what fails, run cases for which they differ."""
        failed = [each for each in self.results.of_values if each.worst is not None]
        if not failed or self._left_out:
            return
        # Imported when it is needed: most submissions of a class are right.
        from grader.grading.explain.mistakes import telling_case

        random = seeds.generator(self._seed, "telling")
        for tally in failed:
            for _ in range(TELLING):
                case = telling_case(
                    self._part, tally.all_failing, tally.all_passing, self._unusual(random)
                )
                if case is None or self._left_out:
                    break
                tally.telling.append(self._observe(case))

    def _unusual(self, random: np.random.Generator) -> Iterator[Case]:
        """Cases of every pattern at some shapes: the first, the last and two between."""
        ended = [each for each in self._assigned if each.number not in self._without_output]
        for shape in ended[:: max(len(ended) // 3, 1)]:
            for kind in self._kinds:
                yield drawn(shape, kind, random)
            for pattern, kind in self._turns:
                yield patterned(shape, pattern, kind, random)
            for kind in self._kinds:
                yield from plain(shape, kind)

    def _all_end(self, shapes: Sequence[PlannedShape]) -> bool:
        """Whether every case so far has ended with output."""
        return not any(shape.number in self._without_output for shape in shapes)

    def _tried(self) -> Tried:
        run = [shape.scope for shape in self._shapes if shape.number in self._all.by_shape]
        assigned, beyond = self._part.counts()
        return Tried(run.count(Scope.ASSIGNED), assigned, run.count(Scope.ROBUST), beyond)

    @property
    def _counted(self) -> int:
        """Cases run so far of those that were asked for; other orders are beyond them."""
        return self._lane.cases_run - self._before - self._in_order

    def _sweep(self, shapes: Iterable[PlannedShape]) -> None:
        """Each shape with every kind of values, so that none goes untested whatever comes later.

        Of the inputs that could be singled out and of the patterns, each shape has its turn.
        """
        random = seeds.generator(self._seed, "sweep")
        kinds = itertools.count(int(random.integers(1 << 16)))
        turns = itertools.cycle(random.permutation(len(self._turns)))
        for variant, shape in enumerate(shapes):
            if len(self._without_output) >= CRASHES:
                return
            if shape.number in self._without_output:
                continue
            swept = self._cases_of(shape, random, kinds=kinds, turns=turns)
            for place, case in enumerate(swept):
                observation = self._observe(case, variant=variant)
                if shape.number in self._without_output:
                    break
                if not place:
                    self._in_other_orders(observation, variant)

    def _cases_of(
        self,
        shape: PlannedShape,
        random: np.random.Generator,
        *,
        kinds: Iterator[int],
        turns: Iterator[int],
    ) -> Iterator[Case]:
        """The cases of a shape in the sweep, each drawn when those before have run."""
        yield from (drawn(shape, kind, random) for kind in _DRAWN if kind in self._kinds)
        for _ in range(self._singular(heavy=self._is_heavy)):
            yield singular(shape, next(kinds), random, self._kinds)
        if Values.REALS in self._kinds:
            yield patterned(shape, Pattern.MIXED, Values.REALS, random)
        pattern, kind = self._turns[next(turns)]
        yield patterned(shape, pattern, kind, random)

    def _claimant(self, aspect: Aspect, case: Case) -> Tally | None:
        """The tally of the check that problems of an aspect make fail in a case."""
        told = Problem(kind=ProblemKind.OWN, aspect=aspect)
        check = next((each for each in self._checks if each.claims(told, case)), None)
        return self.results.tally(check) if check is not None else None

    def _in_other_orders(self, plain: Observation, place: int) -> None:
        """Run a case with its blocks and threads in other orders.

        One difference is enough, and what is not clean anyway is not looked into.
        """
        case = plain.case
        right = bool(plain.comparisons) and not plain.problems
        given = case.shape.scope is Scope.ROBUST and not self._beyond
        tally = self._claimant(Aspect.CLEAN, case)
        hidden = plain.run.evidence is None or not self.results.observed
        # Of a race in given code that costs nothing, another order would only show the same.
        raced = any(finding.kind in RACES for finding, _ in plain.findings)
        if hidden or given or raced or not right or tally is None:
            return
        variant = self._all.log[plain.number - 1].variant
        for schedule in orders.others(place, case.shape.scope, self._orders):
            if tally.worst is not None:
                return
            run = self._lane.run(case, variant=variant, schedule=schedule)
            if run.not_run is not None:
                self._leave_out(run.not_run, [tally])
                return
            self._in_order += 1
            seen = self._seen(run)
            compared = orders.compared(plain, seen, schedule)
            if compared.problems:
                # Nothing is called an order's doing that does not come again with the order.
                run = self._lane.run(case, variant=variant, schedule=schedule)
                self._in_order += run.not_run is None
                again = orders.compared(plain, self._seen(run), schedule)
                if run.not_run is None and not again.problems:
                    compared = orders.by_itself(compared, schedule)
            observation = self._all.logged(compared, self._checks, variant, schedule)
            tally.count(observation, next(iter(observation.problems), None))
            if observation.problems:
                self._all.keep_findings(observation)

    def _same_inputs_twice(self, shapes: Sequence[PlannedShape], count: int) -> None:
        """The same inputs twice, with other bytes in unwritten memory: same bits again?"""
        random = seeds.generator(self._seed, "repeat")
        kind = self._kinds[0] if self._kinds else None
        # On a GPU, a sum of reals may be rounded otherwise each time, and rightly so.
        sure = kind is Values.INTEGERS or self.results.observed
        if kind is None or not sure or not self._all_end(shapes):
            return
        for index in range(count // 2):
            shape = shapes[index % len(shapes)]
            case = drawn(shape, kind, random)
            first = self._observe(case, variant=0)
            second = self._observe(case, variant=1)
            if first.run.bits is None or second.run.bits is None:
                continue
            tally = self._claimant(Aspect.CLEAN, case) or self._claimant(Aspect.VALUES, case)
            if first.run.bits != second.run.bits and tally is not None:
                told = Problem(
                    kind=ProblemKind.NOT_REPRODUCIBLE,
                    aspect=Aspect.CLEAN,
                    data={"on": Chance.MEMORY.value},
                )
                tally.count(second, told)

    def _values_check(self, scope: Scope, values: Values) -> Check | None:
        """The check that searches with these values are for."""
        return next(
            (
                check
                for check in self._checks
                if check.scope is scope
                and check.aspect in (Aspect.VALUES, Aspect.ALL)
                and (not check.values or values in check.values)
            ),
            None,
        )

    def _search(
        self, scope: Scope, shapes: Sequence[PlannedShape], values: Values, count: int
    ) -> None:
        """Look for a failing case, and make it small."""
        check = self._values_check(scope, values)
        if check is None or not shapes:
            return
        if not self._ends_where_others_did_not(check, shapes, values):
            return
        failing = self._failing_shapes(shapes) if values is Values.INTEGERS else []
        # One small counterexample is worth the time that it takes, a second is not.
        before = itertools.takewhile(lambda each: each is not check, self._checks)
        shrink = not self._is_heavy and all(
            self.results.tally(each).worst is None
            for each in before
            if each.aspect is Aspect.VALUES and not each.needs_example
        )

        def attempt(case: Case) -> CaseOutcome:
            observation = self._observe(case)
            if observation.run.outputs is None:
                return CaseOutcome.ENOUGH  # each costs a new worker
            if check.problem_of(observation) is None:
                return CaseOutcome.HOLDS
            return CaseOutcome.FAILS if shrink else CaseOutcome.ENOUGH

        self._searches.search(scope, failing or shapes, values, count).run(attempt)

    def _failing_shapes(self, shapes: Sequence[PlannedShape]) -> list[PlannedShape]:
        return [shape for shape in shapes if self._all.by_shape.get(shape.number, [0, 0])[1]]

    def _ends_where_others_did_not(
        self, check: Check, shapes: Sequence[PlannedShape], values: Values
    ) -> bool:
        """Whether a case of a check has an output at the shape where another case has none.

        One try, since each further case without output costs a new worker.
        """
        tally = self.results.tally(check)
        shape = next((each for each in shapes if each.number in self._without_output), None)
        if shape is None:
            return True
        if tally.crashed or tally.not_run is not None:
            return False
        random = seeds.generator(self._seed, f"again {check.id} {values}")
        return self._observe(drawn(shape, values, random)).run.outputs is not None

    def _observe(
        self,
        case: Case,
        *,
        variant: int | None = None,
        ask: bool = True,
        first: Observation | None = None,
    ) -> Observation:
        """Run a case and count what it shows towards every check it concerns.

        Args:
            case: What to run.
            variant: Which bytes unwritten memory holds.
            ask: Whether to ask whether the host helped.
            first: The same case, run before.
        """
        number = self._lane.cases_run
        variant = number if variant is None else variant
        run = self._lane.run(case, variant=variant, repeatable=True)
        concerned = [check for check in self._checks if check.concerns(case)]
        if run.ending is not Ending.OUTPUT:
            self._without_output.add(case.shape.number)
        if run.not_run is not None:
            self._leave_out(run.not_run, [self.results.tally(check) for check in concerned])
            return self._seen(run)
        self._progress(self._counted)
        seen = self._seen(run) if first is None else since(first, self._seen(run))
        observation = self._all.logged(seen, self._checks, variant)
        for check in concerned:
            self.results.tally(check).count(observation, check.problem_of(observation))
        if run.evidence is not None and run.evidence.unchecked:
            tally = self._claimant(Aspect.CLEAN, case)
            if tally is not None:
                said = {"said": run.evidence.unchecked[0]}
                tally.unknown = tally.unknown or Untold(reason=Reason.UNKNOWN, data=dict(said))
        self._all.count(observation)
        self._all.keep_findings(observation)
        # To ask takes more cases at this shape.
        if ask and case.shape.number not in self._without_output:
            self._ask(observation)
        return observation

    def _leave_out(self, why: NotRun, tallies: Iterable[Tally]) -> None:
        """A case that these checks rest on was not run."""
        self._left_out = True
        for tally in tallies:
            tally.not_run = tally.not_run or why

    def _seen(self, run: CaseRun) -> Observation:
        return observe(run, code=self._code, checks=self._checks)

    def _ask(self, observation: Observation) -> None:
        """Whether the host helped: `grader.grading.host_help`."""
        case = observation.case
        tally = self._claimant(Aspect.ORIGIN, case)
        if tally is None or tally.helped:
            return
        asked = self._host.ask(observation)
        if asked.unknown is not None:
            data = {"why": asked.unknown.value, "said": asked.said}
            tally.unknown = tally.unknown or Untold(reason=Reason.HOST_UNTOLD, data=dict(data))
        if asked.problem is None:
            return
        tally.helped = True
        fails = self._claimant(asked.problem.aspect, case)
        if fails is not None:
            fails.count(observation, asked.problem)
        if asked.alone is not None:
            # What the kernels do wrong without the host is wrong.
            self._all.keep_findings(asked.alone)
            unclean = asked.alone.about(Aspect.CLEAN)
            clean = self._claimant(Aspect.CLEAN, case)
            if unclean is not None and clean is not None:
                clean.count(asked.alone, unclean)

    @property
    def _swept(self) -> int:
        """Cases before the search, where none crashes: the example, and those of each shape."""
        kinds = sum(kind in self._kinds for kind in _DRAWN)
        # Those kinds, mixed magnitudes, a pattern, and a reference for what the host does.
        return 1 + (kinds + 3 + self._singular(heavy=False)) * len(self._shapes)

    @property
    def _is_heavy(self) -> bool:
        """Whether each case takes long, and the sizes of the task are why.

        A submission that is slow by itself is spared nothing.
        """
        return self._lane.is_slow and all(
            any(spec.count(shape.sizes) >= LARGE for spec in self._part.tensors)
            for shape in self._assigned
        )

    def _singular(self, *, heavy: bool) -> int:
        """Cases of each shape with inputs that a program could single out."""
        return max((SINGULAR_IF_HEAVY if heavy else SINGULAR) // len(self._shapes), 1)


def _extent(shape: PlannedShape) -> int:
    return shape.extent


class Prober:
    """Runs the properties of one submission, part by part.

    Args:
        puzzle: What is graded.
        shapes: The compiled plan.
        lane: Runs cases.
        seed: The run's seed.
        examples: How many cases to run, all properties of all parts together.
        codes: What of the submission is the given code, by the name of the part. Where that is
            the whole kernel, sizes beyond the task are only shown, not searched.
        beyond_compiles: False where there are none beyond the task, since they do not compile.
        progress: Called with the number of cases run so far.
    """

    def __init__(
        self,
        puzzle: Puzzle,
        shapes: Sequence[PlannedShape],
        lane: Lane,
        *,
        seed: str,
        examples: int,
        codes: Mapping[str, Code],
        beyond_compiles: bool = True,
        progress: Callable[[int, int], None],
    ) -> None:
        self.results = Results()
        run = {shape.part.name for shape in shapes}
        parts = [part for part in puzzle.parts if part.name in run]
        share = -(-examples // len(parts))
        self._parts = [
            PartProber(
                part,
                puzzle.checks_of(part),
                [shape for shape in shapes if shape.part.name == part.name],
                lane,
                results=self.results,
                seed=seed if len(puzzle.parts) == 1 else f"{seed} {part.name}",
                examples=share,
                code=codes.get(part.name, Code.NOTHING),
                beyond_compiles=beyond_compiles,
                progress=_onward(progress, number * share, examples),
            )
            for number, part in enumerate(parts)
        ]

    def draw_ahead(self) -> None:
        """Draw the cases that will be run if nothing fails; not needed before `run`, but useful.

        It takes some 0.5 s of a processor, and one is idle while the graphs compile.
        """
        for part in self._parts:
            part.draw_ahead()

    def run(self) -> Results:
        """Everything, part by part."""
        for part in self._parts:
            part.run()
        return self.results


def _onward(progress: Callable[[int, int], None], before: int, of: int) -> Callable[[int], None]:
    """Tells the cases of a part as those of the run."""
    return lambda done: progress(before + done, of)
