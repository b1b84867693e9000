"""``grade report`` and ``grade replay``: render a record again, and run one of its cases again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from grader.choices import Wanted
from grader.cli import options
from grader.cli.root import EXIT_CODES
from grader.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from grader.lanes import DeviceChoice
    from grader.record import Audience


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, allow_dash=True),
    help="Folder to write to; - for standard output, which takes one format.  "
    "[default: the record's]",
)
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
    "--case",
    type=click.IntRange(min=1),
    help="Which counterexample the program of --format repro runs.  [default: the first]",
)
@click.option(
    "--audience",
    default="student",
    show_default=True,
    type=click.Choice(["student", "instructor"]),
    help="Who reads it. Of a whole record, a student's report leaves out what the rubric hides.",
)
@options.hints
def report(
    record: Path,
    out: Path | None,
    formats: str,
    path: str,
    case: int | None,
    audience: Audience,
    hints: int | None,
) -> None:
    """Render RECORD, a record.json that grade submit wrote, again."""
    from grader.cli.output import Outputs, for_reader, for_stdout, parse_formats
    from grader.course import ReportTarget
    from grader.record import load
    from grader.report import FORMATS

    target = ReportTarget(path=path, audience=audience)
    wanted = parse_formats(formats)
    outputs = Outputs(
        out or record.parent,
        wanted,
        target,
        case or 0,
        hints=options.shown_hints(hints, audience),
        to_stdout=for_stdout(out, wanted),
    )
    loaded = load(record)
    shown = for_reader(loaded, audience)
    copy = outputs.folder / FORMATS["json"].file
    if shown != loaded and "json" in outputs.formats and _same(copy, record):
        raise UsageError(
            f"the student's copy would replace {record}, the whole record",
            remedy="Choose another folder with --out DIR.",
        )
    outputs.prepare()
    outputs.show(shown, outputs.write(shown))


def _same(copy: Path, record: Path) -> bool:
    return copy.exists() and copy.samefile(record)


@click.command(epilog=EXIT_CODES)
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--case",
    "number",
    type=click.IntRange(min=1),
    help="Which case, from 1.  [default: the first counterexample's]",
)
@click.option("--list", "listed", is_flag=True, help="List the cases and run none.")
@click.option(
    "--device",
    type=options.DEVICES,
    help="What to run it on.  [default: what the record was made on]",
)
@click.option(
    "--format",
    "format_",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json"]),
)
@options.timeout("Seconds that one stage may take.")
@options.isolation("run")
@options.offline
def replay(
    record: Path,
    number: int | None,
    listed: bool,
    device: str | None,
    format_: str,
    timeout: float,
    isolation: str,
) -> None:
    """Run one case of RECORD again and show all that the device sees of it.

    RECORD is a record.json that grade submit wrote with --audience instructor,
    or without a rubric. Nothing else is needed. Ends with 1 where the case is
    not right.
    """
    from grader.record import load

    loaded = load(record)  # before what takes longer to import
    from grader.cli.progress import TerminalProgress
    from grader.grading.replay import cases_of, first_worth_showing, replay_case
    from grader.report.replay import render_list, render_replayed

    if listed:
        click.echo(render_list(cases_of(loaded)))
        return
    with TerminalProgress(sys.stderr) as progress:
        replayed = replay_case(
            loaded,
            number or first_worth_showing(loaded),
            progress,
            device=cast("DeviceChoice | None", device),
            isolation=Wanted(isolation),
            timeout=timeout,
        )
        progress.done()
    if format_ == "json":
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(replayed), indent=2))
    else:
        click.echo(render_replayed(replayed))
    raise click.exceptions.Exit(int(ExitCode.NOT_PASSED if replayed.problems else ExitCode.PASSED))
