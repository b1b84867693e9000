"""What to grade and how, what a run has found out so far, and who hears about it.

`grader.grading.records` makes the record of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from grader import puzzles
from grader.book.shipped import read_shipped
from grader.choices import DEFAULT_EDITION, DEFAULT_EXAMPLES, DEFAULT_TIMEOUT, Wanted
from grader.grading import seeds
from grader.intake import Submission
from grader.lanes import DeviceChoice
from grader.record import DeviceInfo, Diagnostic, IsolationInfo, Stage, StageOutcome, ToolchainInfo
from grader.toolchain.edition import Edition, find

if TYPE_CHECKING:
    from grader.grading.results import Results
    from grader.lanes.kernel_build import LeftOut
    from grader.model.cases import PlannedShape
    from grader.model.program import ProgramSeen
    from grader.model.puzzle import Puzzle
    from grader.rubric import Rubric


SizesChoice = Literal["auto", "all"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One submission to grade.

    ``source`` is a path, or ``-`` for standard input. ``seed`` None derives one
    from the secret (`grader.grading.seeds`).
    """

    source: Path | Literal["-"]
    puzzle_name: str
    device: DeviceChoice = "auto"
    edition: str = "auto"
    examples: int = DEFAULT_EXAMPLES
    seed: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    isolation: Wanted = Wanted.AUTO
    rubric: Rubric | None = None
    """Of a file; None for the puzzle's own."""
    sizes: SizesChoice = "auto"
    """``all``: no sample of the sizes, whatever the file."""
    puzzle_reason: str = ""
    """Why it is this puzzle, where nobody said which."""
    own: Puzzle | None = None
    """A course's own puzzle, which `grader.puzzles.find` does not know."""

    @cached_property
    def puzzle(self) -> Puzzle:
        """The puzzle of that name, with the rubric's changes; imported when it is first needed.

        Raises `UsageError`.
        """
        if self.rubric is not None:
            return self.rubric.puzzle
        return self.own or puzzles.find(self.puzzle_name)

    @property
    def is_program(self) -> bool:
        """Whether kernels of a program are graded, not ops."""
        topic = read_shipped().topics.get(self.puzzle_name)
        if topic is None or self.own or self.puzzle_name in puzzles.course_folders():
            return self.puzzle.is_program
        # The book knows it before the puzzle is imported, which takes as long as a refusal.
        return not topic.ops

    def seed_of(self, submission: Submission) -> str:
        """The seed of its cases: the one that was given, else what follows from the secret."""
        return self.seed or seeds.derive(
            key=seeds.secret(), puzzle=self.puzzle_name, submission_sha256=submission.sha256
        )


class Progress(Protocol):
    """Hears what a run is doing. Called from the run's own thread."""

    def stage_began(self, name: str) -> None:
        """A stage begins: ``read``, ``package``, ``compile``, ``run``."""

    def stage_ended(self, name: str, outcome: StageOutcome, seconds: float) -> None:
        """It has ended."""

    def cases(self, done: int, total: int) -> None:
        """So many cases have run, of about so many."""

    def notice(self, sentence: str) -> None:
        """Something that the reader must know, such as a weaker isolation."""


class Silent:
    """A listener that does nothing."""

    def stage_began(self, name: str) -> None: ...
    def stage_ended(self, name: str, outcome: StageOutcome, seconds: float) -> None: ...
    def cases(self, done: int, total: int) -> None: ...
    def notice(self, sentence: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class StepsDone:
    """How far a submission got.

    ``failure`` says why it got no further, for the checks behind that point: the data of
    `Reason.COMPILER`.
    """

    packages: bool = False
    compiles: bool = False
    results: Results | None = None
    failure: Mapping[str, int | str] = field(default_factory=dict)
    other_edition: Mapping[str, int | str] = field(default_factory=dict)
    """The data of `OtherEdition`, where it does not package for that reason."""
    nothing_filled_in: bool = False
    refused: Mapping[str, LeftOut] = field(default_factory=dict)
    """By the name of the part, why it could not be run where others could."""
    program: ProgramSeen | None = None
    """What was seen of the file as a program, where a check asks and it was run."""

    def with_results(self, results: Results) -> StepsDone:
        """The same, one step further: its cases were run."""
        return replace(self, results=results)


@dataclass
class RunState:
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
    taken: Mapping[str, str] = field(default_factory=dict)
    """As `grader.lanes.kernel_build.BuiltKernels`."""
    steps: StepsDone = field(default_factory=StepsDone)
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
