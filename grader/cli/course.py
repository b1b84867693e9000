"""What a course starts from, and the steps of its GitHub action, hidden from ``grade --help``.

A step of ``action.yml`` reads its inputs from GRADE_*.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import options
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.record import Audience


@click.group()
def init() -> None:
    """Start a course from templates."""


@init.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@options.puzzles
@options.edition("Edition of the puzzle book that the skeletons are written for.")
@click.option(
    "--action",
    "action",
    default="OWNER/mojo-grade@v1",
    show_default=True,
    help="The action that the workflows use: repository and tag or commit.",
)
def course(folder: Path, puzzles: tuple[str, ...], edition: str, action: str) -> None:
    """Write the two repositories of a course into DIR.

    DIR/student is what students start from; DIR/instructor grades all of them,
    where students can change nothing.
    """
    from grader.course import write_course

    for path in write_course(folder, puzzles=puzzles, edition=edition, action=action):
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


@click.group(hidden=True)
def action() -> None:
    """The steps of the GitHub action; see action.yml for what calls them."""


@action.command()
def sandbox() -> None:
    """Let bubblewrap work on this runner, if one narrow step does it. Never fails the job."""
    from grader.course import open_sandbox
    from grader.intake.display import for_terminal

    click.echo(for_terminal(open_sandbox()))


@action.command()
@click.option("--path", envvar="GRADE_PATH", required=True)
@click.option("--puzzle", envvar="GRADE_PUZZLE", default="auto")
@click.option("--edition", envvar="GRADE_EDITION", default="auto")
@click.option("--device", envvar="GRADE_DEVICE", default="auto")
@click.option("--pass-mark", envvar="GRADE_PASS_MARK", default="")
@click.option("--fail-on", envvar="GRADE_FAIL_ON", default="fail")
@click.option("--rubric", envvar="GRADE_RUBRIC", default="")
@click.option("--audience", envvar="GRADE_AUDIENCE", default="student")
@click.option("--out", envvar="GRADE_OUT", required=True, type=click.Path(path_type=Path))
def grade(
    path: str,
    puzzle: str,
    edition: str,
    device: str,
    pass_mark: str,
    fail_on: str,
    rubric: str,
    audience: str,
    out: Path,
) -> None:
    """Grade one file, tell GitHub, and set the outputs; ends well whatever the verdict."""
    from grader.course import GradeStep, parse_fail_on, parse_pass_mark, set_outputs

    if audience not in ("student", "instructor"):
        raise UsageError(
            f"audience: {audience!r} is neither student nor instructor",
            remedy="Correct the input of the action in the workflow file.",
        )
    chosen: Audience = "instructor" if audience == "instructor" else "student"
    options = ("--puzzle", puzzle, "--edition", edition, "--device", device)
    step = GradeStep(
        path=path,
        options=(*options, "--rubric", rubric) if rubric.strip() else options,
        pass_mark=parse_pass_mark(pass_mark),
        fail_on=parse_fail_on(fail_on),
        audience=chosen,
        out=out,
    )
    set_outputs(step.run())
