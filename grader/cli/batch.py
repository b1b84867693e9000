"""``grade batch``: grade a class."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from grader.choices import Wanted
from grader.cli import options
from grader.errors import ExitCode, UsageError
from grader.lanes import DeviceChoice
from grader.puzzles import NAMES

if TYPE_CHECKING:
    from grader.batch.collect import Collection
    from grader.batch.collect.by_puzzle import SortedClass
    from grader.batch.merge import MergedClass
    from grader.batch.plan import Plan, RubricFile, Settings
    from grader.batch.pool import Backend
    from grader.batch.run import Summary
    from grader.batch.several import PuzzleClass

INTERRUPTED = 130
_SHOWN = 3
_NOTHING_DONE = "Nothing was graded or written. Without --dry-run, this is what will be done."
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
    "rubrics",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file that changes points, sizes and what students see of the puzzle that it names. "
    "Give it again for each of several puzzles.",
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
    rubrics: tuple[Path, ...],
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

    Without --puzzle, each file is graded as what it is. Where SOURCE holds files of
    several puzzles, the run's folder has a class for each, and an overview of all.

    Each result is stored in the run's folder the moment it is known. Call it
    again with the same folder, whatever ended it, and it goes on where it
    stopped: only what is new or changed is graded, and why is said. Another SOURCE
    for the same folder (late work, say) adds to the class; nobody disappears.
    """
    from grader.batch.plan import Settings, definite_device
    from grader.batch.several import sorted_by_puzzle
    from grader.batch.task import Options

    folder = out or Path("grade-out") / f"batch-{_plain(source)}"
    by_puzzle = _of_puzzles(rubrics, puzzle)
    name = _said(puzzle, by_puzzle, folder)
    with contextlib.ExitStack() as stack:
        found = None
        if name is None:
            found = stack.enter_context(sorted_by_puzzle(source, roster, folder))
            name = _found(found, by_puzzle, folder)
        settings = Settings(
            source=source,
            folder=folder,
            roster=roster,
            title=title,
            workers=workers,
            regrade=regrade,
            replace_class=replace_class,
            scheduler=scheduler,
            rubrics={each: _rubric_file(path, each) for each, path in by_puzzle.items()},
            options=Options(
                puzzle=name or "",
                edition=edition,
                device=definite_device(cast(DeviceChoice, device), scheduler=scheduler),
                examples=examples,
                timeout=timeout,
                isolation=Wanted(isolation),
            ),
        )
        if name is not None:
            settings = settings.of_puzzle(name)
        elif found is not None:
            _several(settings, found, only_list=dry_run)
            return
    if dry_run:
        _list(settings)
        return
    summary = _run(settings)
    _conclude([summary])
    click.echo(f"Dashboard: {settings.folder / 'index.html'}")
    click.echo(f"Gradebooks: {settings.folder / 'gradebook'}")
    click.echo(f"Reports to send back: {settings.folder / 'feedback'}")
    _end([summary])


def _of_puzzles(rubrics: Sequence[Path], puzzle: str | None) -> dict[str, Path]:
    """The rubric files by the puzzles that they are of."""
    found: dict[str, Path] = {}
    for rubric in rubrics:
        name = options.assignment(puzzle, rubric) or ""
        if name in found:
            raise UsageError(
                f"{found[name].name} and {rubric.name} are both rubrics of {name}",
                remedy="Give one rubric file for each puzzle.",
            )
        found[name] = rubric
    return found


def _said(puzzle: str | None, rubrics: Mapping[str, Path], folder: Path) -> str | None:
    """The one puzzle that is graded, where that is said, or was for this folder."""
    from grader.batch.several import is_several, puzzle_of_run

    if is_several(folder):
        if puzzle:
            raise UsageError(
                f"{folder} is a run over several puzzles, and --puzzle names one",
                remedy="Leave it away to go on with all of them, or give another folder with "
                "--out.",
            )
        return None
    if puzzle:
        return puzzle
    known = puzzle_of_run(folder)
    if known and rubrics:
        return _only(rubrics, f"{folder} is a run over the puzzle {known}")
    if known:
        click.echo(
            f"Note: {folder} is a run over the puzzle {known}, and every file is graded as that. "
            "For files of several puzzles give another folder with --out.",
            err=True,
        )
    return known or None


def _only(rubrics: Mapping[str, Path], where: str) -> str:
    """The one puzzle that rubrics are of."""
    if len(rubrics) > 1:
        raise UsageError(
            f"{where}, and the rubrics are of {', '.join(rubrics)}",
            remedy="Give the rubric of that puzzle alone.",
        )
    (name,) = rubrics
    return name


