"""``grade submit``: grade one file."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from grader.book.identify import PuzzleChoice, choose
from grader.cli import options
from grader.cli.output import Outputs, TerminalProgress, compared, for_reader, parse_formats
from grader.cli.root import EXIT_CODES
from grader.course import ReportTarget, path_in_repository
from grader.errors import RecordError, SubmissionRefused, UsageError
from grader.grading.state import DEFAULT_EXAMPLES, Request, SizesChoice
from grader.intake import Submission, read_submission
from grader.intake.display import safe_name
from grader.lanes import DeviceChoice
from grader.puzzles import find
from grader.record import Audience, Record, StageOutcome, load
from grader.report import FORMATS, preload
from grader.sandbox import Wanted

if TYPE_CHECKING:
    from grader.rubric import Rubric


@click.command(epilog=EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@options.puzzle_of_file(
    "The puzzle that was set; a file of another one is refused. auto takes the rubric's, else the "
    "one that the file is of."
)
@options.device("auto takes a GPU whose driver works, else the software device.")
@options.edition("Edition of the puzzle book; auto takes the one that the file is written for.")
@options.examples(f"How many cases to run, all together. {options.LEAST}")
@click.option(
    "--sizes",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "all"]),
    help="Sizes to try. auto: all assigned ones and some beyond; of the given file with a plain "
    "launch in it, a sample. all: every size that is graded.",
)
@click.option("--seed", help="Seed of the cases. Recorded; by default derived from a secret.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the record and the reports.  [default: grade-out/FILE without .mojo]",
)
@click.option(
    "--format",
    "formats",
    default="html,json,text",
    show_default=True,
    help="What to write, separated by commas. text goes to the terminal; help lists them all.",
)
@click.option(
    "--audience",
    default="student",
    show_default=True,
    type=click.Choice(["student", "instructor"]),
    help="Who reads what is written. An instructor also sees hidden checks, what is worth a "
    "look in the source, and how to run a case again.",
)
@click.option(
    "--rubric",
    "rubric_file",
    type=click.Path(path_type=Path),
    help="TOML file that changes points, sizes and what students see; "
    "grade puzzles --rubric NAME prints one.",
)
@click.option(
    "--since",
    "since",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The record.json of an earlier run, to say what changed.  [default: the one in the "
    "folder of --out, if it is of a file of this name]",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Grade it also where you have graded an equal program under equal conditions before.",
)
@options.hints
@options.timeout("Seconds that one stage may take.")
@options.isolation("grade")
@options.offline
def submit(
    file: Path,
    puzzle: str,
    device: str,
    edition: str,
    examples: int,
    sizes: str,
    seed: str | None,
    out: Path | None,
    formats: str,
    audience: Audience,
    rubric_file: Path | None,
    since: Path | None,
    fresh: bool,
    hints: int | None,
    timeout: float,
    isolation: str,
) -> None:
    """Grade FILE (or - for standard input) and write a report.

    Writes DIR/record.json, the versioned record, and DIR/report.html.
    """
    if seed is not None and not 1 <= len(seed) <= 200:
        raise UsageError("the seed must have 1 to 200 characters", remedy="Choose a shorter one.")
    assigned = options.assignment(puzzle, rubric_file)
    rubric = _rubric(rubric_file, assigned) if rubric_file is not None and assigned else None
    # The record is always written: every other format can be made from it again.
    wanted = dict.fromkeys((*parse_formats(formats), "json"))
    target = ReportTarget(path=path_in_repository(file), audience=audience)
    outputs = Outputs(
        out or Path("grade-out") / _folder_of(file),
        tuple(wanted),
        target,
        hints=options.shown_hints(hints, audience),
    )
    outputs.prepare()
    earlier = _earlier(since, outputs.folder, file)
    source: Path | Literal["-"] = "-" if str(file) == "-" else file
    discreet = audience == "student" and rubric is not None and rubric.hides
    with TerminalProgress(sys.stderr, discreet=discreet) as progress:
        for notice in rubric.notices if rubric is not None else ():
            progress.notice(notice)
        try:
            submission = read_submission(source)
            choice = PuzzleChoice(assigned) if assigned else choose(submission.text)
            request = Request(
                source=source,
                puzzle_name=choice.name,
                puzzle_reason=choice.reason,
                device=cast(DeviceChoice, device),
                edition=edition,
                examples=examples,
                sizes=cast(SizesChoice, sizes),
                seed=seed,
                timeout=timeout,
                isolation=Wanted(isolation),
                rubric=rubric,
            )
            record = _graded(request, submission, progress, fresh=fresh)
        except SubmissionRefused as refused:
            from grader.grading.records import refusal

            own = rubric.puzzle if rubric else find(assigned) if assigned else None
            record = for_reader(refusal(source, refused, puzzle=own, rubric=rubric), audience)
            record = compared(record, earlier, audience)
            outputs.write(record)
            outputs.announce(record)
            raise
        began = time.perf_counter()
        progress.stage_began("report")
        shown = compared(for_reader(record, audience), earlier, audience)
        written = outputs.write(shown)
        progress.stage_ended("report", StageOutcome.DONE, time.perf_counter() - began)
        if examples < DEFAULT_EXAMPLES and shown.cases_run > examples and not discreet:
            progress.notice(f"{shown.cases_run} cases were run. {options.LEAST}")
        progress.done()
    outputs.show(shown, written)
    # What a student may not know, the exit code must not tell either.
    raise click.exceptions.Exit(int(shown.exit_code))


def _graded(
    request: Request, submission: Submission, progress: TerminalProgress, *, fresh: bool
) -> Record:
    """The record of this file: as an equal program was graded before, or graded now."""
    from grader.remembered import Remembered

    remembered = Remembered(request, submission)
    if not fresh and (before := remembered.record()) is not None:
        when = datetime.fromisoformat(before.created).astimezone()
        progress.notice(f"as graded before, on {when:%Y-%m-%d at %H:%M}; --fresh grades it again.")
        return before
    from grader.grading.run import grade

    def meanwhile() -> None:
        preload()
        remembered.prepare()

    record = grade(request, progress, submission=submission, meanwhile=meanwhile)
    remembered.keep(record)
    return record


def _earlier(since: Path | None, folder: Path, file: Path) -> Record | None:
    """The record to compare with: the one that was named, else the one in the folder.

    Raises:
        RecordError: the one that was named can't be read.
    """
    if since is not None:
        return load(since)
    try:
        found = load(folder / FORMATS["json"].file)
    except RecordError:
        # There is none, or it is of another version: there is nothing to compare with.
        return None
    return found if found.submission.name == safe_name(file.name) else None


def _rubric(file: Path, puzzle: str) -> Rubric:
    from grader.rubric import load_rubric

    return load_rubric(file, find(puzzle))


def _folder_of(file: Path) -> Path:
    """The folder of a file's reports: another one for each file, and always the same.

    It lies as the file does, seen from the working directory. Where that can't be, or where names
    hold what a folder's should not, a digest of the whole path keeps them apart.
    """
    relative = os.path.relpath(os.path.abspath(file))
    parts = Path(relative.removesuffix(".mojo")).parts
    plain = [_plain(part) for part in parts]
    if parts and list(parts) == plain and relative.endswith(".mojo"):
        return Path(*plain)
    digest = hashlib.sha256(os.fsencode(os.path.abspath(file))).hexdigest()[:10]
    return Path(f"{_plain(file.name) or 'submission'}-{digest}")


def _plain(name: str) -> str:
    """The plain characters of a name; of ``..`` there is none."""
    return "".join(char for char in name if char.isalnum() or char in "._-").strip(".-")[:80]
