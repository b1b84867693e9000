"""``grade report``: render a record again."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.github import Audience, Place
from grader.cli.output import Outputs, parse_formats
from grader.record import load


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option(
    "--format",
    "formats",
    default="html,text",
    show_default=True,
    help="What to write, separated by commas; help lists them all.",
)
@click.option(
    "--path", default="", help="Path of the submission in its repository, for annotations."
)
@click.option(
    "--audience",
    default="student",
    show_default=True,
    type=click.Choice(["student", "instructor"]),
    help="Who reads GitHub's job summary.",
)
def report(record: Path, out: Path | None, formats: str, path: str, audience: Audience) -> None:
    """Render RECORD, a record.json that grade submit wrote, again."""
    place = Place(path=path, audience=audience)
    outputs = Outputs(out or record.parent, parse_formats(formats), place)
    loaded = load(record)
    outputs.prepare()
    outputs.show(loaded, outputs.write(loaded))
