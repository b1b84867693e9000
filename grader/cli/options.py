"""Options that several commands have: the same name, default and bounds everywhere.

What an option means to a command is the command's own to say, so the help is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from grader.grading.request import DEFAULT_EXAMPLES, DEFAULT_TIMEOUT
from grader.puzzles import NAMES
from grader.sandbox import Wanted
from grader.toolchain import edition as editions

Option = Callable[[Callable[..., Any]], Callable[..., Any]]
DEVICES = click.Choice(["auto", "software", "gpu"])

puzzle: Option = click.option(
    "--puzzle", default="conv1d", show_default=True, type=click.Choice(NAMES)
)


def device(help_: str) -> Option:
    """``--device``, on a command that chooses one itself where nobody does."""
    return click.option("--device", default="auto", show_default=True, type=DEVICES, help=help_)


def edition(help_: str) -> Option:
    """``--edition``, on a command that can tell it from the file."""
    return click.option(
        "--edition",
        default="auto",
        show_default=True,
        type=click.Choice(["auto", *editions.names()]),
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
