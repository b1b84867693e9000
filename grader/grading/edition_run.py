"""What it takes to grade with one edition, whatever lane runs the cases.

The steps are those of `grader.lanes.prepared`. Here one begins while another is at work, and each
leaves what it found in the state of the run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from grader.grading.blame import Blame, ReferenceRun, blame_compile, reference_answer
from grader.grading.editions import Choice
from grader.grading.state import RunState, StepsDone
from grader.lanes.workspace import LaneSetup
from grader.worker.process import Ended

if TYPE_CHECKING:
    from grader.grading.given_code import Code
    from grader.grading.prober import Prober
    from grader.lanes.lane import Lane
    from grader.model.cases import PlannedShape

T = TypeVar("T")

_REFUSED = ("failed", "compile")
"""Why and where a worker ends that says what the compiler said."""


class Background(Generic[T]):
    """A step that is begun before its turn, in a thread, unless it turns out not to be needed.

    Begins ``step`` after a while, or when it is asked for, whichever comes first.

    Args:
        step: What to do. It runs once, or never.
        after: Seconds to wait, because the step may turn out not to be needed;
            None: only when it is asked for.
    """

    def __init__(self, step: Callable[[], T], *, after: float | None) -> None:
        self._step = step
        self._after = after
        self._due = threading.Event()
        self._dropped = False
        self._answer: list[T] = []
        self._error: BaseException | None = None
        # Not join(): interrupted by Ctrl-C, that takes the thread for ended from then on
        # (CPython 3.11 and 3.12, threading.Thread._wait_for_tstate_lock).
        self._over = threading.Event()
        threading.Thread(target=self._run, name="ahead", daemon=True).start()

    def begin(self) -> None:
        """Now, and not later; nobody waits for it."""
        self._due.set()

    def result(self) -> T:
        """What the step returned; raises what it raised."""
        self._due.set()
        self._over.wait()
        if self._error is not None:
            raise self._error
        return self._answer[0]

    def within(self, seconds: float) -> T | None:
        """As `result`; None where it is not there after so many seconds."""
        self._due.set()
        return self.result() if self._over.wait(seconds) else None

    def drop(self, dispose: Callable[[T], None]) -> None:
        """It is not needed, or no longer: does not begin it, or disposes of what it returned."""
        self._dropped = True
        self._due.set()
        self._over.wait()
        while self._answer:
            dispose(self._answer.pop())

    def _run(self) -> None:
        self._due.wait(self._after)
        try:
            if not self._dropped:
                self._answer.append(self._step())
        except BaseException as error:  # raised again where the result is asked for
            self._error = error
        finally:
            self._over.set()


@dataclass
class EditionRun:
    """One run with one edition."""

    state: RunState
    choice: Choice
    setup: LaneSetup
    meanwhile: Callable[[], None] | None
    """Called while the compiler works, where somebody waits for the verdict."""

    def prepare(
        self,
        lane: Lane,
        shapes: Sequence[PlannedShape],
        *,
        instead: Sequence[PlannedShape] = (),
        student_file: str,
        what: str,
    ) -> Sequence[PlannedShape]:
        """Make a lane ready for these shapes, which it answers. Where it is not, whose failure.

        Args:
            lane: It has started.
            shapes: Of which there will be cases.
            instead: Some of them, to make ready where the compiler refuses all together.
            student_file: As the compiler names it.
            what: What is made ready, for people.

        Raises:
            GraderFault: it is ours.
        """
        started = lane.prepare(shapes, control=lambda case: self.control(shapes).runs(case))
        refused = isinstance(started, Ended) and (started.why, started.stage) == _REFUSED
        if instead and refused:
            shapes = instead
            started = lane.prepare(shapes, control=lambda case: self.control(shapes).runs(case))
        self.state.stage_peak = lane.peak_bytes or self.state.stage_peak
        if not isinstance(started, Ended):
            return shapes
        blame = blame_compile(
            started, self.control(shapes).loads, student_file=student_file, what=what
        )
        self.fail(StepsDone(packages=True, failure=blame.data), blame)
        return ()

    def prober(
        self,
        lane: Lane,
        shapes: Sequence[PlannedShape],
        codes: Mapping[str, Code],
        *,
        beyond_compiles: bool = True,
    ) -> Prober:
        """What searches for failing cases, with the first ones drawn."""
        from grader.grading.prober import Prober

        state = self.state
        prober = Prober(
            state.puzzle,
            shapes,
            lane,
            seed=state.seed,
            examples=state.request.examples,
            codes=codes,
            beyond_compiles=beyond_compiles,
            progress=state.progress.cases,
        )
        prober.draw_ahead()
        return prober

    def run_cases(
        self,
        lane: Lane,
        prober: Prober,
        shapes: Sequence[PlannedShape],
        *,
        explained: bool = True,
    ) -> None:
        """Run all cases, and what explains those that failed; then end the lane.

        Args:
            lane: It is ready.
            prober: Searches for cases that fail.
            shapes: Of which there are cases.
            explained: Whether blocks are traced and launches profiled, for the report.

        Raises:
            GraderFault: they could not be run, or it can't be told whether the values are right.
        """
        from grader.grading.explain.traces import trace_failures
        from grader.grading.explain.usage import profile_parts
        from grader.grading.verdict import refuse_undecided

        state = self.state
        state.shapes = shapes
        results = prober.run()
        if explained:
            trace_failures(results, lane, state.puzzle, state.submission.text)
            results.profiles += profile_parts(
                results, lane, state.puzzle, shapes, state.submission.text
            )
        lane.close()
        state.cases_run = lane.cases_run
        state.stage_peak = lane.peak_bytes or None
        state.steps = state.steps.with_results(results)
        refuse_undecided(results)

    def fail(self, steps: StepsDone, blame: Blame) -> None:
        """End here: the stage failed, and that is the submission's."""
        self.state.stage_failed = True
        self.state.diagnostics += blame.diagnostics
        self.state.steps = steps

    def control(self, shapes: Sequence[PlannedShape] = ()) -> ReferenceRun:
        """The reference answer, built for the same shapes and on the same device."""
        return ReferenceRun(answer=self.reference(), setup=self.setup, shapes=shapes)

    def reference(self) -> bytes:
        """The reference answer in the edition that is graded with."""
        return reference_answer(self.state.puzzle, self.choice.edition.name)
