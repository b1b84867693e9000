"""Grade one task of a run over a class, in this process."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from grader import __version__, puzzles
from grader.batch.task import Options, Task, deciding_code
from grader.errors import GraderFault, SubmissionRefused
from grader.grading.state import Request, RunState, Silent
from grader.intake import submission_from_bytes
from grader.intake.display import safe_name
from grader.record import Record

if TYPE_CHECKING:
    from grader.rubric import Rubric


def grade_task(task: Task) -> Record:
    """Grade a task. Whatever goes wrong on our side is a fault in the record that is returned."""
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
            return grade(_request(task, file), Silent())
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
    )


def _rubric(options: Options) -> Rubric | None:
    if not options.rubric:
        return None
    from grader.rubric import parse_rubric

    puzzle = puzzles.find(options.puzzle)
    return parse_rubric(
        options.rubric.encode(), puzzle, name=options.rubric_name, skeleton=options.skeleton
    )
