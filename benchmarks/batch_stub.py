"""Stand-ins for benchmarks of the engine alone: a record as real ones are, without a grading."""

from __future__ import annotations

import time
from collections.abc import Sequence

from grader import __version__
from grader.batch.collect import Collection
from grader.batch.plan import Job, Plan
from grader.batch.settings import Settings
from grader.batch.task import Outcome, Task
from grader.intake import submission_from_bytes
from grader.record import (
    Check,
    Counterexample,
    PuzzleInfo,
    Record,
    Status,
    SubmissionInfo,
    Tensor,
    Verdict,
)

STUB = "benchmarks.batch_stub:slow"
SLOW_SECONDS = 1.0


def representative(task: Task) -> Record:
    """A record with counterexamples of the largest size, as a wrong answer leaves."""
    submission = submission_from_bytes(task.name, task.source)
    tensor = Tensor(name="input", dtype="float32", shape=(30,), data=bytes(range(120)))
    example = Counterexample(
        check="integers",
        title="wrong values",
        sizes={"input_size": 30, "conv_size": 15},
        inputs=(tensor, tensor),
        expected=tensor,
        got=tensor,
        mismatch_count=15,
        explanation="The halo from the next block is missing.",
    )
    checks = tuple(
        Check(id=name, title=f"Check {name}", status=Status.FAILED, points=0, max_points=points)
        for name, points in (("example", 20), ("integers", 25), ("reals", 15))
    )
    return Record(
        grader_version=__version__,
        created="2026-01-01T00:00:00+00:00",
        submission=SubmissionInfo(
            name=submission.name,
            sha256=submission.sha256,
            size=len(submission.data),
            text=submission.text,
        ),
        puzzle=PuzzleInfo(name="conv1d", title="1D convolution", formula="", domain=""),
        verdict=Verdict.FAIL,
        score=40,
        max_score=100,
        headline="Wrong values for some sizes.",
        checks=checks,
        counterexamples=(example,) * 3,
        seed=task.seed,
    )


def slow(task: Task) -> Record:
    """A grading that waits as a compile would and computes nothing."""
    time.sleep(SLOW_SECONDS)
    return representative(task)


class Quiet:
    """Shows nothing."""

    def planned(self, settings: Settings, collection: Collection, plan: Plan) -> None:
        """Nothing."""

    def began(self, jobs: Sequence[Job], workers: int) -> None:
        """Nothing."""

    def started(self, job: Job, where: str) -> None:
        """Nothing."""

    def finished(self, job: Job, record: Record, outcome: Outcome) -> None:
        """Nothing."""

    def writing(self) -> None:
        """Nothing."""
