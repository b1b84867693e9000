"""Stand-ins for benchmarks and tests of the engine alone: a record without a grading."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from grader import __version__
from grader.batch.collect import Collection
from grader.batch.plan import Job, Plan, Settings
from grader.batch.task import GradingOutcome, Task
from grader.intake import submission_from_bytes
from grader.record import (
    Aspect,
    CheckOutcome,
    Counterexample,
    OutputCase,
    ProblemKind,
    PuzzleInfo,
    Record,
    Status,
    SubmissionInfo,
    Tensor,
    Verdict,
)

STUB = "benchmarks.batch_stub:slow"
SLOW_SECONDS = 1.0


def stand_in(task: Task, *, score: int, **more: Any) -> Record:
    """The record of a program that nobody graded.

    Args:
        task: What was to be graded.
        score: Of 100 points; with all of them it passes.
        more: Fields of the record.
    """
    submission = submission_from_bytes(task.name, task.source)
    return Record(
        grader_version=__version__,
        created="2026-01-01T00:00:00+00:00",
        submission=SubmissionInfo(
            name=submission.name,
            sha256=submission.sha256,
            size=len(submission.data),
            text=submission.text,
        ),
        puzzle=PuzzleInfo(name="conv1d", title="1D convolution"),
        verdict=Verdict.PASS if score >= 100 else Verdict.FAIL,
        score=score,
        max_score=100,
        seed=task.seed,
        **{"headline": f"{score} points.", **more},
    )


def representative(task: Task) -> Record:
    """With counterexamples of the largest size, as a wrong answer leaves."""
    tensor = Tensor(name="input", dtype="float32", shape=(30,), data=bytes(range(120)))
    example = Counterexample(
        check="integers",
        kind=ProblemKind.WRONG_VALUES,
        title="wrong values",
        sizes={"input_size": 30, "conv_size": 15},
        inputs=(tensor, tensor),
        outputs=(OutputCase(expected=tensor, got=tensor, mismatch_count=15),),
        explanation="The halo from the next block is missing.",
    )
    checks = tuple(
        CheckOutcome(
            id=name,
            title=f"Check {name}",
            aspect=Aspect.VALUES,
            status=Status.FAILED,
            points=0,
            max_points=points,
        )
        for name, points in (("example", 20), ("integers", 25), ("reals", 15))
    )
    return stand_in(
        task,
        score=40,
        headline="Wrong values for some sizes.",
        checks=checks,
        counterexamples=(example,) * 3,
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

    def finished(self, job: Job, record: Record, outcome: GradingOutcome) -> None:
        """Nothing."""

    def writing(self) -> None:
        """Nothing."""
