"""``grade init``: start something from a template."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli import options


@click.group()
def init() -> None:
    """Start a course from templates."""


@init.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@options.puzzle
@options.edition("Edition of the puzzle book that the skeleton is written for.")
@click.option(
    "--action",
    "action",
    default="OWNER/mojo-grade@v1",
    show_default=True,
    help="The action that the workflows use: repository and tag or commit.",
)
def course(folder: Path, puzzle: str, edition: str, action: str) -> None:
    """Write the two repositories of a course into DIR.

    DIR/student is what students start from; DIR/instructor grades all of them,
    where students can change nothing.
    """
    from grader.course.templates import write_course

    for path in write_course(folder, puzzle=puzzle, edition=edition, action=action):
        click.echo(path)
    click.echo(f"Next: read {folder / 'README.md'}")