def _found(found: SortedClass, rubrics: Mapping[str, Path], folder: Path) -> str | None:
    """The one puzzle of which the files are; None where there are several."""
    from grader.batch.several import is_several

    if len(found.puzzles) < 2 and rubrics and not is_several(folder):
        return _only(rubrics, f"all files are of {''.join(found.puzzles) or 'no known puzzle'}")
    if not found.puzzles:
        shown = [f"{each.source}: {each.why}" for each in found.left_out[:_SHOWN]]
        raise UsageError(
            "which puzzle is it? No file tells: " + " ".join(shown or found.notes),
            remedy=f"Say it with --puzzle, which takes one of: {', '.join(NAMES)}.",
        )
    return None if len(found.puzzles) > 1 or is_several(folder) else found.puzzles[0]


def _several(settings: Settings, found: SortedClass, *, only_list: bool) -> None:
    """Grade, or list, files of several puzzles."""
    from grader.batch.display import RunDisplay, note_lines, sorted_lines
    from grader.batch.results import write_outputs
    from grader.batch.several import classes_of, run_several

    for name in settings.rubrics.keys() - set(found.puzzles):
        file = settings.rubrics[name].name
        click.echo(f"Note: {file} is a rubric of {name}, and no file is of that.", err=True)
    lines = sorted_lines(found) if only_list else note_lines(found)
    for line in lines:
        click.echo(line, err=not only_list)
    if only_list:
        for each in classes_of(settings, found):
            click.echo(f"\n{each.settings.options.puzzle}:")
            _list_plan(*each.dry_run())
        click.echo(_NOTHING_DONE)
        return
    with _stopping(settings), contextlib.ExitStack() as stack:

        def display(each: PuzzleClass) -> RunDisplay:
            click.echo(f"\n{each.puzzle}:", err=True)
            return stack.enter_context(RunDisplay())

        summaries = run_several(
            settings, found, backend=_backend, display=display, write=write_outputs
        )
    _conclude(summaries)
    click.echo(f"Overview: {settings.folder / 'index.html'}")
    click.echo(f"Marks: {settings.folder / 'marks.csv'}")
    click.echo(f"Dashboard, gradebooks and reports of each puzzle: {settings.folder / 'PUZZLE'}")
    _end(summaries)


def _run(settings: Settings) -> Summary:
    from grader.batch.display import RunDisplay
    from grader.batch.results import write_outputs
    from grader.batch.run import run

    with _stopping(settings), RunDisplay() as display:
        return run(settings, backend=_backend, display=display, write=write_outputs)


@contextlib.contextmanager
def _stopping(settings: Settings) -> Iterator[None]:
    """Ctrl-C and SIGTERM end a run with words that say how to go on."""
    try:
        with _terminated_is_interrupted():
            yield
    except KeyboardInterrupt:
        click.echo(
            f"\nStopped. What was graded is kept in {settings.folder}; the same command goes on "
            "from there.",
            err=True,
        )
        raise click.exceptions.Exit(INTERRUPTED) from None


def _conclude(summaries: Sequence[Summary]) -> None:
    faults = sum(each.faults for each in summaries)
    not_regraded = sum(each.not_regraded for each in summaries)
    if faults:
        click.echo(
            f"{faults} students have no mark through a fault of the grader. Run the same "
            "command again to try these again.",
            err=True,
        )
    if not_regraded:
        click.echo(
            f"{not_regraded} results could not be made again through a fault of the "
            "grader. They stay as they were. Run the same command again to try these again.",
            err=True,
        )


def _end(summaries: Sequence[Summary]) -> None:
    if any(each.faults or each.not_regraded for each in summaries):
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
    from grader.batch.run import dry_run

    _list_plan(*dry_run(settings))
    click.echo(_NOTHING_DONE)


def _list_plan(collection: Collection, everybody: MergedClass, plan: Plan) -> None:
    from grader.batch.collect.spelling import plain
    from grader.batch.display import change_lines, plan_lines
    from grader.batch.plan import SCORED_AGAIN
    from grader.intake.display import one_line

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
    sys.stdout.flush()


def _rubric_file(path: Path, puzzle: str) -> RubricFile:
    from grader import puzzles
    from grader.batch.plan import RubricFile
    from grader.intake.display import one_line
    from grader.rubric import load_rubric

    rubric = load_rubric(path, puzzles.find(puzzle))
    for notice in rubric.notices:
        click.echo(f"Note: {notice}", err=True)
    return RubricFile(one_line(path.name), rubric)


def _plain(source: Path) -> str:
    """A folder name for a source: its own name's plain characters."""
    name = source.resolve().name
    stem = name.removesuffix(".zip")
    plain = "".join(char for char in stem if char.isalnum() or char in "._-").strip(".-")
    return plain[:80] or "class"
