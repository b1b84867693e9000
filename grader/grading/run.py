"""Grade one submission: read, package, compile, run, judge. Or preview it, where it is an op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from grader.book.identify import refuse_another
from grader.errors import SandboxFault, SubmissionRefused, UsageError
from grader.grading import editions
from grader.grading.blame import blame_op, blame_packaging
from grader.grading.edition_run import Background, EditionRun
from grader.grading.editions import Choice
from grader.grading.state import Progress, Request, RunState, StepsDone
from grader.intake import Submission, read_submission
from grader.intake.program import as_library, functions
from grader.lanes.workspace import LaneSetup
from grader.model.cases import PlannedShape
from grader.model.part import Scope
from grader.record import IsolationInfo, LaneKind, Record, ToolchainInfo
from grader.sandbox import Isolation, IsolationReport, forget, probe_once
from grader.toolchain.edition import Edition
from grader.toolchain.packaging import Packaged
from grader.toolchain.toolchain import Toolchain
from grader.toolchain.workspace import Workspace
from grader.worker.process import Ended

if TYPE_CHECKING:
    from grader.grading.results import Results
    from grader.lanes.harness import HarnessShape
    from grader.lanes.prepared import OpenedLane


PREVIEW_SIZES: Final = 6
"""Sizes that a preview tries, of all parts together: each costs a fifteenth of its compile."""
PREVIEW_EXAMPLES: Final = 60
"""Its cases, of all parts together; a search for a smaller failing one is beyond them."""
HEAD_START = 0.5
"""Seconds of packaging after which the device and the worker are started beside it.

