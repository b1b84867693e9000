"""Search for failures: a sweep over every shape, then Hypothesis over shapes and values.

Each check of the rubric that runs cases gets an `Tally`: how many cases stood
behind it and the simplest failure seen. Hypothesis chooses and shrinks; what
it executes goes through the same observation as everything else, so a race or
a changed input that shows up in any case counts, whichever property ran it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity

from grader.caselog import LoggedCase
from grader.device.evidence import Launch
from grader.grading import seeds
from grader.grading.cases import Case, Values, cases, example, sweep
from grader.grading.executor import CaseRun, Ending, Executor
from grader.grading.observe import Observation, Problem, finding_key, observe, value_check
from grader.grading.plan import PlannedShape
from grader.grading.repeat import by_the_host
from grader.puzzles.definition import Part, Puzzle
from grader.record import LaunchKind

SHRINK_CASES = 150
"""Cases spent on making a counterexample smaller. Each takes some 5 ms."""
_SEARCHED = ("integers", "reals", "robust")
"""The checks that are searched, in order."""
LEAST = 20
"""Cases for the search, however few are asked for: a check that was not made costs its points."""
FIRST = 6
"""How many failing cases are kept to recognise the mistake by."""
CRASHES = 3
"""Shapes that may crash in one property before the rest of it is left out."""


class _EnoughError(BaseException):
    """Ends a search from inside. Not an Exception, so that Hypothesis lets it through."""


@dataclass
class Tally:
    """What is known about one check."""

    cases: int = 0
    failures: int = 0
    worst: tuple[Observation, Problem] | None = None
    """The simplest failing case."""
    first: list[Observation] = field(default_factory=list)
    """The first failing cases, before any was made simple: they tell more about the mistake."""

    def count(self, observation: Observation, problem: Problem | None) -> None:
        """Take one more case into account."""
        self.cases += 1
        if problem is None:
            return
        self.failures += 1
        if len(self.first) < FIRST:
            self.first.append(observation)
        if self.worst is None or observation.case.complexity < self.worst[0].case.complexity:
            self.worst = (observation, problem)


@dataclass
class Results:
    """All that the search found out."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    observations_with_findings: list[Observation] = field(default_factory=list)
    """One for each distinct finding, the simplest case of it."""
    by_shape: dict[int, list[int]] = field(default_factory=dict)
    """Cases and failures for each shape of the plan."""
    launches: dict[tuple[object, ...], LaunchKind] = field(default_factory=dict)
    """Launches that are alike, counted."""
    log: list[LoggedCase] = field(default_factory=list)
    """Every case, in the order in which they ran."""
    assigned: int = 0
    """Cases of the assigned part that were run."""
    completed: int = 0
    """Those of them that ended with output."""
    launched: int = 0
    """Cases of the assigned part in which a kernel was launched and ran."""

    @property
    def kernels(self) -> tuple[str, ...]:
        """Names of the kernels that were launched."""
        return tuple(sorted({kind.kernel for kind in self.launches.values()}))

    def tally(self, check: str) -> Tally:
        """The tally of a check, made on first use."""
        return self.tallies.setdefault(check, Tally())


