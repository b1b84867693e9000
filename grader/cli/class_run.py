"""``grade rerender``, ``grade show`` and ``grade diff``: look again at a class that was graded."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from grader.record import Audience

_RUN = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command()
@click.argument("run", type=_RUN)
def rerender(run: Path) -> None:
    """Write dashboard, gradebooks and reports of RUN again; nothing is graded.

    For a run that was stopped, after the due date of its rubric, or after an
    update of the grader.
    """
    from grader.batch.database import locked
    from grader.batch.results import write_outputs
    from grader.batch.store import Store
    from grader.errors import UsageError

    with locked(run), Store(run) as store:
        info = store.info()
        if info is None:
            raise UsageError(
                f"nothing was graded in {run} yet", remedy="Run grade batch with --out first."
            )
        write_outputs(store, info, afresh=True)
    click.echo(f"Dashboard: {run / 'index.html'}")


@click.command()
@click.argument("run", type=_RUN)
@click.argument("student")
@click.option(
    "--audience",
    default="instructor",
    show_default=True,
    type=click.Choice(["student", "instructor"]),
    help="student shows what the student may see now.",
)
def show(run: Path, student: str, audience: Audience) -> None:
    """Show how it ended for STUDENT in RUN: a key, a name, an identifier, an email, or a part."""
    from datetime import UTC, datetime

    from grader.batch.compare import find_student
    from grader.batch.outputs.feedback import for_student
    from grader.batch.results import find_result
    from grader.batch.store import Store
    from grader.course.github import on_runner
    from grader.intake.display import for_terminal, one_line
    from grader.report.formats.github import fenced
    from grader.report.text import render_text

    with Store(run) as store:
        found = find_student(store, student)
        result = find_result(store, found.key)
        attempts = store.attempts().get(found.key, [])
    for name, value in (
        ("Student", found.name),
        ("Key", found.key),
        ("Id", found.id),
        ("Email", found.email),
        ("Repository", found.repository),
        ("Handed in", found.late_in_words or found.lateness.replace("unknown", "")),
    ):
        if value:
            click.echo(f"{name + ':':<12} {one_line(value)}")
    several = len({each.attempt.origin for each in attempts}) > 1
    for each in attempts:
        origin = Path(each.attempt.origin).name
        source = f"{origin}: {each.attempt.source}" if several else each.attempt.source
        counts = " (counts)" if each.attempt.counts else ""
        when = f", {each.attempt.handed_in}" if each.attempt.handed_in else ""
        click.echo(f"Attempt {each.attempt.number}:   {one_line(source)}{when}{counts}")
    if result.equal_to and audience == "instructor":
        click.echo(f"Equal to:    {result.equal_to}, graded once for both")
    click.echo("")
    if result.refusal is not None:
        click.echo(f"Refused: {for_terminal(result.refusal.what)}\n{result.refusal.remedy}")
    elif result.record is None:
        click.echo("Nothing was handed in." if result.attempt is None else "Not graded yet.")
    else:
        record = result.record
        if audience == "student":
            record = for_student(record, datetime.now(UTC))
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        text = render_text(
            record,
            width=shutil.get_terminal_size().columns,
            colour=colour,
            encoding=sys.stdout.encoding or "ascii",
            audience=audience,
        )
        # On GitHub's runner, what a submission says must not become a command of the workflow.
        click.echo(fenced(text) if on_runner() else text, color=True if colour else None)
        below = "reports" if audience == "instructor" else "feedback"
        report = run / below / found.key / "report.html"
        if report.is_file():
            click.echo(f"Report: {report}")


@click.command()
@click.argument("run1", type=_RUN)
@click.argument("run2", type=_RUN)
def diff(run1: Path, run2: Path) -> None:
    """Say whose mark differs between RUN1 and RUN2, and why."""
    from grader.batch.compare import compare
    from grader.batch.store import Store
    from grader.intake.display import one_line

    changed = 0
    with Store(run1) as before, Store(run2) as after:
        for change in compare(before, after):
            changed += 1
            name = one_line(change.student.name)
            click.echo(f"{name} ({change.student.key}): {change.before} → {change.after}")
            for reason in change.reasons:
                click.echo(f"    {one_line(reason)}")
    click.echo(f"{changed} marks differ." if changed != 1 else "1 mark differs.")
