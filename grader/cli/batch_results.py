"""``grade rerender``, ``grade show`` and ``grade diff``: look again at a class that was graded."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from grader.batch.model import StudentResult
    from grader.batch.store import StoredAttempt
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
    from grader.batch.several import is_several, rerender_several
    from grader.batch.store import Store
    from grader.errors import UsageError

    if is_several(run):
        rerender_several(run)
        click.echo(f"Overview: {run / 'index.html'}")
        return
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
    """Show how it ended for STUDENT in RUN: a key, a name, an identifier, an email, or a part.

    In a run over several puzzles, for each of which something was handed in.
    """
    from grader.batch.compare import find_student
    from grader.batch.results import find_result
    from grader.batch.several import class_folders
    from grader.batch.store import Store
    from grader.errors import UsageError

    folders = class_folders(run)
    shown, missing = 0, None
    for folder in folders:
        with Store(folder) as store:
            try:
                found = find_student(store, student)
            except UsageError as error:
                missing = error
                continue
            result = find_result(store, found.key)
            attempts = store.attempts().get(found.key, [])
        if len(folders) > 1 and result.attempt is None:
            continue
        if len(folders) > 1:
            click.echo(f"{folder.name}:" if not shown else f"\n{folder.name}:")
        _show(folder, result, attempts, audience)
        shown += 1
    if not shown and missing is not None:
        raise missing
    if not shown:
        click.echo("Nothing was handed in.")


def _show(
    run: Path, result: StudentResult, attempts: Sequence[StoredAttempt], audience: Audience
) -> None:
    from datetime import UTC, datetime

    from grader.batch.outputs.feedback import for_student
    from grader.course import on_runner
    from grader.intake.display import for_terminal, one_line
    from grader.report.formats.github import fenced
    from grader.report.text import render_text

    found = result.student
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
    """Say whose mark differs between RUN1 and RUN2, and why.

    Of runs over several puzzles, those that are in both are compared.
    """
    from grader.batch.several import class_folders, is_several

    if not (is_several(run1) and is_several(run2)):
        changed = _diff(run1, run2)
    else:
        changed = 0
        others = {each.name: each for each in class_folders(run2)}
        for before in class_folders(run1):
            if after := others.pop(before.name, None):
                click.echo(f"{before.name}:")
                changed += _diff(before, after)
            else:
                click.echo(f"{before.name}: only in {run1}")
        for name in others:
            click.echo(f"{name}: only in {run2}")
    click.echo(f"{changed} marks differ." if changed != 1 else "1 mark differs.")


def _diff(run1: Path, run2: Path) -> int:
    """How many marks differ in two classes."""
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
    return changed
