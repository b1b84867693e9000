"""What a run has found out so far. `grader.grading.assemble` makes the record of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.grading.reached import Reached
from grader.grading.request import Progress, Request
from grader.intake import Submission
from grader.record import (
    DeviceInfo,
    Diagnostic,
    IsolationInfo,
    Stage,
    StageOutcome,
    ToolchainInfo,
)
from grader.toolchain.edition import DEFAULT_EDITION, Edition, find

if TYPE_CHECKING:
    from grader.model.cases import PlannedShape
    from grader.model.puzzle import Puzzle


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

    @property
    def puzzle(self) -> Puzzle:
        """The puzzle as the edition that is graded with gives it."""
        puzzle = self.request.puzzle
        return puzzle.for_edition(self.toolchain.edition) if self.toolchain else puzzle

    @property
    def edition(self) -> Edition:
        """What is graded with; the default one before it is known."""
        return find(self.toolchain.edition if self.toolchain else DEFAULT_EDITION)

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
