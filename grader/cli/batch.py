"""``grade batch``: grade a class."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from grader.cli import options
from grader.errors import ExitCode
from grader.lanes import DeviceChoice
from grader.sandbox import Wanted

if TYPE_CHECKING:
    from grader.batch.plan import Settings
    from grader.batch.pool import Backend
    from grader.batch.run import Summary
    from grader.rubric import Rubric

INTERRUPTED = 130
EXIT_CODES = """\b
Exit codes:
  0    every program has a mark or was refused, whatever the marks
  2    the command was called wrongly, or another one is at work in the folder
  4    some could not be graded, by a fault of the grader: no mark, and not the student's doing,
       or the mark of before; or results could not be stored
  130  stopped by Ctrl-C or SIGTERM; the same command goes on from there
"""


@click.command(epilog=EXIT_CODES)
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the run. One that is there is gone on with.  [default: grade-out/batch-NAME]",
)
@click.option(
    "--roster",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with a header: id, name, email, repository, late (any of them).",
)
@options.puzzle_of_class
@options.edition("Edition of the puzzle book that the files are written for.")
@options.device(
    "One kind for the whole run. auto takes a GPU of this machine whose driver works, else "
    "the software device."
)
@click.option(
    "--rubric",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file that changes points, sizes and what students see.",
)
@click.option("--title", default="", help="Of the dashboard.  [default: the name of SOURCE]")
@click.option(
    "--workers",
    type=click.IntRange(1, 1_000),
    help="Gradings at a time.  [default: what this machine's cores and memory carry]",
)
@click.option(
    "--regrade",
    metavar="[PATTERN]",
    is_flag=False,
    flag_value="*",
    default="",
    help="Grade again what has a result: all, or who has that key, name, id, email or file, or a "
    "pattern of one, such as --regrade='*doe*'. Put it behind SOURCE.",
)
@click.option(
    "--replace-class",
    is_flag=True,
    help="Take out of the run who is not in SOURCE. Without it they keep their work and marks.",
)
@click.option("--dry-run", is_flag=True, help="List what would be graded and why; write nothing.")
@click.option(
    "--scheduler",
    default="",
    metavar="URL",
    help="Grade on a cluster of dask.distributed, such as tcp://host:8786. See docs/cluster.md.",
)
@options.examples(f"Cases for each program. {options.LEAST}")
@options.timeout("Seconds that one stage of a grading may take.")
@options.isolation("grade")
@options.offline
def batch(
    source: Path,
    out: Path | None,
    roster: Path | None,
    puzzle: str | None,
    edition: str,
    device: str,
    rubric: Path | None,
    title: str,
    workers: int | None,
    regrade: str,
    replace_class: bool,
    dry_run: bool,
    scheduler: str,
    examples: int,
    timeout: float,
    isolation: str,
) -> None:
    """Grade a class: all submissions in SOURCE.

    SOURCE is a folder of files, a folder with a folder for each student (such as
    clones of GitHub Classroom's repositories), or what Canvas or Moodle give when
    all submissions are downloaded, as a ZIP archive or unpacked.

    Each result is stored in the run's folder the moment it is known. Call it
    again with the same folder, whatever ended it, and it goes on where it
    stopped: only what is new or changed is graded, and why is said. Another SOURCE
    for the same folder (late work, say) adds to the class; nobody disappears.
    """
    from grader.batch.plan import Settings, definite_device
    from grader.batch.task import Options
    from grader.intake.display import one_line

    name = options.needed_assignment(puzzle, rubric)
    loaded = _rubric(rubric, name)
    settings = Settings(
        source=source,
        folder=out or Path("grade-out") / f"batch-{_plain(source)}",
        roster=roster,
        title=title,
        workers=workers,
        regrade=regrade,
        replace_class=replace_class,
        scheduler=scheduler,
        rubric=loaded,
        options=Options(
            puzzle=name,
            edition=edition,
            device=definite_device(cast(DeviceChoice, device), scheduler=scheduler),
            examples=examples,
            timeout=timeout,
            isolation=Wanted(isolation),
            rubric=loaded.source if loaded else "",
            skeleton=loaded.skeleton if loaded else None,
            rubric_name=one_line(rubric.name) if rubric else "",
        ),
    )
    if dry_run:
        _list(settings)
        return
    summary = _run(settings)
    _conclude(settings, summary)


def _run(settings: Settings) -> Summary:
    from grader.batch.display import RunDisplay
    from grader.batch.results import write_outputs
    from grader.batch.run import run

    with (
        contextlib.suppress(KeyboardInterrupt),
        RunDisplay() as display,
        _terminated_is_interrupted(),
    ):
        return run(settings, backend=_backend, display=display, write=write_outputs)
    click.echo(
        f"\nStopped. What was graded is kept in {settings.folder}; the same command goes on "
        "from there.",
        err=True,
    )
    raise click.exceptions.Exit(INTERRUPTED)


def _conclude(settings: Settings, summary: Summary) -> None:
    if summary.faults:
        click.echo(
            f"{summary.faults} students have no mark through a fault of the grader. Run the same "
            "command again to try these again.",
            err=True,
        )
    if summary.not_regraded:
        click.echo(
            f"{summary.not_regraded} results could not be made again through a fault of the "
            "grader. They stay as they were. Run the same command again to try these again.",
            err=True,
        )
    click.echo(f"Dashboard: {settings.folder / 'index.html'}")
    click.echo(f"Gradebooks: {settings.folder / 'gradebook'}")
    click.echo(f"Reports to send back: {settings.folder / 'feedback'}")
    if summary.faults or summary.not_regraded:
        raise click.exceptions.Exit(int(ExitCode.FAULT))


@contextlib.contextmanager
def _backend(settings: Settings) -> Iterator[Backend]:
    from grader.batch import pool
    from grader.batch.plan import check_machine
    from grader.batch.pool import LocalPool

    backend: Backend
    if settings.scheduler:
        from grader.batch.cluster import ClusterPool

        backend = ClusterPool(settings.scheduler, gpu=settings.options.device == "gpu")
    else:
        if note := check_machine(settings):
            click.echo(f"Note: {note}", err=True)
        backend = LocalPool(settings.workers or pool.default_workers())
    try:
        yield backend
    finally:
        backend.close()


@contextlib.contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """SIGTERM (a batch system's time limit, a service that stops) ends a run as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _list(settings: Settings) -> None:
    """``--dry-run``: what would be graded."""
    from grader.batch.collect.spelling import plain
    from grader.batch.display import change_lines, plan_lines
    from grader.batch.plan import SCORED_AGAIN
    from grader.batch.run import dry_run
    from grader.intake.display import one_line

    collection, everybody, plan = dry_run(settings)
    # A key may hold next to nothing of a name that is not in Latin script.
    who = {
        student.key: student.key
        if plain(student.name) == plain(student.key)
        else f"{student.key} ({one_line(student.name, limit=40)})"
        for student in everybody.students
    }
    click.echo(f"{len(collection.students)} students in {collection.form}")
    for line in change_lines(plan.changes):
        click.echo(line)
    reasons = {job.program: job for job in plan.jobs}
    scored_again = set(plan.scored_again)
    for stored in everybody.stored:
        attempt = stored.attempt
        if not attempt.counts:
            continue
        head = f"  {who[attempt.student]:<30} {one_line(attempt.source, limit=60):<40}"
        job = reasons.get(everybody.programs.get(attempt.sha256, ""))
        if stored.refusal is not None:
            click.echo(f"{head} refused: {one_line(stored.refusal.what)}")
        elif everybody.programs.get(attempt.sha256, "") in scored_again:
            click.echo(f"{head} has its result, to be {SCORED_AGAIN}")
        elif job is None:
            click.echo(f"{head} has its result")
        elif job.students[0] == attempt.student:
            click.echo(f"{head} to grade: {job.reason}")
        else:
            click.echo(f"{head} as {job.students[0]}, whose program is equal")
    found = {stored.attempt.student for stored in everybody.stored}
    for student in everybody.students:
        if student.key not in found:
            click.echo(f"  {who[student.key]:<30} nothing handed in")
    for line in plan_lines(plan):
        click.echo(line)
    for note in collection.notes:
        click.echo(f"Note: {note}")
    for refusal in collection.refusals:
        click.echo(f"Refused: {one_line(refusal.what)}")
    click.echo("Nothing was graded or written. Without --dry-run, this is what will be done.")
    sys.stdout.flush()


def _rubric(path: Path | None, puzzle: str) -> Rubric | None:
    if path is None:
        return None
    from grader import puzzles
    from grader.rubric import load_rubric

    rubric = load_rubric(path, puzzles.find(puzzle))
    for notice in rubric.notices:
        click.echo(f"Note: {notice}", err=True)
    return rubric


def _plain(source: Path) -> str:
    """A folder name for a source: its own name's plain characters."""
    name = source.resolve().name
    stem = name.removesuffix(".zip")
    plain = "".join(char for char in stem if char.isalnum() or char in "._-").strip(".-")
    return plain[:80] or "class"
