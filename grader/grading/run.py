"""Grade one submission: read, package, compile, run, judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.book.identify import refuse_another
from grader.book.shipped import read_shipped
from grader.errors import SandboxFault, SubmissionRefused, UsageError
from grader.grading import editions
from grader.grading.blame import blame_packaging
from grader.grading.edition_run import Background, EditionRun
from grader.grading.editions import Choice
from grader.grading.state import Progress, Request, RunState, StepsDone
from grader.intake import Submission, read_submission
from grader.intake.program import as_library
from grader.lanes.workspace import LaneSetup
from grader.puzzles import course_folders
from grader.record import IsolationInfo, LaneKind, Record, ToolchainInfo
from grader.sandbox import Isolation, IsolationReport, forget, probe_once
from grader.toolchain.packaging import Packaged
from grader.toolchain.toolchain import Toolchain
from grader.toolchain.workspace import Workspace

if TYPE_CHECKING:
    from grader.grading.results import Results
    from grader.lanes.prepared import OpenedLane


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

    Raises:
        UsageError: the request makes no sense (edition, secret).
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
        _Run(state, meanwhile).run()
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
        setup = LaneSetup(
            module=state.request.puzzle_name,
            toolchain=editions.provide(choice.edition, state),
            isolation=self.isolation.level,
            device=state.request.device,
            timeout=state.request.timeout,
        )
        is_program = self._is_program()
        lane = None if is_program else LaneKind.GRAPH
        state.toolchain = _toolchain_info(setup.toolchain, choice, lane)
        with editions.in_use(choice.edition):
            if is_program:
                return self._grade_program(choice, setup)
            return OpRun(state, choice, setup, self.meanwhile).run()

    def _is_program(self) -> bool:
        request = self.state.request
        topic = read_shipped().topics.get(request.puzzle_name)
        if topic is None or request.own or request.puzzle_name in course_folders():
            return self.state.puzzle.is_program
        # The book knows it before the puzzle is imported, which takes as long as a refusal.
        return not topic.ops

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
