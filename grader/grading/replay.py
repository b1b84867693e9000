"""Run one case of a record again, alone, and tell everything that the device shows of it.

Nothing is needed but the record: it holds the submission's text, the edition
and every case's inputs (`grader.caselog`). One shape is compiled, so that this
takes about as long as the shortest grading run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from grader import puzzles
from grader.caselog import LoggedCase, unpack
from grader.choices import DEFAULT_TIMEOUT
from grader.device import Finding, Launch, Writer, schedules
from grader.errors import GraderFault, RecordError, UsageError
from grader.grading import editions, orders, seeds
from grader.grading.explain.counterexample import build
from grader.grading.given_code import all_handed_out
from grader.grading.host_help import Host
from grader.grading.observe import observe
from grader.grading.state import Progress, Request, RunState
from grader.intake import Submission
from grader.lanes import DeviceChoice
from grader.lanes.lane import Lane
from grader.lanes.prepared import NotPrepared, prepared
from grader.lanes.workspace import LaneSetup
from grader.model.cases import Case, CaseRun, Observation, PlannedShape, Problem
from grader.model.domains import Values
from grader.model.puzzle import Puzzle
from grader.record import Aspect, Attribution, Counterexample, DeviceInfo, ProblemKind, Record
from grader.sandbox import Wanted, probe_once


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Elements of an output in a row that were written last by the same."""

    output: str
    first: int
    last: int
    writer: Writer
    block: tuple[int, int, int] | None = None
    thread: tuple[int, int, int] | None = None


class ReplayedProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with the case."""

    check: str
    """Id of the check that it makes fail; empty where none is about it."""
    kind: ProblemKind
    title: str
    detail: str = ""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """One case, run again."""

    number: int
    count: int
    """How many cases the record has."""
    part: str
    """Title of the part that it is a case of."""
    values: str
    scope: str
    recorded: tuple[str, ...]
    """Checks that the case failed in the record."""
    problems: tuple[ReplayedProblem, ...]
    """What is wrong with it now."""
    case: Counterexample
    """Its arrays, expected and got, with every wrong element; also where nothing is wrong."""
    findings: tuple[tuple[Finding, Attribution], ...]
    launches: tuple[Launch, ...]
    unsupported: tuple[str, ...]
    written: tuple[Stretch, ...]
    """Who wrote the output, where the device shows it."""
    order: str
    """In which order its blocks and threads ran, where not in the plain one."""
    same_bits: bool | None
    """Whether it gave the same bits with other bytes in unwritten memory; None where there was
    no output to compare."""
    device: DeviceInfo


def cases_of(record: Record) -> tuple[LoggedCase, ...]:
    """The cases of a record.

    Raises:
        UsageError: it is a student's copy, or nothing was run.
        RecordError: its log is damaged.
    """
    if not record.is_whole:
        raise UsageError(
            "this is a student's copy of a record, without what is needed to run a case again",
            remedy="Use the record that was written with --audience instructor.",
        )
    if record.cases is None or not record.cases.count:
        raise UsageError(
            "this record has no cases: nothing was run",
            remedy="A submission that does not compile, or that was refused, has none.",
        )
    return unpack(record.cases)


def first_worth_showing(record: Record) -> int:
    """The case of the first counterexample, else of the first finding, else the example."""
    numbers = [each.case for each in record.counterexamples]
    numbers += [each.case for each in record.findings]
    return next((number for number in numbers if number), 1)


def replay_case(
    record: Record,
    number: int,
    progress: Progress,
    *,
    device: DeviceChoice | None = None,
    isolation: Wanted = Wanted.AUTO,
    timeout: float = DEFAULT_TIMEOUT,
) -> Replayed:
    """Run a case of a record again.

    Args:
        record: A whole record.
        number: Of the case, from one.
        progress: Hears what is going on.
        device: What to run it on; by default what the record was made on.
        isolation: Of what is compiled and run.
        timeout: Seconds that one stage may take.

    Raises:
        UsageError: there is no such case, or the record can't be used.
        RecordError: the record's log makes no sense.
        GraderFault: it could not be run.
    """
    log = cases_of(record)
    if not 1 <= number <= len(log):
        raise UsageError(
            f"there is no case {number}: the record has cases 1 to {len(log)}",
            remedy="grade replay RECORD --list lists them.",
        )
    return _Replay(record, log, number, progress, device, isolation, timeout).run()


@dataclass
class _Replay:
    """The steps of one such run."""

    record: Record
    log: Sequence[LoggedCase]
    number: int
    progress: Progress
    device: DeviceChoice | None
    isolation: Wanted
    timeout: float

    def run(self) -> Replayed:
        record = self.record
        edition = record.toolchain.edition if record.toolchain is not None else "auto"
        text = record.submission.text
        choice = editions.choose(edition, text)
        self.puzzle = _puzzle(record).for_edition(choice.edition.name)
        case = self._case()
        own = record.rubric.skeleton if record.rubric else None
        handed_out = all_handed_out(self.puzzle, choice.skeletons, own)
        self.code = handed_out.code_in(text, case.part.given)
        passed_over = (
            handed_out.passed_over(text, self.puzzle.parts, {case.part.name})
            if self.puzzle.is_program
            else set[str]()
        )
        self.checks = self.puzzle.checks_of(case.part)
        state = self._run_state(edition)
        setup = LaneSetup(
            module=self.puzzle.name,
            toolchain=editions.provide(choice.edition, state),
            isolation=probe_once(self.isolation).level,
            device=state.request.device,
            timeout=self.timeout,
            architecture=self.puzzle.architecture,
        )
        try:
            with (
                editions.in_use(choice.edition),
                prepared(
                    text.encode(), setup, [case.shape], passed_over=passed_over, stage=state.stage
                ) as ready,
                state.stage("run"),
            ):
                return self._observe(ready.lane, case)
        except NotPrepared as failed:
            raise _other_than_recorded(failed.doing, failed.output) from failed

    def _run_state(self, edition: str) -> RunState:
        info, record = self.record.submission, self.record
        kind: DeviceChoice = record.device.kind if record.device is not None else "software"
        request = Request(
            source="-",
            puzzle_name=self.puzzle.name,
            device=self.device or kind,
            edition=edition,
            timeout=self.timeout,
            isolation=self.isolation,
        )
        return RunState(
            request=request,
            progress=self.progress,
            submission=Submission(
                name=info.name, text=info.text, data=info.text.encode(), sha256=info.sha256
            ),
            seed=record.seed,
        )

    def _observe(self, lane: Lane, case: Case) -> Replayed:
        logged = self.log[self.number - 1]
        device = lane.device
        observation = self._one(lane, case, logged.variant)
        plain = observation.run.bits
        if logged.schedule != schedules.PLAIN and plain is not None:
            run = lane.run(case, variant=logged.variant, schedule=logged.schedule)
            other = orders.compared(observation, self._seen(run), logged.schedule)
            return self._told(other, list(other.problems), None, device)
        host = Host(
            lane,
            seeds.generator(self.record.seed, f"unseen {self.number}"),
            run=lambda case: self._one(lane, case, logged.variant),
            observe=self._seen,
        )
        asked = host.ask(observation)
        problems = [*observation.problems]
        problems += [asked.problem] if asked.problem is not None else []
        if asked.alone is not None:
            both = (*observation.findings, *asked.alone.findings)
            observation = replace(observation, findings=both)
        same = None
        if plain is not None:
            refilled = lane.run(case, variant=logged.variant + 1)
            if refilled.bits is not None:
                same = refilled.bits == plain
        return self._told(observation, problems, same, device)

    def _told(
        self,
        observation: Observation,
        problems: list[Problem],
        same: bool | None,
        device: DeviceInfo,
    ) -> Replayed:
        logged, case = self.log[self.number - 1], observation.case
        evidence = observation.run.evidence
        right = Problem(kind=ProblemKind.WRONG_VALUES, aspect=Aspect.VALUES)
        shown = problems[0] if problems else right
        return Replayed(
            number=self.number,
            count=len(self.log),
            part=case.part.title if len(self.puzzle.parts) > 1 else "",
            values=case.values.value,
            scope=case.shape.scope.value,
            recorded=logged.failed,
            problems=tuple(
                ReplayedProblem(
                    check=self._check(each, case),
                    kind=each.kind,
                    title=each.title,
                    detail=each.detail,
                )
                for each in problems
            ),
            case=build(
                self.puzzle,
                self._check(shown, case),
                observation,
                shown,
                failing=[],
                source=self.record.submission.text,
            ),
            findings=observation.findings,
            launches=evidence.launches if evidence is not None else (),
            unsupported=evidence.unsupported if evidence is not None else (),
            written=_written(observation.run),
            order=(
                schedules.in_words(logged.schedule) if logged.schedule != schedules.PLAIN else ""
            ),
            same_bits=same,
            device=device,
        )

    def _check(self, problem: Problem, case: Case) -> str:
        """Id of the check that a problem makes fail; empty where none is about it."""
        return next((each.id for each in self.checks if each.claims(problem, case)), "")

    def _one(self, lane: Lane, case: Case, variant: int) -> Observation:
        return self._seen(lane.run(case, variant=variant, repeatable=True))

    def _seen(self, run: CaseRun) -> Observation:
        return observe(run, code=self.code, checks=self.checks)

    def _case(self) -> Case:
        """The case of the log; raises `RecordError` where the log does not fit the puzzle."""
        logged = self.log[self.number - 1]
        if logged.inputs is None:
            raise UsageError(
                f"the inputs of case {self.number} were not kept: the run was too large to keep "
                "all",
                remedy="The cases that failed a check are kept; --list shows which.",
            )
        return _rebuilt(self.puzzle, logged, logged.inputs)


def _puzzle(record: Record) -> Puzzle:
    """The puzzle as it was graded, with the rubric that the record holds."""
    puzzle = puzzles.find(record.puzzle.name)
    if record.rubric is None:
        return puzzle
    from grader.rubric import parse_rubric

    source, skeleton = record.rubric.source.encode(), record.rubric.skeleton
    return parse_rubric(source, puzzle, name="the record's rubric", skeleton=skeleton).puzzle


def _rebuilt(puzzle: Puzzle, logged: LoggedCase, data: bytes) -> Case:
    """A case from its log entry."""
    part = next((each for each in puzzle.parts if each.name == logged.part), None)
    known = logged.values in [each.value for each in Values]
    fits = part is not None and known and part.contains(logged.sizes)
    if part is None or not fits or sum(s.length(logged.sizes) for s in part.inputs) != len(data):
        raise RecordError(
            "the log of the cases in this record does not fit its puzzle",
            remedy="Grade the submission again; the record's text and seed are enough for that.",
        )
    sizes = {size.name: logged.sizes[size.name] for size in part.sizes}
    inputs, start = {}, 0
    for spec in part.inputs:
        stop = start + spec.length(sizes)
        inputs[spec.name] = spec.array(data[start:stop], sizes)
        start = stop
    shape = PlannedShape(number=0, part=part, sizes=sizes, origin="boundary")
    return Case(shape=shape, values=Values(logged.values), inputs=inputs)


def _written(run: CaseRun) -> tuple[Stretch, ...]:
    if run.outputs is None or not run.copies_out:
        return ()
    return tuple(
        Stretch(
            output=spec.name,
            first=each.start // output.itemsize,
            last=max(each.start, each.stop - 1) // output.itemsize,
            writer=each.writer,
            block=each.block,
            thread=each.thread,
        )
        for spec, output, copy in zip(
            run.case.part.outputs, run.outputs, run.copies_out, strict=True
        )
        for each in copy.provenance
    )


def _other_than_recorded(doing: str, output: str) -> GraderFault:
    said = output.strip()[-600:]
    return GraderFault(
        f"the record's submission does not {doing} here, though it did when it was graded: {said}",
        remedy="Run grade doctor; it tries each part and says what is missing.",
    )
