"""What a run has found out so far; becomes the record, also when the run breaks off."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from grader import __version__
from grader.errors import GraderFault
from grader.grading import advice, counterexample
from grader.grading.plan import PlannedShape
from grader.grading.request import Progress, Request
from grader.grading.verdict import Reached, headline, score
from grader.intake import Submission
from grader.intake.static_look import look
from grader.puzzles.definition import Puzzle
from grader.record import (
    DeviceInfo,
    Diagnostic,
    Fault,
    IsolationInfo,
    PuzzleInfo,
    Record,
    ShapeRun,
    Stage,
    StageOutcome,
    StaticLook,
    Status,
    SubmissionInfo,
    ToolchainInfo,
    Verdict,
)

DETAIL_LINES = 40


@dataclass
class Gathered:
    """Everything that goes into the record of one run."""

    request: Request
    progress: Progress
    submission: Submission
    seed: str
    stages: list[Stage] = field(default_factory=list)
    stage_name: str = "read"
    toolchain: ToolchainInfo | None = None
    device: DeviceInfo | None = None
    isolation: IsolationInfo | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    shapes: Sequence[PlannedShape] = ()
    reached: Reached = field(default_factory=Reached)
    cases_run: int = 0
    stage_peak: int | None = None
    """Peak memory of the stage that is running, for whoever measures it to set."""
    stage_failed: bool = False

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, and tell the listener when it begins and ends."""
        self.stage_name, self.stage_peak, self.stage_failed = name, None, False
        self.progress.stage_began(name)
        started = time.perf_counter()
        outcome = StageOutcome.FAILED
        try:
            yield
            outcome = StageOutcome.FAILED if self.stage_failed else StageOutcome.DONE
        finally:
            seconds = time.perf_counter() - started
            self.stages.append(
                Stage(name=name, outcome=outcome, seconds=seconds, peak_bytes=self.stage_peak)
            )
            self.progress.stage_ended(name, outcome, seconds)

    def record(self) -> Record:
        """The record of a run that came to a verdict."""
        puzzle = self.request.puzzle
        scored = score(puzzle, self.reached)
        results = self.reached.results
        tallies = results.tallies if results else {}
        worst = [
            tallies[check.id].worst
            for check in scored.checks
            if check.status is Status.FAILED and check.id in tallies
        ]
        examples = tuple(counterexample.build(puzzle, *each) for each in worst if each is not None)
        found = advice.findings(puzzle, results.observations_with_findings if results else ())
        diagnostics = advice.with_advice(self.diagnostics)
        return self._build(
            verdict=scored.verdict,
            score=scored.score,
            max_score=scored.max_score,
            extra_score=scored.extra_score,
            extra_max=scored.extra_max,
            headline=headline(puzzle, scored, self.reached),
            checks=scored.checks,
            counterexamples=examples,
            findings=found,
            diagnostics=diagnostics,
            advice=advice.next_steps(
                puzzle,
                checks=scored.checks,
                diagnostics=() if self.reached.compiles else diagnostics,
                counterexamples=examples,
                found=found,
                nothing_filled_in=self.reached.nothing_filled_in,
            ),
            shapes=self._shape_runs(),
            kernels=tuple(sorted(results.kernels)) if results else (),
        )

    def fault(self, error: Exception) -> Record:
        """The record of a run that broke off: no mark, and whose fault it was."""
        if isinstance(error, GraderFault):
            what, remedy = error.what, error.remedy
        else:
            what = f"the grader itself failed: {error}"
            remedy = (
                "This is a defect of the grader, not of the submission. Please report it with "
                "this record."
            )
        detail = "".join(traceback.format_exception(error)).splitlines()[-DETAIL_LINES:]
        return self._build(
            verdict=Verdict.FAULT,
            score=0,
            max_score=self.request.puzzle.max_score,
            headline="No mark: the grader could not finish. This says nothing about the work.",
            diagnostics=self.diagnostics,
            fault=Fault(
                kind=type(error).__name__,
                what=what,
                remedy=remedy,
                stage=self.stage_name,
                detail="\n".join(detail),
            ),
        )

    def _build(self, **outcome: object) -> Record:
        puzzle = self.request.puzzle
        return Record(
            grader_version=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            submission=SubmissionInfo(
                name=self.submission.name,
                sha256=self.submission.sha256,
                size=len(self.submission.data),
                text=self.submission.text,
            ),
            puzzle=puzzle_info(puzzle),
            toolchain=self.toolchain,
            device=self.device,
            isolation=self.isolation,
            seed=self.seed,
            examples=self.request.examples,
            cases_run=self.cases_run,
            stages=tuple(self.stages),
            look=tuple(
                StaticLook(kind=str(each.kind), line=each.line, sentence=each.sentence)
                for each in look(self.submission.text)
            ),
            **outcome,  # type: ignore[arg-type]  # the two callers name fields of Record
        )

    def _shape_runs(self) -> tuple[ShapeRun, ...]:
        counts = self.reached.results.by_shape if self.reached.results else {}
        return tuple(
            ShapeRun(
                sizes=dict(shape.sizes),
                part=shape.part.value,
                origin=shape.origin,
                cases=counts.get(shape.number, [0, 0])[0],
                failures=counts.get(shape.number, [0, 0])[1],
            )
            for shape in self.shapes
        )


def puzzle_info(puzzle: Puzzle) -> PuzzleInfo:
    """What the record says of the puzzle."""
    return PuzzleInfo(
        name=puzzle.name, title=puzzle.title, formula=puzzle.formula, domain=puzzle.domain
    )
