"""``grade replay``: run one case of a record again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import click

from grader.cli import options
from grader.cli.progress import TerminalProgress
from grader.cli.root import EXIT_CODES
from grader.errors import ExitCode
from grader.lanes import DeviceChoice
from grader.record import load
from grader.sandbox import Wanted


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
    from grader.grading.again import cases_of, first_worth_showing, run_again
    from grader.report.again import render_again, render_list

    loaded = load(record)
    if listed:
        click.echo(render_list(cases_of(loaded)))
        return
    with TerminalProgress(sys.stderr) as progress:
        again = run_again(
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

        click.echo(msgspec.json.format(msgspec.json.encode(again), indent=2))
    else:
        click.echo(render_again(again))
    raise click.exceptions.Exit(int(ExitCode.NOT_PASSED if again.problems else ExitCode.PASSED))
