"""``grade report``: render a record again."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.output import Outputs, parse_formats
from grader.record import load


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--format", "formats", default="html,text", show_default=True)
def report(record: Path, out: Path | None, formats: str) -> None:
    """Render RECORD, a record.json that grade submit wrote, again."""
    outputs = Outputs(out or record.parent, parse_formats(formats))
    loaded = load(record)
    outputs.prepare()
    outputs.show(loaded, outputs.write(loaded))
