"""``grade samples``: labelled samples as files."""

from __future__ import annotations

import csv
from pathlib import Path

import click

from grader.cli import options


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
