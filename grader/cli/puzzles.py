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
        click.echo(f"  {puzzle.formula}")
        click.echo(f"  Sizes: {puzzle.domain}")
        click.echo("  Rubric:")
        for item in puzzle.rubric:
            points = f"+{item.points}" if item.extra else f"{item.points}"
            click.echo(f"  {points:>5}  {item.title}{' (extra credit)' if item.extra else ''}")


@puzzles.command()
@click.argument("clone", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--puzzle", "name", default=NAMES[0], show_default=True, type=click.Choice(NAMES), help="Whose."
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
    help="Write to this file instead of printing: reference_kernels/PUZZLE/book.json.",
)
def fingerprint(clone: Path, name: str, branches: tuple[str, ...], out: Path | None) -> None:
    """Make the digests of all that the book ships, from a CLONE with its history.

    They tell a student's work from what was given. Make them again when the book has changed.
    Name only branches of the book itself: what a pull request holds is somebody's work.
    """
    from grader.book.history import BRANCHES, read_history, written

    shipped = read_history(clone, find(name), branches or BRANCHES)
    text = written(shipped)
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, "utf-8")
    versions = sum(len(those) for those in shipped.files.values())
    click.echo(f"{out}: {versions} versions of {len(shipped.files)} files, until {shipped.until}")
