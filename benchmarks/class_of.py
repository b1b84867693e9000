"""A synthetic class: records as runs fill them in, with the labelled samples as their texts."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec

from benchmarks.labels import labels_of
from grader.batch.model import Attempt, Refusal, RunInfo, Student, StudentResult
from grader.record import Record, SubmissionInfo
from tests.report.records import ALL

ROOT = Path(__file__).parent.parent
MARKED = ("passed", "passed-with-extra", "wrong-values", "special-values", "does-not-compile",
          "graph-does-not-compile", "crashed", "race", "nothing-filled-in")  # fmt: skip
INFO = RunInfo(
    title="Puzzle 17: conv1d",
    puzzle="conv1d",
    edition="26.5",
    created="2026-11-22T17:00:00+00:00",
    finished="2026-11-22T18:31:00+00:00",
    workers=2,
    seconds=5460.0,
)


def make_class(count: int, seed: int = 17) -> list[StudentResult]:
    """``count`` students: half of them right, some absent, refused or without a mark.

    No two texts are equal: each has a comment and a name of its own, as if
    everybody had written it, so that nothing is saved by remembering.
    """
    chance = random.Random(seed)
    texts = [label.sample.content.decode("utf-8", "replace") for label in labels_of("26.5")]
    return [_student(number, texts, chance) for number in range(count)]


def _student(number: int, texts: list[str], chance: random.Random) -> StudentResult:
    key = f"student-{number:05d}"
    student = Student(
        key=key,
        name=f"Student {number} of {chance.choice(('Lovelace', 'Hopper', 'Turing', 'Liskov'))}",
        id=str(4_100_000 + 7 * number),
        email=f"{key}@example.edu",
        lateness="late" if chance.random() < 0.06 else "on time",
        on_roster=True,
    )
    drawn = chance.random()
    if drawn < 0.03:
        return StudentResult(student=student, attempt=None, record=None)
    attempt = Attempt(student=key, number=1, source=f"{key}/conv1d.mojo", name="conv1d.mojo")
    if drawn < 0.05:
        refusal = Refusal(
            source=f"{key}.zip",
            what="conv1d.zip holds 40,000 files; at most 1,000 are read",
            remedy="Hand in the one file conv1d.mojo.",
        )
        return StudentResult(student=student, attempt=attempt, record=None, refusal=refusal)
    name = "faulted" if drawn < 0.06 else "passed" if drawn < 0.5 else chance.choice(MARKED)
    return StudentResult(
        student=student,
        attempt=attempt,
        record=_record(ALL[name](), number, chance.choice(texts)),
        attempts=chance.choice((1, 1, 1, 2, 3)),
        seconds=chance.uniform(3, 28),
    )


def _record(record: Record, number: int, text: str) -> Record:
    own = f"{text}\n# handed in as number {number}\ncomptime own_{number} = {number}\n"
    submission = SubmissionInfo(name="conv1d.mojo", sha256=f"{number:064x}", text=own)
    return msgspec.structs.replace(record, submission=submission)
