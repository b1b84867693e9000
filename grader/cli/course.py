"""``grade init`` and ``grade samples``: what a course starts from."""

from __future__ import annotations

import csv
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


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@options.puzzle
@click.option(
    "--edition",
    metavar="EDITION",
    help="Only those for this edition of the puzzle book.  [default: all editions]",
)
def samples(folder: Path, puzzle: str, edition: str | None) -> None:
    """Write the labelled samples into DIR: right ones, wrong ones, hostile ones.

    DIR/labels.csv says what each must get, and why. Hostile ones try to cheat or to do harm:
    compile and run them with the grader only.
    """
    from grader.samples import read_samples, write_samples
    from grader.toolchain import edition as editions

    if edition is not None:
        edition = editions.find(edition).name
    chosen = [each for each in read_samples(puzzle) if edition in (None, each.edition)]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "edition", "verdict", "score", "why"])
        for sample, path in zip(chosen, write_samples(chosen, folder), strict=True):
            entry = sample.entry
            name = path.relative_to(folder).as_posix()
            table.writerow([name, sample.edition, entry.verdict, entry.score, entry.why])
    click.echo(f"{len(chosen)} samples in {folder}; what each must get: {folder / 'labels.csv'}")