A file that packages takes more than twice as long; one that does not compile
is mostly done by then, and is not held up by what it will not need."""


def grade(
    request: Request,
    progress: Progress,
    *,
    submission: Submission | None = None,
    meanwhile: Callable[[], None] | None = None,
    preview: bool = False,
) -> Record:
    """Grade one submission.

    A student's mistakes are data in the record. So are faults of the grader,
    once the submission is read: then there is a record without a mark.

    Args:
        request: What to grade, and how.
        progress: Hears what is going on.
        submission: What ``request.source`` holds, where that has been read.
        meanwhile: Called while the compiler packages the file: a moment to load what the caller
            needs for the record.
        preview: Only preview it (`PreviewRun`). Where that comes to nothing, it is a fault.

    Raises:
        UsageError: the request makes no sense (edition, secret; a preview of what has none).
        SubmissionRefused: the file can't be taken as a submission, or is another puzzle's.
    """
    submission = submission or read_submission(request.source)
    refuse_another(submission.text, request.puzzle_name)
    state = RunState(
        request=request,
        progress=progress,
        submission=submission,
        seed=request.seed_of(submission),
    )
    try:
        _Run(state, meanwhile, preview).run()
    except (UsageError, SubmissionRefused):
        raise
    except Exception as error:
        from grader.grading.records import fault_record

        if isinstance(error, SandboxFault):
            forget()

        return fault_record(state, error)
    from grader.grading.records import verdict_record

    return verdict_record(state)


@dataclass
class _Run:
    """The steps of one run. Each leaves what it found in ``state``."""

    state: RunState
    meanwhile: Callable[[], None] | None
    preview: bool

    def run(self) -> None:
        """Everything behind the reading."""
        state, request = self.state, self.state.request
        with state.stage("read"):
            choice = editions.choose(request.edition, state.submission.text)
            self.isolation = probe_once(request.isolation)
            state.isolation = _isolation_info(self.isolation)
        if self.isolation.weakened:
            state.progress.notice(self.isolation.sentence)
        other = self._attempt(choice)
        if other is not None:
            self._attempt(other)

    def _attempt(self, choice: Choice) -> Choice | None:
        """Grade with one edition; the answer is another one that packages where this does not."""
        state = self.state
        if self.preview and not self._can_be_previewed(choice.edition):
            raise UsageError("there is no preview of it")
        setup = LaneSetup(
            module=state.request.puzzle_name,
            toolchain=editions.provide(choice.edition, state),
            isolation=self.isolation.level,
            device=state.request.device,
            timeout=state.request.timeout,
        )
        is_program = self.state.request.is_program
        of_op = LaneKind.DIRECT if self.preview else LaneKind.GRAPH
        lane = None if is_program else of_op
        state.toolchain = _toolchain_info(setup.toolchain, choice, lane)
        with editions.in_use(choice.edition):
            if self.preview:
                return PreviewRun(state, choice, setup, None).run()
            if is_program:
                return self._grade_program(choice, setup)
            return OpRun(state, choice, setup, self.meanwhile).run()

    def _can_be_previewed(self, edition: Edition) -> bool:
        """Whether it is an op of such an edition, and a namespace keeps two processes apart."""
        called = edition.calls is not None and edition.harness is not None
        apart = self.isolation.level is Isolation.BWRAP
        return called and apart and not self.state.request.is_program

    def _grade_program(self, choice: Choice, setup: LaneSetup) -> Choice | None:
        """As `_attempt`. Where somebody waits, the compiler looks at the file as it is meanwhile.

        That finds most errors within the time that it takes to load what a grading needs.
        """
        waits = self.meanwhile is not None
        look = Background(lambda: self._look(setup), after=0) if waits else None
        try:
            from grader.grading.program import ProgramRun

            return ProgramRun(self.state, choice, setup, self.meanwhile, look).run()
        finally:
            if look is not None:
                look.drop(lambda _: None)

    def _look(self, setup: LaneSetup) -> Packaged:
        text = as_library(self.state.submission.text)
        with setup.workspace(text.encode()) as workspace:
            return setup.package(workspace, stage="compile")


class OpRun(EditionRun):
    """The steps of one run. Each leaves what it found in ``state``."""

    def run(self) -> Choice | None:
        """Everything; the answer is another edition that packages where this does not."""
        self.moved_to: Choice | None = None
        # Two processes of a submission at a time only where a namespace keeps them apart.
        head_start = HEAD_START if self.setup.isolation is Isolation.BWRAP else None
        with self.setup.workspace(_staged(self.state.submission)) as workspace:
            opened = Background(lambda: self._open_lane(workspace), after=head_start)
            try:
                if self._package(workspace):
                    self._compile_and_run(workspace, opened)
            finally:
                opened.drop(lambda opened: opened.close())
        return self.moved_to

    def _open_lane(self, workspace: Workspace) -> OpenedLane:
        from grader.lanes.prepared import open_graph_lane

        return open_graph_lane(workspace, self.setup.device, compile_limits=self.setup.limits)

    def _package(self, workspace: Workspace) -> bool:
        state = self.state
        with state.stage("package"):
            packaged = self.setup.package(workspace, meanwhile=self._while_packaging)
            state.stage_peak = packaged.outcome.peak_resident_bytes
            if self.nothing_filled_in:
                state.steps = StepsDone(nothing_filled_in=True)
                return False
            state.diagnostics = packaged.diagnostics
            if packaged.ok:
                return True
            self._packaging_failed(packaged, workspace)
            return False

    def _packaging_failed(self, packaged: Packaged, workspace: Workspace) -> None:
        """Another edition that takes the file, or whose failure it is."""
        state = self.state
        self.moved_to = editions.another(self.choice, packaged, state, self._packaged_with)
        if self.moved_to is not None:
            state.stage_failed = True
            return
        blame = blame_packaging(packaged, self.control().packages)
        other = {} if packaged.outcome.limit else editions.explanation(self.choice)
        why = editions.why_it_does_not_package(self.choice) if other else blame.data
        state.diagnostics = editions.with_explanation(
            self.choice, state.diagnostics, workspace.student_file.rpartition("/")[2]
        )
        self.fail(StepsDone(failure=why, other_edition=other), blame)

    def _packaged_with(self, toolchain: Toolchain) -> Packaged:
        setup = replace(self.setup, toolchain=toolchain)
        with setup.workspace(_staged(self.state.submission)) as workspace:
            return setup.package(workspace)

    def _while_packaging(self) -> None:
        """Use the second that the compiler takes: compare with the skeleton, load what comes next.

        A submission that does not compile then waits for the compiler only.
        """
        from grader.grading import records  # noqa: F401 - imported for later
        from grader.grading.given_code import Code, all_handed_out

        text, puzzle = self.state.submission.text, self.state.request.puzzle
        rubric = self.state.request.rubric
        handed_out = all_handed_out(
            puzzle, self.choice.skeletons, rubric.skeleton if rubric else None
        )
        self.nothing_filled_in = handed_out.nothing_filled_in(text)
        self.codes = {part.name: handed_out.code_in(text, part.given) for part in puzzle.parts}
        self.only_launched = all(
            self.codes[part.name] is Code.UNCHANGED
            and part.given is not None
            and handed_out.only_launched(
                text, part.given.function, [size.name for size in part.sizes]
            )
            for part in puzzle.parts
        )
        if self.meanwhile is not None:
            self.meanwhile()

    def _compile_and_run(self, workspace: Workspace, opened: Background[OpenedLane]) -> None:
        from grader.grading import plan
        from grader.grading.given_code import Code

        state, puzzle = self.state, self.state.puzzle
        with state.stage("compile"):
            lane = opened.result().lane
            state.device = lane.device
            own_kernel = {name for name, code in self.codes.items() if code is not Code.UNCHANGED}
            usual = plan.Tries.SAMPLE if self.only_launched else plan.Tries.USUAL
            every = puzzle.try_all or state.request.sizes == "all"
            tries = plan.Tries.ALL if every else usual
            shapes = plan.draw(puzzle, seed=state.seed, own_kernel=own_kernel, tries=tries)
            # Drawing cases takes a moment, and the compiler leaves a processor idle.
            prober = Background(lambda: self.prober(lane, shapes, self.codes), after=0)
            # All are one compile, and a layout of the wrong extents may fit at the task's sizes.
            ready = self.prepare(
                lane,
                shapes,
                instead=plan.assigned_only(shapes) if own_kernel else (),
                student_file=workspace.student_file,
                what="the graph",
            )
            if not ready:
                return
            found = prober.result()
            if ready is not shapes:
                found = self.prober(lane, ready, self.codes, beyond_compiles=False)
        with state.stage("run"):
            state.steps = StepsDone(packages=True, compiles=True)
            self.run_cases(lane, found, ready)
        if state.steps.results is not None:
            self._find_lines(state.steps.results)

    def _find_lines(self, results: Results) -> None:
        """Say at which lines of the file the findings are, where there are any."""
        from grader.grading.explain.lines import unexplained, with_lines

        state = self.state
        if self.setup.toolchain.edition.calls is None or not unexplained(results):
            return
        with state.stage("lines"):
            with_lines(
                results,
                state.submission.text,
                state.puzzle.name,
                self.setup.toolchain,
                self.setup.isolation,
                timeout=state.request.timeout,
            )


class PreviewRun(OpRun):
    """A few sizes of an op, called without MAX Graph: there in half of the time.

    It is the same search and the same checks, and decides nothing. It runs beside the grading that
    does, so only where a namespace keeps the two apart.
    """

    def run(self) -> Choice | None:
        """Everything.

        Raises:
            NotWritten: it can't be previewed.
            GraderFault: it could not be run.
        """
        from grader.grading import plan
        from grader.lanes.devices import choose_device, device_spawn
        from grader.lanes.direct import build_directly, open_direct_lane
        from grader.lanes.op_calls import NotWritten, registered_ops

        state, setup, text = self.state, self.setup, self.state.submission.text
        if "main" in functions(text):
            raise NotWritten("no package may have a main")
        if registered_ops(text) != {part.op.name for part in state.puzzle.parts}:
            raise NotWritten("of other ops it is not known what a graph makes of them")
        drawn = plan.draw(state.puzzle, seed=state.seed, own_kernel=(), tries=plan.Tries.SAMPLE)
        shapes = _few(drawn)
        device = choose_device(setup.device, device_spawn(setup.isolation))
        building = Background(lambda: build_directly(text, setup, device, shapes), after=0)
        try:
            self._while_packaging()
            if self.nothing_filled_in:
                raise NotWritten("there is nothing to be run")
            state.request = replace(state.request, examples=PREVIEW_EXAMPLES)
            with device, open_direct_lane(text, setup, device) as lane:
                state.device = lane.device
                prober = self.prober(lane, shapes, self.codes)
                with state.stage("compile"):
                    built = self._built(building)
                    if not built:
                        return None
                    lane.take(built)
                    if isinstance(lane.prepare(shapes), Ended):
                        raise NotWritten("what was built is not loaded")
                with state.stage("run"):
                    state.steps = StepsDone(packages=True, compiles=True)
                    self.run_cases(lane, prober, shapes, explained=False)
        finally:
            building.drop(lambda _: None)
        return None

    def _built(self, building: Background[dict[int, HarnessShape]]) -> dict[int, HarnessShape]:
        """What was built; nothing where the compiler refuses the op."""
        from grader.lanes.direct import OpRefused

        try:
            return building.result()
        except OpRefused as refused:
            blame = blame_op(refused.diagnostics)
            if blame is None:
                raise
            self.fail(StepsDone(packages=True, failure=blame.data), blame)
            return {}


def _few(shapes: Sequence[PlannedShape]) -> list[PlannedShape]:
    """Of the assigned sizes of each part the first, which tell most, and the largest."""
    assigned = [shape for shape in shapes if shape.scope is Scope.ASSIGNED]
    parts = dict.fromkeys(shape.part.name for shape in assigned)
    chosen = []
    for part in parts:
        of_part = [shape for shape in assigned if shape.part.name == part]
        largest = max(of_part, key=lambda shape: shape.extent)
        first = of_part[: PREVIEW_SIZES // len(parts)]
        chosen += first if largest in first else [*first[:-1], largest]
    return chosen


def _staged(submission: Submission) -> bytes:
    """What is packaged: the text without a byte order mark, which the compiler would reject."""
    return submission.text.encode()


def _toolchain_info(toolchain: Toolchain, choice: Choice, lane: LaneKind | None) -> ToolchainInfo:
    return ToolchainInfo(
        lane=lane,
        edition=toolchain.edition.name,
        edition_reason=choice.reason,
        max_version=toolchain.max_version,
        mojo_version=toolchain.mojo_version,
        python_version=toolchain.python_version,
    )


def _isolation_info(report: IsolationReport) -> IsolationInfo:
    note = report.sentence if report.weakened else ""
    return IsolationInfo(level=str(report.level), note=note)
