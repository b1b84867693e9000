"""``grade watch``: grade a file each time that it is saved."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from grader.cli import options
from grader.cli.how import How, how_to_grade
from grader.cli.root import EXIT_CODES
from grader.cli.submit import folder_of
from grader.errors import UsageError
from grader.quiz import is_quiz


@click.command(epilog=EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path))
@how_to_grade
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the record and the report.  [default: grade-out/FILE without .mojo]",
)
@options.hints
def watch(file: Path, how: How, out: Path | None, hints: int | None) -> None:
    """Grade FILE each time that it is saved, and show what changed.

    A newer save ends what is still running for an older one. What you have
    graded before is shown at once. Ctrl-C ends it.
    """
    if is_quiz(file.name):
        raise UsageError(
            f"{file.name} holds answers to a quiz: these are for reading and thinking",
            remedy=f"Hand them in when you are done: {shlex.join(['grade', 'submit', str(file)])}",
        )
    how.check()
    from grader.cli.output import Outputs
    from grader.course import ReportTarget, path_in_repository

    outputs = Outputs(
        out or folder_of(file),
        ("html", "json"),
        ReportTarget(path=path_in_repository(file)),
        hints=options.shown_hints(hints, "student"),
    )
    outputs.prepare()
    if not os.path.lexists(file):
        from grader.intake import read_submission

        read_submission(file)  # says what is wrong with the name
    from grader.cli.watching import Screen, Watching
    from grader.report import preload

    with Watching(file, how, outputs, Screen(sys.stdout, file.name)) as watching:
        preload()
        watching.run()
