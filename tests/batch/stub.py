"""Gradings for tests of the engine: a record at once, decided by what the source says.

The engine is given this module by name where the product gives it
`grader.batch.task:grade_task`, so that its tests need no graph compile. Each
grading leaves a line in the file that ``GRADE_TEST_LOG`` names.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import time
from pathlib import Path

from benchmarks.batch_stub import stand_in
from grader.batch.task import Task, fault_of
from grader.errors import ToolchainFault
from grader.puzzles.conv1d import PUZZLE
from grader.record import CheckOutcome, Record, Status


def grade(task: Task) -> Record:
    """Obeys words in the source: score(N), checks, sleep S, crash (once), garble, fault.

    A file beside the log named as it with ``.broken`` makes all that it is asked a fault.
    """
    text = task.source.decode()
    _log(f"{task.program} {task.seed}")
    if wait := re.search(r"sleep ([0-9.]+)", text):
        time.sleep(float(wait[1]))
    if "crash worker" in text:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(30)
    if "crash once" in text:
        mark = Path(os.environ["GRADE_TEST_LOG"] + f".{task.program[:8]}")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    elif "crash" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "garble" in text:
        _garble()
    if "fault" in text or Path(os.environ["GRADE_TEST_LOG"] + ".broken").exists():
        return fault_of(task, ToolchainFault("the compiler is missing", remedy="Install it."))
    found = re.search(r"score\W*(\d+)", text)
    score = int(found[1]) if found else 0
    return stand_in(task, score=score, checks=_checks(score) if "checks" in text else ())


def _garble() -> None:
    """Write into the channel to whoever started this process, as a corrupted process may."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                os.write(int(name), b"\xff" * 64)


def _checks(score: int) -> tuple[CheckOutcome, ...]:
    """The first checks have passed, as many as the score pays for."""
    checks = []
    for item in PUZZLE.rubric:
        passed = score >= item.points
        score -= item.points if passed else score
        checks.append(
            CheckOutcome(
                id=item.id,
                title=item.title,
                aspect=item.check.aspect,
                status=Status.PASSED if passed else Status.FAILED,
                points=item.points if passed else 0,
                max_points=item.points,
                extra=item.extra,
            )
        )
    return tuple(checks)


def _log(line: str) -> None:
    path = os.environ.get("GRADE_TEST_LOG")
    if path:
        # One write: lines of processes that end at the same time do not mix.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)
