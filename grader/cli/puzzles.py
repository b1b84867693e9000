"""``grade puzzles``: what can be graded."""

from __future__ import annotations

import click

from grader.puzzles import NAMES, find


@click.command()
def puzzles() -> None:
    """List the puzzles with their domain and rubric."""
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
