"""``grade submit``: grade one file."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from grader.choices import DEFAULT_EXAMPLES
from grader.cli import options
from grader.cli.how import How, how_to_grade
from grader.cli.root import EXIT_CODES
from grader.errors import RecordError, SubmissionRefused, UsageError
from grader.quiz import SUFFIX, is_quiz

if TYPE_CHECKING:
    from grader.cli.progress import TerminalProgress
    from grader.grading.state import Request
    from grader.intake import Submission
    from grader.record import Audience, Record


@click.command(epilog=EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@how_to_grade
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, allow_dash=True),
    help="Folder for the record and the reports; - for standard output, which takes one format.  "
    "[default: grade-out/FILE without .mojo]",
)
@click.option(
    "--format",
    "formats",
    default="html,json,text",
    show_default=True,
    help="What to write, separated by commas. text and gcc are printed; help lists them all.",
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
@click.option("--open", "opened", is_flag=True, help="Open the report in a browser.")
@options.hints
def submit(
    file: Path,
    how: How,
    out: Path | None,
    formats: str,
    audience: Audience,
    since: Path | None,
    fresh: bool,
    opened: bool,
    hints: int | None,
) -> None:
    """Grade FILE (or - for standard input) and write a report.

    FILE is a Mojo source, or the answers to a quiz, as in p30.toml.

    Writes DIR/record.json, the versioned record, and DIR/report.html.
    """
    from grader.cli.output import (
        Outputs,
        compared,
        for_reader,
        for_stdout,
        open_in_browser,
        parse_formats,
    )

    how.check()
    rubric = how.rubric
    wanted = parse_formats(formats)
    to_stdout = for_stdout(out, wanted)
    if to_stdout and opened:
        raise UsageError("with --out - there is no report to open", remedy="Leave out --open.")
    if not to_stdout:
        # The record is always written: every other format can be made from it again.
        wanted = tuple(dict.fromkeys((*wanted, "json", *(("html",) if opened else ()))))
    from grader.cli.progress import TerminalProgress
    from grader.course import ReportTarget, path_in_repository
    from grader.intake import read_submission
    from grader.record import StageOutcome

    target = ReportTarget(path=path_in_repository(file), audience=audience)
    outputs = Outputs(
        out or folder_of(file),
        wanted,
        target,
        hints=options.shown_hints(hints, audience),
        named=str(file),
        to_stdout=to_stdout,
    )
    outputs.prepare()
    earlier = earlier_record(since, outputs.folder, file)
    source: Path | Literal["-"] = "-" if str(file) == "-" else file
    discreet = audience == "student" and rubric is not None and rubric.hides
    with TerminalProgress(sys.stderr, discreet=discreet) as progress:
        for notice in rubric.notices if rubric is not None else ():
            progress.notice(notice)
        try:
            submission = read_submission(source)
            record = (
                _quiz(submission, how)
                if is_quiz(submission.name)
                else _graded(how.request(source, submission), submission, progress, fresh=fresh)
            )
        except SubmissionRefused as refused:
            record = for_reader(how.refusal(source, refused), audience)
            record = compared(record, earlier, audience)
            outputs.write(record)
            outputs.announce(record)
            raise
        began = time.perf_counter()
        progress.stage_began("report")
        shown = compared(for_reader(record, audience), earlier, audience)
        written = outputs.write(shown)
        progress.stage_ended("report", StageOutcome.DONE, time.perf_counter() - began)
        if how.examples < DEFAULT_EXAMPLES and shown.cases_run > how.examples and not discreet:
            progress.notice(f"{shown.cases_run} cases were run. {options.LEAST}")
        progress.done()
    outputs.show(shown, written)
    if opened:
        open_in_browser(written["html"])
    # What a student may not know, the exit code must not tell either.
    raise click.exceptions.Exit(int(shown.exit_code))


def _quiz(submission: Submission, how: How) -> Record:
    """The record of answers to a quiz. Nothing is run, so that nothing is remembered."""
    from grader.quiz.grading import grade_answers

    if how.assigned is not None:
        raise UsageError(
            f"{submission.name} holds answers to a quiz, and no puzzle or rubric goes with them",
            remedy="Leave out --puzzle and --rubric.",
        )
    return grade_answers(submission)


def _graded(
    request: Request, submission: Submission, progress: TerminalProgress, *, fresh: bool
) -> Record:
    """The record of this file: as an equal program was graded before, or graded now."""
    from grader.remembered import Remembered
    from grader.report import preload

    remembered = Remembered(request, submission)
    if not fresh and (before := remembered.record()) is not None:
        progress.notice(f"as graded before, on {when(before)}; --fresh grades it again.")
        return before
    from grader.grading.run import grade

    def meanwhile() -> None:
        preload()
        remembered.prepare()

    record = grade(request, progress, submission=submission, meanwhile=meanwhile)
    remembered.keep(record)
    return record


def when(record: Record) -> str:
    """When a record was made, by the clock of whoever reads it."""
    return f"{datetime.fromisoformat(record.created).astimezone():%Y-%m-%d at %H:%M}"


def earlier_record(since: Path | None, folder: Path, file: Path) -> Record | None:
    """The record to compare with: the one that was named, else the one in the folder.

    Raises:
        RecordError: the one that was named can't be read.
    """
    from grader.intake.display import safe_name
    from grader.record import load
    from grader.report import FORMATS

    if since is not None:
        return load(since)
    try:
        found = load(folder / FORMATS["json"].file)
    except RecordError:
        # There is none, or it is of another version: there is nothing to compare with.
        return None
    return found if found.submission.name == safe_name(file.name) else None


def folder_of(file: Path) -> Path:
    """The folder of a file's reports: another one for each file, and always the same.

    It lies as the file does, seen from the working directory. Where that can't be, or where names
    hold what a folder's should not, a digest of the whole path keeps them apart.
    """
    relative = os.path.relpath(os.path.abspath(file))
    ours = relative.endswith((".mojo", SUFFIX))
    parts = Path(relative).with_suffix("").parts if ours else ()
    plain = [_plain(part) for part in parts]
    if parts and list(parts) == plain:
        return Path("grade-out", *plain)
    digest = hashlib.sha256(os.fsencode(os.path.abspath(file))).hexdigest()[:10]
    return Path("grade-out", f"{_plain(file.name) or 'submission'}-{digest}")


def _plain(name: str) -> str:
    """The plain characters of a name; of ``..`` there is none."""
    return "".join(char for char in name if char.isalnum() or char in "._-").strip(".-")[:80]