class Prober:
    """Runs the properties of one submission.

    Args:
        puzzle: What is graded.
        shapes: The compiled plan.
        executor: Runs cases.
        seed: The run's seed.
        examples: How many cases to run, all properties together.
        kernel_unchanged: Whether the given kernel stands as given; then the
            robust part is only shown, not searched.
        progress: Called with the number of cases run so far.
    """

    def __init__(
        self,
        puzzle: Puzzle,
        shapes: Sequence[PlannedShape],
        executor: Executor,
        *,
        seed: str,
        examples: int,
        kernel_unchanged: bool,
        progress: Callable[[int, int], None],
    ) -> None:
        self._puzzle = puzzle
        self._shapes = shapes
        self._executor = executor
        self._seed = seed
        self._examples = examples
        self._kernel_unchanged = kernel_unchanged
        self._progress = progress
        self._crashed: dict[int, Observation] = {}
        self._findings: dict[tuple[object, ...], Observation] = {}
        self.results = Results()

    def run(self) -> Results:
        """Everything, in order: the example, every shape, the search, the example again.

        The second time catches a program that behaves for its first few calls only.
        """
        assigned = [shape for shape in self._shapes if shape.part is Part.ASSIGNED]
        robust = [shape for shape in self._shapes if shape.part is Part.ROBUST]
        published = example(self._puzzle, self._shapes)
        self._observe(published)
        self._sweep(assigned)
        self._sweep(robust)
        left = max(LEAST, self._examples - self._executor.cases_run)
        search_robust = bool(robust) and not self._kernel_unchanged
        share = _shares(left, robust=search_robust)
        self._repeat(assigned, share["repeat"])
        self._search("integers", assigned, Values.INTEGERS, share["integers"])
        self._search("reals", assigned, Values.REALS, share["reals"])
        self._search("reals", assigned, Values.SPECIAL, share["special"])
        if search_robust:
            self._search("robust", robust, Values.INTEGERS, share["robust integers"])
            self._search("robust", robust, Values.REALS, share["robust reals"])
        if published.shape.number not in self._crashed:
            self._observe(published)
        self.results.observations_with_findings = list(self._findings.values())
        return self.results

    def _sweep(self, shapes: Iterable[PlannedShape]) -> None:
        """Each shape twice, so that none goes untested whatever is drawn later.

        The second time also shows whether the device computed it, see
        `grader.grading.repeat`.
        """
        random = seeds.generator(self._seed, "sweep")
        crashes = 0
        for variant, shape in enumerate(shapes):
            if crashes >= CRASHES:
                return
            first = self._observe(sweep(self._puzzle, shape, random), variant=variant)
            if first.run.output is None:
                crashes += 1
                continue
            case = sweep(self._puzzle, shape, random)
            second = self._observe(case, variant=variant, repeatable=True)
            crashes += second.run.output is None
            problem = by_the_host(self._puzzle, self._executor, first, second)
            if problem is not None:
                self.results.tally(problem.check).count(second, problem)

    def _repeat(self, shapes: Sequence[PlannedShape], count: int) -> None:
        """The same inputs twice, with other bytes in unwritten memory: same bits again?"""
        random = seeds.generator(self._seed, "repeat")
        if any(shape.number in self._crashed for shape in shapes):
            return
        for index in range(count // 2):
            case = sweep(self._puzzle, shapes[index % len(shapes)], random)
            first = self._observe(case, variant=0)
            second = self._observe(case, variant=1)
            if first.run.output is None or second.run.output is None:
                continue
            if first.run.output.tobytes() != second.run.output.tobytes():
                problem = Problem(
                    check="clean",
                    title="not reproducible",
                    detail="the same inputs gave other bits the second time: the result depends "
                    "on memory that nothing wrote, or on the order of threads",
                )
                self.results.tally("clean").count(second, problem)

    def _search(
        self, check: str, shapes: Sequence[PlannedShape], values: Values, count: int
    ) -> None:
        """Let Hypothesis look for a failing case, and make it small."""
        crashed = [shape for shape in shapes if shape.number in self._crashed]
        if crashed:
            # The check fails by this shape already, whatever the values are; and each
            # further crash would cost a new worker.
            self._inherit(check, crashed[0], values)
            return
        failing = self._failing_shapes(shapes) if values is Values.INTEGERS else []
        if shapes and count > 0:
            # One small counterexample is worth the time that it takes, a second is not.
            before = _SEARCHED[: _SEARCHED.index(check)]
            shrink = all(self.results.tally(name).worst is None for name in before)
            strategy = cases(self._puzzle, failing or shapes, values)
            _Search(self, check, count, values, shrink=shrink).run(strategy, self._seed)

    def _failing_shapes(self, shapes: Sequence[PlannedShape]) -> list[PlannedShape]:
        return [shape for shape in shapes if self.results.by_shape.get(shape.number, [0, 0])[1]]

    def _inherit(self, check: str, shape: PlannedShape, values: Values) -> None:
        """Count a shape that crashes with any values as a failure of another check too."""
        known = self._crashed[shape.number]
        crash = known.run
        run = CaseRun(
            case=Case(shape=shape, values=values, inputs=crash.case.inputs),
            ending=crash.ending,
            message=crash.message,
            evidence=crash.evidence,
        )
        observation = observe(self._puzzle, run, kernel_unchanged=self._kernel_unchanged)
        observation = replace(observation, number=known.number)
        self.results.tally(check).count(observation, observation.problem(check))

    def _observe(
        self, case: Case, *, variant: int | None = None, repeatable: bool = False
    ) -> Observation:
        """Run a case and count what it shows towards every check it concerns."""
        number = self._executor.cases_run
        variant = number if variant is None else variant
        run = self._executor.run(case, variant=variant, repeatable=repeatable)
        self._progress(self._executor.cases_run, self._examples)
        observation = observe(self._puzzle, run, kernel_unchanged=self._kernel_unchanged)
        observation = self._log(observation, variant)
        own = value_check(self._puzzle, case)
        concerned = {own} if case.shape.part is Part.ROBUST else {own, "clean", "device"}
        for check in sorted(concerned):
            self.results.tally(check).count(observation, observation.problem(check))
        self._count_shape(observation)
        self._keep_findings(observation)
        if run.ending is not Ending.OUTPUT:
            self._crashed.setdefault(case.shape.number, observation)
        return observation

    def _log(self, observation: Observation, variant: int) -> Observation:
        """Keep the case; the observation with its number."""
        case = observation.case
        logged = LoggedCase(
            sizes=dict(case.shape.sizes),
            values=case.values.value,
            variant=variant,
            failed=tuple(sorted({problem.check for problem in observation.problems})),
            output=observation.run.ending is Ending.OUTPUT,
            inputs=case.payload,
        )
        self.results.log.append(logged)
        return replace(observation, number=len(self.results.log))

    def _count_shape(self, observation: Observation) -> None:
        run = observation.run
        counts = self.results.by_shape.setdefault(run.case.shape.number, [0, 0])
        counts[0] += 1
        counts[1] += bool(observation.problems)
        launches = run.evidence.launches if run.evidence is not None else ()
        for launch in launches:
            self._count_launch(launch)
        if run.case.shape.part is Part.ASSIGNED:
            self.results.assigned += 1
            self.results.completed += run.ending is Ending.OUTPUT
            ran = run.evidence is None or any(launch.instructions for launch in launches)
            self.results.launched += run.ending is Ending.OUTPUT and ran

    def _count_launch(self, launch: Launch) -> None:
        key = (launch.kernel, launch.grid, launch.block, launch.shared_bytes)
        known = self.results.launches.get(key)
        self.results.launches[key] = LaunchKind(
            kernel=launch.kernel,
            grid=launch.grid,
            block=launch.block,
            shared_bytes=launch.shared_bytes,
            count=(known.count if known else 0) + 1,
            failed=(known.failed if known else 0) + bool(launch.result),
            most_instructions=max(known.most_instructions if known else 0, launch.instructions),
        )

    def _keep_findings(self, observation: Observation) -> None:
        """Keep one observation for each distinct finding, the simplest."""
        for finding, whose in observation.findings:
            key = finding_key(finding, whose)
            kept = self._findings.get(key)
            if kept is None or _rank(observation) < _rank(kept):
                self._findings[key] = observation


def _rank(observation: Observation) -> tuple[object, ...]:
    """What to show a finding by: first the assigned sizes, then the simplest case."""
    case = observation.case
    return (case.shape.part is Part.ROBUST, *case.complexity)


class _Search:
    """One run of Hypothesis for one check."""

    def __init__(
        self, prober: Prober, check: str, count: int, values: Values, *, shrink: bool
    ) -> None:
        self._prober = prober
        self._check = check
        self._count = count
        self._values = values
        self._shrink = shrink
        self._found = False
        self._shrunk = 0
        self._fault: BaseException | None = None

    def run(self, strategy: hypothesis.strategies.SearchStrategy[Case], seed: str) -> None:
        """Search; the tallies of the prober take what is found. Raises the grader's own faults."""

        @hypothesis.seed(seeds.number(seed, f"search {self._check} {self._values}"))
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
        @hypothesis.given(strategy)
        def property_holds(case: Case) -> None:
            self._try(case)

        try:
            property_holds()
        except _EnoughError:
            pass
        except Exception:
            # An AssertionError of `_try`, or Hypothesis's word that the failure comes and
            # goes. Either way the tally holds the failure.
            if not self._found:
                raise
        if self._fault is not None:
            raise self._fault

    def _try(self, case: Case) -> None:
        if self._found:
            self._shrunk += 1
            if self._shrunk > SHRINK_CASES:
                raise _EnoughError
        try:
            observation = self._prober._observe(case)
        except BaseException as fault:
            self._fault = fault
            raise _EnoughError from fault
        if observation.problem(self._check) is not None:
            self._found = True
            if observation.run.output is None or not self._shrink:
                raise _EnoughError  # each crash costs a new worker: do not shrink it
            raise AssertionError


def _shares(count: int, *, robust: bool) -> dict[str, int]:
    """How the cases left after the sweep are divided among the properties."""
    parts = (
        {"repeat": 7, "integers": 35, "reals": 25, "special": 8}
        | {"robust integers": 13, "robust reals": 12}
        if robust
        else {"repeat": 10, "integers": 45, "reals": 33, "special": 12}
    )
    whole = sum(parts.values())
    return {name: int(np.ceil(count * part / whole)) for name, part in parts.items()}
