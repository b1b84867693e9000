"""Options that several commands have: the same name, default and bounds everywhere.

What an option means to a command is the command's own to say, so the help is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grader.choices import DEFAULT_EXAMPLES, DEFAULT_TIMEOUT, HINT_STEPS, OFFLINE, Wanted
from grader.errors import UsageError
from grader.folders import edition_names
from grader.puzzles import NAMES

if TYPE_CHECKING:
    from grader.record import Audience

Option = Callable[[Callable[..., Any]], Callable[..., Any]]
LEAST = "More run where each check and each size that is tried would not get some otherwise."
AUTO = "auto"
DEVICES = click.Choice([AUTO, "software", "gpu"])


def _stay_offline(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    # A variable, so that it also holds for the processes that this one starts.
    if value:
        os.environ[OFFLINE] = "1"


offline: Option = click.option(
    "--offline",
    is_flag=True,
    expose_value=False,
    callback=_stay_offline,
    help="Download nothing: an edition whose toolchain is not installed ends without a mark.",
)


def assignment(puzzle: str | None, rubric: Path | None = None) -> str | None:
    """The puzzle that was set: as an option says, else a rubric file; else the only one there is.

    None where nothing says it.
    """
    if puzzle not in (None, AUTO):
        return puzzle
    if rubric is not None:
        from grader.rubric import puzzle_of

        return puzzle_of(rubric)
    return NAMES[0] if len(NAMES) == 1 else None


def needed_assignment(puzzle: str | None, rubric: Path | None = None) -> str:
    """As `assignment`; raises `UsageError` where nothing says which puzzle it is."""
    name = assignment(puzzle, rubric)
    if name is None:
        raise UsageError(
            "which puzzle is it?",
            remedy=f"Say it with --puzzle, which takes one of: {', '.join(NAMES)}.",
        )
    return name


puzzle: Option = click.option(
    "--puzzle",
    type=click.Choice(NAMES),
    callback=lambda context, parameter, value: needed_assignment(value),
    help="Which puzzle.  [default: the only one there is]",
)
puzzles: Option = click.option(
    "--puzzle",
    "puzzles",
    multiple=True,
    type=click.Choice(NAMES),
    callback=lambda context, parameter, value: value or (needed_assignment(None),),
    help="Which puzzle; give it again for each of several.  [default: the only one there is]",
)
puzzle_of_class: Option = click.option(
    "--puzzle",
    type=click.Choice(NAMES),
    help="The puzzle that was set.  [default: the rubric's, else what each file is]",
)


def puzzle_of_file(help_: str) -> Option:
    """``--puzzle``, on a command that can tell it from the file."""
    return click.option(
        "--puzzle",
        default=AUTO,
        show_default=True,
        type=click.Choice([AUTO, *NAMES]),
        help=help_,
    )


def device(help_: str) -> Option:
    """``--device``, on a command that chooses one itself where nobody does."""
    return click.option("--device", default=AUTO, show_default=True, type=DEVICES, help=help_)


def edition(help_: str) -> Option:
    """``--edition``, on a command that can tell it from the file."""
    return click.option(
        "--edition",
        default=AUTO,
        show_default=True,
        type=click.Choice([AUTO, *edition_names()]),
        help=help_,
    )


def examples(help_: str) -> Option:
    """``--examples``: how many cases."""
    return click.option(
        "--examples",
        default=DEFAULT_EXAMPLES,
        show_default=True,
        type=click.IntRange(1, 100_000),
        help=help_,
    )


hints: Option = click.option(
    "--hints",
    type=click.IntRange(1, HINT_STEPS),
    help="How many steps of hints the terminal shows. 1: what is wrong and where. 2: also what to "
    "think about. 3: also the shape of the answer. Never more than the rubric allows.  "
    "[default: 2; 3 for an instructor]",
)


def shown_hints(wanted: int | None, audience: Audience) -> int:
    """How many steps the terminal shows."""
    return wanted or (2 if audience == "student" else HINT_STEPS)


def timeout(help_: str) -> Option:
    """``--timeout``, in seconds."""
    return click.option(
        "--timeout",
        default=DEFAULT_TIMEOUT,
        show_default=True,
        type=click.FloatRange(min=5, max=86_400),
        help=help_,
    )


def isolation(doing: str) -> Option:
    """``--isolation``; ``doing`` is what ``strict`` refuses to do below the best level."""
    return click.option(
        "--isolation",
        default="auto",
        show_default=True,
        type=click.Choice([wanted.value for wanted in Wanted]),
        help=f"strict refuses to {doing} without bubblewrap; none must be asked for.",
    )
