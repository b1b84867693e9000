"""Search for failures: a sweep over every shape, then Hypothesis over shapes and values.

Each check of the rubric that runs cases gets an `Tally`: how many cases stood
behind it and the simplest failure seen. Hypothesis chooses and shrinks; what
it executes goes through the same observation as everything else, so a race or
a changed input that shows up in any case counts, whichever property ran it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from grader.caselog import LoggedCase
from grader.device import Launch, schedules
from grader.grading import orders, seeds
from grader.grading.attribution import Code
from grader.grading.cases import Case, Values, cases, drawn, example, patterned
from grader.grading.executor import CaseRun, Ending, Executor
from grader.grading.inputs import Pattern
from grader.grading.observe import Observation, Problem, finding_key, observe, since, value_check
from grader.grading.plan import PlannedShape
from grader.grading.repeat import Host
from grader.grading.search import Outcome, Search
from grader.grading.singular import singular
from grader.grading.timing import NotRun
from grader.marks import Tried
from grader.puzzles.definition import Part, Puzzle
from grader.record import LaunchKind

_SEARCHED = ("integers", "reals", "robust")
"""The checks that are searched, in order."""
_PARTS = {"repeat": 10, "integers": 45, "reals": 33, "special": 12}
_ROBUST_PARTS = {"repeat": 7, "integers": 35, "reals": 25, "special": 8} | {
    "robust integers": 13,
    "robust reals": 12,
}
LEAST = 20
"""Cases for the search, however few are asked for: a check that was not made costs its points."""
MOST_AHEAD = 2000
"""Cases that are drawn before the first is run; more would cost memory and a wait."""
FIRST = 6
"""How many failing cases are kept to recognise the mistake by."""
SINGULAR = 40
"""About so many cases, one for each shape at least, with inputs that a program could single out."""
CRASHES = 2
"""Shapes without output after which no others are tried: each costs a new worker, and time."""
_TURNS = tuple(
    (pattern, values) for pattern in Pattern for values in (Values.INTEGERS, Values.REALS)
)
"""Patterns of values; each shape of a plan has one."""


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
    first: list[Observation] = field(default_factory=list)
    """The first failing cases, before any was made simple: they tell more about the mistake."""
    helped: bool = False
    """Whether more need not be asked about the host."""
    unknown: str = ""
    """What can't be told of some case, and why; empty where all can be."""
    not_run: NotRun | None = None
    """Why some case of it was not run, where one was not."""
    crashed: bool = False
    """Whether a case of it ended without output."""
    certain: bool = False
    """Whether a case failed in a way that the rounding of no right algorithm explains."""

    def count(self, observation: Observation, problem: Problem | None) -> None:
        """Take one more case into account."""
        self.cases += 1
        if observation.comparison is not None:
            self.elements += observation.comparison.got.size
            self.not_compared += observation.comparison.not_compared
        if problem is None:
            return
        self.failures += 1
        self.crashed = self.crashed or observation.run.output is None
        compared = observation.comparison
        self.certain = self.certain or compared is None or not compared.rearranged
        if len(self.first) < FIRST:
            self.first.append(observation)
        if self.worst is None or _simplicity(observation) < _simplicity(self.worst[0]):
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
    tried: Tried = field(default_factory=Tried)
    """At how many sizes there was a case."""

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
        code: What of the submission is the given code. Where that is the whole kernel, the
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
        code: Code,
        progress: Callable[[int, int], None],
    ) -> None:
        self._puzzle = puzzle
        self._shapes = shapes
        self._executor = executor
        self._seed = seed
        self._examples = examples
        self._code = code
        self._progress = progress
        self._without_output: set[int] = set()
        self._left_out = False
        self._findings: dict[tuple[object, ...], Observation] = {}
        self._searches: dict[tuple[str, Values, tuple[int, ...], int], Search] = {}
        self._host = Host(
            puzzle,
            executor,
            seeds.generator(seed, "unseen"),
            run=lambda case: self._observe(case, ask=False),
            observe=self._seen,
        )
        self._in_order = 0
        self._orders = seeds.generator(seed, "orders")
        self._assigned = [shape for shape in shapes if shape.part is Part.ASSIGNED]
        self._robust = [shape for shape in shapes if shape.part is Part.ROBUST]
        self.results = Results()

    def draw_ahead(self) -> None:
        """Draw the cases that will be run if nothing fails; not needed before `run`, but useful.

        It takes some 0.5 s of a processor, and one is idle while the graphs compile.
        """
        if self._examples > MOST_AHEAD:
            return
        for check, shapes, values, count in self._plan_of_search(_swept(self._shapes)):
            self._search_for(check, shapes, values, count).draw()

    def run(self) -> Results:
        """Everything, in order: the example, every shape, the search, the example again.

        The second time catches a program that behaves for its first few calls only.
        """
        published = example(self._puzzle, self._shapes)
        first = self._observe(published)
        self._sweep(self._assigned)
        if self._all_end(self._assigned):
            self._sweep(self._robust)
        so_far = self._counted
        self._repeat(self._assigned, self._shares(so_far)["repeat"])
        for check, shapes, values, count in self._plan_of_search(so_far):
            if check != "robust" or self._all_end(self._assigned):
                self._search(check, shapes, values, count)
        if published.shape.number not in self._without_output and not self._left_out:
            self._observe(published, first=first)
        self.results.observations_with_findings = list(self._findings.values())
        self.results.tried = self._tried()
        return self.results

    def _all_end(self, shapes: Sequence[PlannedShape]) -> bool:
        """Whether every case so far has ended with output."""
        return not any(shape.number in self._without_output for shape in shapes)

    def _tried(self) -> Tried:
        run = [shape.part for shape in self._shapes if shape.number in self.results.by_shape]
        assigned, beyond = self._puzzle.counts()
        return Tried(run.count(Part.ASSIGNED), assigned, run.count(Part.ROBUST), beyond)

    @property
    def _counted(self) -> int:
        """Cases run so far of those that were asked for; other orders are beyond them."""
        return self._executor.cases_run - self._in_order

    def _sweep(self, shapes: Iterable[PlannedShape]) -> None:
        """Each shape with every kind of values, so that none goes untested whatever comes later.

        Of the inputs that could be singled out and of the patterns, each shape has its turn.
        """
        random = seeds.generator(self._seed, "sweep")
        kinds = itertools.count(int(random.integers(1 << 16)))
        turns = itertools.cycle(random.permutation(len(_TURNS)))
        for variant, shape in enumerate(shapes):
            if len(self._without_output) >= CRASHES:
                return
            if shape.number in self._without_output:
                continue
            swept = [
                *(
                    drawn(self._puzzle, shape, values, random)
                    for values in (Values.INTEGERS, Values.REALS)
                ),
                *(
                    singular(self._puzzle, shape, next(kinds), random)
                    for _ in range(_singular(self._shapes))
                ),
                *(
                    patterned(self._puzzle, shape, pattern, values, random)
                    for pattern, values in ((Pattern.MIXED, Values.REALS), _TURNS[next(turns)])
                ),
            ]
            for place, case in enumerate(swept):
                observation = self._observe(case, variant=variant)
                if shape.number in self._without_output:
                    break
                if not place:
                    self._in_other_orders(observation, variant)

    def _in_other_orders(self, plain: Observation, place: int) -> None:
        """Run a case of whole numbers with its blocks and threads in other orders.

        One difference is enough, and what is not clean anyway is not looked into.
        """
        right = plain.comparison is not None and not plain.problems
        given = plain.case.shape.part is Part.ROBUST and not self._searches_robust
        check = "robust" if plain.case.shape.part is Part.ROBUST else "clean"
        if plain.run.evidence is None or given or not right:
            return
        variant = self.results.log[plain.number - 1].variant
        for schedule in orders.others(place, plain.case.shape.part, self._orders):
            if self.results.tally(check).worst is not None:
                return
            run = self._executor.run(plain.case, variant=variant, schedule=schedule)
            if run.not_run is not None:
                self._leave_out(run.not_run, (check,))
                return
            self._in_order += 1
            seen = observe(self._puzzle, run, code=self._code)
            compared = orders.compared(self._puzzle, plain, seen, schedule)
            if compared.problems:
                # Nothing is called an order's doing that does not come again with the order.
                run = self._executor.run(plain.case, variant=variant, schedule=schedule)
                self._in_order += run.not_run is None
                second = observe(self._puzzle, run, code=self._code)
                again = orders.compared(self._puzzle, plain, second, schedule)
                if run.not_run is None and not again.problems:
                    compared = orders.by_itself(compared, schedule)
            observation = self._log(compared, variant, schedule)
            self.results.tally(check).count(observation, observation.problem(check))
            if observation.problems:
                self._keep_findings(observation)

    def _repeat(self, shapes: Sequence[PlannedShape], count: int) -> None:
        """The same inputs twice, with other bytes in unwritten memory: same bits again?"""
        random = seeds.generator(self._seed, "repeat")
        if not self._all_end(shapes):
            return
        for index in range(count // 2):
            shape = shapes[index % len(shapes)]
            case = drawn(self._puzzle, shape, Values.INTEGERS, random)
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

    def _shares(self, so_far: int) -> dict[str, int]:
        """How the cases left after the sweep are divided among the properties.

        At least half of those asked for, however many sizes the sweep goes through; but few where
        each takes long.
        """
        left = max(LEAST, self._examples // 2, self._examples - so_far)
        if self._executor.is_slow:
            left = LEAST
        parts = _PARTS | (_ROBUST_PARTS if self._searches_robust else {})
        whole = sum(parts.values())
        return {name: int(np.ceil(left * part / whole)) for name, part in parts.items()}

    @property
    def _searches_robust(self) -> bool:
        return bool(self._robust) and self._code is not Code.UNCHANGED

    def _plan_of_search(
        self, so_far: int
    ) -> Iterator[tuple[str, Sequence[PlannedShape], Values, int]]:
        """Check, shapes, kind of values and number of cases of each search, in order."""
        share = self._shares(so_far)
        yield "integers", self._assigned, Values.INTEGERS, share["integers"]
        yield "reals", self._assigned, Values.REALS, share["reals"]
        yield "reals", self._assigned, Values.SPECIAL, share["special"]
        if self._searches_robust:
            yield "robust", self._robust, Values.INTEGERS, share["robust integers"]
            yield "robust", self._robust, Values.REALS, share["robust reals"]

    def _search_for(
        self, check: str, shapes: Sequence[PlannedShape], values: Values, count: int
    ) -> Search:
        """The search, made once."""
        key = (check, values, tuple(shape.number for shape in shapes), count)
        if key not in self._searches:
            self._searches[key] = Search(
                cases(self._puzzle, shapes, values),
                seed=seeds.number(self._seed, f"search {check} {values}"),
                count=count,
            )
        return self._searches[key]

    def _search(
        self, check: str, shapes: Sequence[PlannedShape], values: Values, count: int
    ) -> None:
        """Look for a failing case, and make it small."""
        if not shapes or not self._ends_where_others_did_not(check, shapes, values):
            return
        failing = self._failing_shapes(shapes) if values is Values.INTEGERS else []
        # One small counterexample is worth the time that it takes, a second is not.
        before = _SEARCHED[: _SEARCHED.index(check)]
        shrink = all(self.results.tally(name).worst is None for name in before)

        def attempt(case: Case) -> Outcome:
            observation = self._observe(case)
            if observation.run.output is None:
                return Outcome.ENOUGH  # each costs a new worker
            if observation.problem(check) is None:
                return Outcome.HOLDS
            return Outcome.FAILS if shrink else Outcome.ENOUGH

        self._search_for(check, failing or shapes, values, count).run(attempt)

    def _failing_shapes(self, shapes: Sequence[PlannedShape]) -> list[PlannedShape]:
        return [shape for shape in shapes if self.results.by_shape.get(shape.number, [0, 0])[1]]

    def _ends_where_others_did_not(
        self, check: str, shapes: Sequence[PlannedShape], values: Values
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
        random = seeds.generator(self._seed, f"again {check} {values}")
        return self._observe(drawn(self._puzzle, shape, values, random)).run.output is not None

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
        number = self._executor.cases_run
        variant = number if variant is None else variant
        run = self._executor.run(case, variant=variant, repeatable=True)
        own = value_check(self._puzzle, case)
        concerned = {own} if case.shape.part is Part.ROBUST else {own, "clean", "device"}
        if run.ending is not Ending.OUTPUT:
            self._without_output.add(case.shape.number)
        if run.not_run is not None:
            self._leave_out(run.not_run, concerned)
            return self._seen(run)
        self._progress(self._counted, self._examples)
        seen = self._seen(run) if first is None else since(first, self._seen(run))
        observation = self._log(seen, variant)
        for check in sorted(concerned):
            self.results.tally(check).count(observation, observation.problem(check))
        if run.evidence is not None and run.evidence.unchecked:
            tally = self.results.tally("clean" if "clean" in concerned else own)
            tally.unknown = tally.unknown or run.evidence.unchecked[0]
        self._count_shape(observation)
        self._keep_findings(observation)
        # To ask takes more cases at this shape.
        if ask and case.shape.number not in self._without_output:
            self._ask(observation)
        return observation

    def _leave_out(self, why: NotRun, checks: Iterable[str]) -> None:
        """A case that these checks rest on was not run."""
        self._left_out = True
        for check in checks:
            tally = self.results.tally(check)
            tally.not_run = tally.not_run or why

    def _seen(self, run: CaseRun) -> Observation:
        return observe(self._puzzle, run, code=self._code)

    def _ask(self, observation: Observation) -> None:
        """Whether the host helped: `grader.grading.repeat`."""
        check = "robust" if observation.case.shape.part is Part.ROBUST else "device"
        tally = self.results.tally(check)
        if tally.helped:
            return
        asked = self._host.ask(observation)
        if asked.unknown:
            untold = f"whether the host helped can't be told: {asked.unknown}"
            tally.unknown = tally.unknown or untold
        if asked.problem is None:
            return
        tally.helped = True
        self.results.tally(asked.problem.check).count(observation, asked.problem)
        if asked.alone is not None:
            # What the kernels do wrong without the host is wrong.
            self._keep_findings(asked.alone)
            unclean = asked.alone.problem("clean")
            if unclean is not None:
                self.results.tally("clean").count(asked.alone, unclean)

    def _log(
        self, observation: Observation, variant: int, schedule: int = schedules.PLAIN
    ) -> Observation:
        """Keep the case; the observation with its number."""
        case = observation.case
        logged = LoggedCase(
            sizes=dict(case.shape.sizes),
            values=case.values.value,
            variant=variant,
            failed=tuple(sorted({problem.check for problem in observation.problems})),
            output=observation.run.ending is Ending.OUTPUT,
            inputs=case.payload,
            schedule=schedule,
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
    return (case.shape.part is Part.ROBUST, *_simplicity(observation))


_KINDS = (Values.REALS, Values.SPECIAL)


def _simplicity(observation: Observation) -> tuple[object, ...]:
    """Smaller is simpler: whole numbers first, which also belong to the checks that show first."""
    case = observation.case
    return (_KINDS.index(case.values) if case.values in _KINDS else -1, *case.complexity)


def _swept(shapes: Sequence[PlannedShape]) -> int:
    """Cases before the search, where none crashes: the example, and those of each shape."""
    # Integers, reals, mixed magnitudes, a pattern, and a reference for what the host does.
    return 1 + (5 + _singular(shapes)) * len(shapes)


def _singular(shapes: Sequence[PlannedShape]) -> int:
    """Cases of each shape with inputs that a program could single out."""
    return max(SINGULAR // len(shapes), 1)
