"""``grade puzzles``: what can be graded."""

from __future__ import annotations

import click

from grader.puzzles import NAMES, find


@click.command()
@click.option(
    "--rubric",
    "wanted",
    metavar="NAME",
    type=click.Choice(NAMES),
    help="Print the rubric of a puzzle as a complete, commented file to start from.",
)
def puzzles(wanted: str | None) -> None:
    """List the puzzles with their domain and rubric."""
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
