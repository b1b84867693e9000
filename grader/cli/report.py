"""``grade report``: render a record again."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.output import Outputs, for_reader, parse_formats
from grader.course.github import ReportTarget
from grader.errors import UsageError
from grader.record import Audience, load
from grader.report import FILE_NAMES


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
    help="Who reads it. Of a whole record, a student's report leaves out what the rubric hides.",
)
def report(record: Path, out: Path | None, formats: str, path: str, audience: Audience) -> None:
    """Render RECORD, a record.json that grade submit wrote, again."""
    target = ReportTarget(path=path, audience=audience)
    outputs = Outputs(out or record.parent, parse_formats(formats), target)
    loaded = load(record)
    shown = for_reader(loaded, audience)
    copy = outputs.folder / FILE_NAMES["json"]
    if shown != loaded and "json" in outputs.formats and _same(copy, record):
        raise UsageError(
            f"the student's copy would replace {record}, the whole record",
            remedy="Choose another folder with --out DIR.",
        )
    outputs.prepare()
    outputs.show(shown, outputs.write(shown))


def _same(copy: Path, record: Path) -> bool:
    return copy.exists() and copy.samefile(record)
