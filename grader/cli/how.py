"""What to grade and how, as the command line says it: the same for ``submit`` and ``watch``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from grader.choices import Wanted
from grader.cli import options
from grader.errors import SubmissionRefused, UsageError
from grader.puzzles import find

if TYPE_CHECKING:
    from grader.grading.state import Request, SizesChoice
    from grader.intake import Submission
    from grader.lanes import DeviceChoice
    from grader.record import Record
    from grader.rubric import Rubric

_OPTIONS: tuple[options.Option, ...] = (
    options.puzzle_of_file(
        "The puzzle that was set; a file of another one is refused. auto takes the rubric's, else "
        "the one that the file is of."
    ),
    options.device("auto takes a GPU whose driver works, else the software device."),
    options.edition("Edition of the puzzle book; auto takes the one that the file is written for."),
    options.examples(f"How many cases to run, all together. {options.LEAST}"),
    click.option(
        "--sizes",
        default="auto",
        show_default=True,
        type=click.Choice(["auto", "all"]),
        help="Sizes to try. auto: all assigned ones and some beyond; of the given file with a "
        "plain launch in it, a sample. all: every size that is graded.",
    ),
    click.option("--seed", help="Seed of the cases. Recorded; by default derived from a secret."),
    click.option(
        "--rubric",
        "rubric_file",
        type=click.Path(path_type=Path),
        help="TOML file that changes points, sizes and what students see; "
        "grade puzzles --rubric NAME prints one.",
    ),
    options.timeout("Seconds that one stage may take."),
    options.isolation("grade"),
    options.offline,
)


@dataclass(frozen=True, kw_only=True)
class How:
    """The options that say how a file is graded."""

    puzzle: str
    device: str
    edition: str
    examples: int
    sizes: str
    seed: str | None
    rubric_file: Path | None
    timeout: float
    isolation: str

    @cached_property
    def assigned(self) -> str | None:
        """The puzzle that was set; None where each file says what it is of."""
        return options.assignment(self.puzzle, self.rubric_file)

    @cached_property
    def rubric(self) -> Rubric | None:
        """What the rubric file says. Raises `UsageError`."""
        if self.rubric_file is None or self.assigned is None:
            return None
        from grader.rubric import load_rubric

        return load_rubric(self.rubric_file, find(self.assigned))

    def check(self) -> None:
        """See that the options make sense, before any work is done; raises `UsageError`."""
        if self.seed is not None and not 1 <= len(self.seed) <= 200:
            raise UsageError(
                "the seed must have 1 to 200 characters", remedy="Choose a shorter one."
            )
        _ = self.rubric

    def request(self, source: Path | Literal["-"], submission: Submission) -> Request:
        """How a file is graded, once it is read.

        Raises:
            UsageError: nothing says which puzzle it is.
            SubmissionRefused: it is of a puzzle that the grader lacks.
        """
        from grader.book.identify import PuzzleChoice, choose
        from grader.grading.state import Request

        choice = PuzzleChoice(self.assigned) if self.assigned else choose(submission.text)
        return Request(
            source=source,
            puzzle_name=choice.name,
            puzzle_reason=choice.reason,
            device=cast("DeviceChoice", self.device),
            edition=self.edition,
            examples=self.examples,
            sizes=cast("SizesChoice", self.sizes),
            seed=self.seed,
            timeout=self.timeout,
            isolation=Wanted(self.isolation),
            rubric=self.rubric,
        )

    def refusal(self, source: Path | Literal["-"], error: SubmissionRefused) -> Record:
        """The record of a file that is refused."""
        from grader.grading.records import refusal

        puzzle = find(self.assigned) if self.assigned else None
        return refusal(
            source, error, puzzle=self.rubric.puzzle if self.rubric else puzzle, rubric=self.rubric
        )


def how_to_grade(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all of these options, as one argument ``how``."""

    @functools.wraps(command)
    def called(**given: Any) -> None:
        own = {name: given.pop(name) for name in How.__dataclass_fields__}
        command(how=How(**own), **given)

    with_options: Callable[..., None] = called
    for option in reversed(_OPTIONS):
        with_options = option(with_options)
    return with_options
