"""One task of a run: a program to grade, and how it is graded."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from grader import __version__, puzzles
from grader.choices import DEFAULT_EXAMPLES, DEFAULT_TIMEOUT, Wanted
from grader.errors import GraderFault, RecordError, SubmissionRefused
from grader.grading.conditions import deciding_code
from grader.grading.state import Request, RunState, Silent, SizesChoice
from grader.intake import submission_from_bytes
from grader.intake.display import safe_name
from grader.lanes import DeviceChoice
from grader.record import Record, SkeletonInfo, decode

if TYPE_CHECKING:
    from grader.rubric import Rubric


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How submissions are graded: all of a class, or one that somebody works on."""

    puzzle: str
    edition: str
    """Name of an edition, or ``auto``."""
    device: DeviceChoice
    """Of a class never ``auto``: all its submissions are graded on the same kind of device."""
    examples: int = DEFAULT_EXAMPLES
    timeout: float = DEFAULT_TIMEOUT
    isolation: Wanted = Wanted.AUTO
    rubric: str = ""
    """Text of the rubric file; empty for the puzzle's own."""
    rubric_name: str = ""
    skeleton: SkeletonInfo | None = None
    """The one that the rubric file names."""
    sizes: SizesChoice = "auto"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One program to grade."""

    program: str
    """`grader.book.digests.program_of` the source."""
    name: str
    """The file's name, for the record."""
    source: bytes
    seed: str
    options: Options
    grader_version: str
    """The run's version; a machine that has another may not grade for it."""
    code_digest: str
    """The same between two versions: `grader.grading.conditions.deciding_code`."""


class GradingOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one grading ended."""

    program: str
    record: bytes = b""
    """A `grader.record.Record` as JSON; empty where there is none."""
    seconds: float = 0.0
    crash: str = ""
    """What ended the grading process before it had a record; empty where it had one."""
    said: str = ""
    """The last that a process said which left no record; for the operator."""
    crashes: int = 0
    """How many processes ended without a record before."""
    where: str = ""
    """The machine that did it, where that is another one."""


def grade_task(task: Task) -> Record:
    """Grade a task. Whatever goes wrong on our side is a fault in the record that is returned."""
    return _graded(task, None)


def grade_awaited(task: Task) -> Record:
    """As `grade_task`, where somebody waits: what does not compile is told as soon as can be."""
    return _graded(task, lambda: None)


def preview_awaited(task: Task) -> Record:
    """As `grade_awaited`, a preview; a fault where there is none."""
    return _graded(task, None, preview=True)


def _graded(task: Task, meanwhile: Callable[[], None] | None, *, preview: bool = False) -> Record:
    if task.grader_version != __version__:
        fault = GraderFault(
            f"this machine has grader {__version__}, the run has {task.grader_version}",
            remedy="Install the same version on all machines.",
        )
        return fault_of(task, fault)
    if task.code_digest != deciding_code():
        fault = GraderFault(
            f"this machine's grader {__version__} is of other code than the run's",
            remedy="Install the same on all machines. If it was changed during the run, start the "
            "run again.",
        )
        return fault_of(task, fault)
    from grader.grading.run import grade

    with tempfile.TemporaryDirectory(prefix="task-") as folder:
        file = Path(folder) / safe_name(task.name)
        file.write_bytes(task.source)
        try:
            return grade(_request(task, file), Silent(), meanwhile=meanwhile, preview=preview)
        except SubmissionRefused as refused:
            from grader.grading.records import refusal

            request = _request(task, file)
            return refusal(
                file,
                refused,
                puzzle=request.puzzle,
                rubric=request.rubric,
                sha256=hashlib.sha256(task.source).hexdigest(),
            )
        except Exception as error:
            # The file was read and the options were checked before: it is not the student's.
            return fault_of(task, error)


def record_in(
    outcome: GradingOutcome, *, sha256: str, task: Callable[[], Task], remedy: str
) -> Record:
    """The record of an outcome: the one that came, if it is of this file; else a fault.

    Args:
        outcome: How the grading ended.
        sha256: Of the file.
        task: Makes the task again, for a fault's record.
        remedy: What to do about a fault.
    """
    problem = f"its grading {outcome.crash}" if outcome.crash else ""
    if not problem:
        try:
            record = decode(outcome.record)
        except RecordError as error:
            problem = f"its grading left no record that can be read: {error.what}"
        else:
            if record.submission.sha256 == sha256:
                return record
            problem = "its grading left the record of another file"
    tries = f", the last of {outcome.crashes} times" if outcome.crashes > 1 else ""
    fault = GraderFault(f"{problem}{tries}", remedy=remedy)
    # The student's report shows the sentence, only the instructor's what the process said.
    fault.__cause__ = RuntimeError(outcome.said) if outcome.said else None
    return fault_of(task(), fault)


def fault_of(task: Task, error: Exception) -> Record:
    """The record of a task that could not be graded, with the reason as its fault."""
    from grader.grading.records import fault_record

    state = RunState(
        request=_request(task, Path(safe_name(task.name))),
        progress=Silent(),
        submission=submission_from_bytes(task.name, task.source),
        seed=task.seed,
        stage_name="batch",
    )
    return fault_record(state, error)


def _request(task: Task, file: Path) -> Request:
    options = task.options
    return Request(
        source=file,
        puzzle_name=options.puzzle,
        device=options.device,
        edition=options.edition,
        examples=options.examples,
        seed=task.seed,
        timeout=options.timeout,
        isolation=options.isolation,
        rubric=_rubric(options),
        sizes=options.sizes,
    )


def _rubric(options: Options) -> Rubric | None:
    if not options.rubric:
        return None
    from grader.rubric import parse_rubric

    puzzle = puzzles.find(options.puzzle)
    return parse_rubric(
        options.rubric.encode(), puzzle, name=options.rubric_name, skeleton=options.skeleton
    )
