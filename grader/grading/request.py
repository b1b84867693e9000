"""What to grade and how, and who hears about the progress."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from grader import puzzles
from grader.lanes import DeviceChoice
from grader.record import StageOutcome
from grader.sandbox import Wanted

if TYPE_CHECKING:
    from grader.model.puzzle import Puzzle
    from grader.rubric import Rubric

SizesChoice = Literal["auto", "all"]

DEFAULT_EXAMPLES = 200
DEFAULT_TIMEOUT = 300.0
"""Seconds that one stage may take. A compile needs 15 to 50 s."""


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
