"""Classes to write about, made from the representative records of the report's tests."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from grader.batch.model import Attempt, Lateness, Refusal, RunInfo, Student, StudentResult
from grader.record import Record
from tests.report.records import ALL

INFO = RunInfo(
    title="Puzzle 17",
    puzzle="conv1d",
    edition="26.5",
    created="2026-11-22T17:00:00+00:00",
    finished="2026-11-22T18:31:00+00:00",
    workers=2,
    seconds=5480.0,
)
BOMB = Refusal(source="mallory.zip", what="mallory.zip is a bomb", remedy="Hand in one file.")


def student(key: str, **fields: object) -> Student:
    """A student called as the key, capitalised."""
    defaults: dict[str, object] = {
        "name": key.capitalize(),
        "id": f"id-{key}",
        "sis_id": f"id-{key}",
        "email": f"{key}@example.edu",
        "on_roster": True,
    }
    return Student(key=key, **{**defaults, **fields})  # type: ignore[arg-type]


def result(
    key: str,
    record: Record | str | None = "passed",
    *,
    who: Student | None = None,
    lateness: Lateness = "on time",
    **fields: object,
) -> StudentResult:
    """One student's result; ``record`` may be the name of a representative one."""
    made = ALL[record]() if isinstance(record, str) else record
    someone = msgspec.structs.replace(who or student(key), lateness=lateness)
    defaults: dict[str, object] = {
        "attempt": Attempt(
            student=key,
            number=1,
            source=f"{key}/conv1d.mojo",
            name="conv1d.mojo",
            sha256=made.submission.sha256 if made else "",
        ),
        "attempts": 1,
        "seconds": 20.0,
    }
    return StudentResult(student=someone, record=made, **{**defaults, **fields})  # type: ignore[arg-type]


def absent(key: str) -> StudentResult:
    """Nothing was handed in."""
    return result(key, None, attempt=None, attempts=0, seconds=0.0)


def refused(key: str) -> StudentResult:
    """An archive that was not opened."""
    return result(key, None, refusal=BOMB, seconds=0.0)


def waiting(key: str) -> StudentResult:
    """Not graded yet."""
    return result(key, None, seconds=0.0)


def mixed() -> Sequence[StudentResult]:
    """Every way in which an attempt can end."""
    return [
        result("ada", "passed"),
        result("bob", "wrong-values", lateness="late"),
        result("cyd", "wrong-values"),
        result("dan", "faulted"),
        result("eve", "refused"),
        refused("fay"),
        absent("gus"),
        waiting("hal"),
        result("ivy", "passed-with-extra"),
        result("jon", "does-not-compile"),
        result("kim", "race", equal_to="ada", seconds=0.0),
        result("lou", "nothing-filled-in"),
    ]
