"""``grade puzzles``: what can be graded."""

from __future__ import annotations

from pathlib import Path

import click

from grader.puzzles import NAMES, find


@click.group(invoke_without_command=True)
@click.pass_context
@click.option(
    "--rubric",
    "wanted",
    metavar="NAME",
    type=click.Choice(NAMES),
    help="Print the rubric of a puzzle as a complete, commented file to start from.",
)
def puzzles(context: click.Context, wanted: str | None) -> None:
    """List the puzzles with their domain and rubric."""
    if context.invoked_subcommand is not None:
        return
    if wanted is not None:
        from grader.rubric import starting_file

        click.echo(starting_file(find(wanted)), nl=False)
        return
    for number, puzzle in enumerate(map(find, NAMES)):
        if number:
            click.echo()
        click.echo(f"{puzzle.name}: {puzzle.title}")
        for part in puzzle.parts:
            if len(puzzle.parts) > 1:
                click.echo(f"  {part.name}: {part.title}")
            click.echo(f"  {part.formula}")
            click.echo(f"  Sizes: {part.domain}")
        click.echo("  Rubric:")
        for item in puzzle.rubric:
            points = f"+{item.points}" if item.extra else f"{item.points}"
            click.echo(f"  {points:>5}  {item.title}{' (extra credit)' if item.extra else ''}")


@puzzles.command()
@click.argument("clone", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--puzzle",
    "name",
    type=click.Choice(NAMES),
    help="Make the digests of the code that the book gives for this puzzle.",
)
@click.option(
    "--branch",
    "branches",
    multiple=True,
    metavar="NAME",
    help="Read this branch; more than once for several.  [default: main and stable]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of printing: grader/book/book.json, or with --puzzle "
    "reference_kernels/PUZZLE/given.json.",
)
def fingerprint(clone: Path, name: str | None, branches: tuple[str, ...], out: Path | None) -> None:
    """Make the data of what the book ships, from a CLONE with its history.

    They are digests of all versions of its files, and the names that these declare. They tell a
    student's work from what was given, and which puzzle a file is of. Make them again when the
    book has changed. Name only branches of the book itself: what a pull request holds is
    somebody's work.
    """
    from grader.book.history import BRANCHES, read_given, read_history, written

    if name is None:
        shipped = read_history(clone, branches or BRANCHES)
        versions = sum(len(those) for those in shipped.files.values())
        told = f"{len(shipped.topics)} puzzles, {versions} versions of {len(shipped.files)} files"
        text, until = written(shipped), shipped.until
    else:
        given = read_given(clone, find(name), branches or BRANCHES)
        told = f"{sum(len(those) for those in given.given.values())} versions of the given code"
        text, until = written(given), given.until
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, "utf-8")
    click.echo(f"{out}: {told}, until {until}")
