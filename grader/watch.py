"""Grade a file each time that it is saved, and drop what a newer save has made old.

`SavedFile` tells of the saves. It looks at the file many times a second instead of asking the
kernel to be told: that holds for every editor and every file system (a network's, a container's
mount), needs no library, and one look costs some ten microseconds.

`AwaitedGrading` grades in a process of its own, as a class does (`grader.batch.grading_process`):
to drop it ends that process with its sandboxes, and so does the end of whoever watches. An op is
previewed in another process beside it, on another core.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from grader import __version__
from grader.batch.grading_process import GradingProcess, run_isolated
from grader.batch.task import Options, Task, record_in
from grader.book.digests import program_of
from grader.errors import GradeError, SubmissionRefused
from grader.grading.conditions import deciding_code
from grader.grading.state import Request
from grader.intake import Submission, read_submission
from grader.machine import cores
from grader.record import Record, Verdict, decode
from grader.remembered import Remembered

INTERVAL: Final = 0.05
"""Seconds between two looks at the file."""
_GONE_SECONDS: Final = 0.5
"""An editor that saves by another name has no file there for a moment."""
AWAITED: Final = "grader.batch.task:grade_awaited"
PREVIEWED: Final = "grader.batch.task:preview_awaited"


@dataclass(frozen=True)
class FileGone:
    """There is no file of that name."""


Save = Submission | SubmissionRefused | FileGone
_State = tuple[int, ...]
_NO_FILE: Final[_State] = ()


class SavedFile:
    """Tells what the file holds, once for each save that changes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: _State | None = None
        self._seen_since = 0.0
        self._told: _State | None = None
        self._last: Save | None = None

    def look(self) -> Save | None:
        """What was saved since the last look; None where nothing was.

        A file that was just written is told of at the next look, when its writer is done.
        """
        state, now = self._state(), time.monotonic()
        if state != self._seen:
            self._seen, self._seen_since = state, now
            return None
        if state == self._told or (state == _NO_FILE and now - self._seen_since < _GONE_SECONDS):
            return None
        save = self._read()
        if self._state() != state:
            return None
        self._told = state
        if _same(save, self._last):
            return None
        self._last = save
        return save

    def _state(self) -> _State:
        try:
            status = os.lstat(self._path)
        except OSError:
            return _NO_FILE
        # With the time of the last change of any kind: no program can set that one back.
        return (
            status.st_dev, status.st_ino, status.st_mode, status.st_size,
            status.st_mtime_ns, status.st_ctime_ns,
        )  # fmt: skip

    def _read(self) -> Save:
        if self._seen == _NO_FILE:
            return FileGone()
        try:
            return read_submission(self._path)
        except SubmissionRefused as refused:
            return refused


def _same(one: Save, other: Save | None) -> bool:
    match one, other:
        case Submission(sha256=a), Submission(sha256=b):
            return a == b
        case SubmissionRefused(what=said), SubmissionRefused(what=before):
            return said == before
        case _:
            return type(one) is type(other)


class StartedAhead:
    """A process that waits for the next save, with all imported that its grading will need."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: GradingProcess | None = None
        self._tried = False

    def start(self) -> None:
        """Have one wait, if none was started since the last one was taken."""
        with self._lock:
            if not self._tried:
                self._tried = True
                # Where it can't be started, the grading will say why.
                with contextlib.suppress(OSError, GradeError):
                    self._waiting = GradingProcess(AWAITED, ahead=True)

    def take(self) -> GradingProcess | None:
        """The one that waits. None where there is none, or it has ended meanwhile."""
        with self._lock:
            taken, self._waiting, self._tried = self._waiting, None, False
        if taken is not None and not taken.is_there:
            taken.close()
            return None
        return taken

    def close(self) -> None:
        """End it."""
        if (taken := self.take()) is not None:
            taken.close()


class AwaitedGrading:
    """The grading of one save, in the background; of an op, with a preview beside it.

    Args:
        request: How it is graded.
        submission: What was saved.
        ahead: May have the process that it needs.
    """

    def __init__(self, request: Request, submission: Submission, ahead: StartedAhead) -> None:
        self.began = time.monotonic()
        self.graded_before = False
        self._request, self._submission = request, submission
        self._ahead = ahead
        self._dropped = threading.Event()
        self._record: Record | None = None
        self._preview: Record | None = None
        self._previewing: threading.Thread | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="grading", daemon=True)
        self._thread.start()

    def record(self) -> Record | None:
        """The record, once it is there. Raises what kept it from being made."""
        if self._thread.is_alive():
            return None
        if self._error is not None:
            raise self._error
        return self._record

    def preview(self) -> Record | None:
        """The preview, once it is there; there may never be one. It is no verdict."""
        return self._preview

    def drop(self) -> None:
        """End it. Its processes are gone a moment later: `wait`."""
        self._dropped.set()

    @property
    def ended(self) -> bool:
        """Whether its processes are gone."""
        previewing = self._previewing
        return not self._thread.is_alive() and (previewing is None or not previewing.is_alive())

    def wait(self) -> None:
        """Until its processes are gone."""
        self._thread.join()
        if self._previewing is not None:
            self._previewing.join()

    def _run(self) -> None:
        try:
            remembered = Remembered(self._request, self._submission)
            self._record = remembered.record()
            if self._record is not None:
                self.graded_before = True
                return
            self._begin_preview()
            self._record = self._grade()
            if not self._dropped.is_set():
                remembered.keep(self._record)
        except BaseException as error:  # for the thread that asks
            self._error = error

    def _begin_preview(self) -> None:
        # On one core it would take the verdict's time.
        if not self._request.is_program and cores() > 1:
            run = threading.Thread(target=self._run_preview, name="preview", daemon=True)
            run.start()
            self._previewing = run

    def _run_preview(self) -> None:
        """Where it comes to nothing, the verdict comes all the same."""

        def is_late() -> bool:
            return self._dropped.is_set() or not self._thread.is_alive()

        with contextlib.suppress(GradeError):
            task = task_of(self._request, self._submission)
            record = decode(run_isolated(task, function=PREVIEWED, cancelled=is_late).record)
            if record.is_preview and record.verdict in (Verdict.PASS, Verdict.FAIL):
                self._preview = record

    def _grade(self) -> Record:
        task = task_of(self._request, self._submission)
        cancelled = self._dropped.is_set
        if (process := self._ahead.take()) is not None:
            with process:
                outcome = process.run(task, cancelled=cancelled)
        else:
            outcome = run_isolated(task, function=AWAITED, cancelled=cancelled)
        record = record_in(
            outcome,
            sha256=self._submission.sha256,
            task=lambda: task,
            remedy="Save the file again to try again.",
        )
        puzzle = replace(record.puzzle, reason=self._request.puzzle_reason)
        return replace(record, puzzle=puzzle)


def task_of(request: Request, submission: Submission) -> Task:
    """A request as a task for a process of its own."""
    rubric = request.rubric
    return Task(
        program=program_of(submission.text),
        name=submission.name,
        source=submission.data,
        seed=request.seed_of(submission),
        options=Options(
            puzzle=request.puzzle_name,
            edition=request.edition,
            device=request.device,
            examples=request.examples,
            timeout=request.timeout,
            isolation=request.isolation,
            rubric=rubric.source if rubric else "",
            skeleton=rubric.skeleton if rubric else None,
            sizes=request.sizes,
        ),
        grader_version=__version__,
        code_digest=deciding_code(),
    )
