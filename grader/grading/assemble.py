"""Make the record of a run, whether it came to a verdict or broke off."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grader import __version__, caselog
from grader.errors import GraderFault
from grader.grading import advice
from grader.grading.gathered import Gathered
from grader.grading.verdict import headline, score
from grader.intake.static_look import look
from grader.record import (
    Counterexample,
    Fault,
    PartInfo,
    PuzzleInfo,
    Record,
    ShapeRun,
    StaticLook,
    Status,
    SubmissionInfo,
    Verdict,
)

if TYPE_CHECKING:
    from grader.model.part import Part
    from grader.model.puzzle import Puzzle

DETAIL_LINES = 40
MAX_LAUNCHES = 64
"""Kinds of launches that the record keeps; a program can make each one different."""


def verdict_record(gathered: Gathered) -> Record:
    """The record of a run that came to a verdict."""
    puzzle = gathered.puzzle
    scored = score(puzzle, gathered.reached, gathered.request.rubric)
    results = gathered.reached.results
    tallies = {
        check.id: results.tally(check.id) if results else None
        for check in scored.checks
        if check.status is Status.FAILED
    }
    failed = {name: tally for name, tally in tallies.items() if tally is not None}
    told = headline(puzzle, scored, gathered.reached)
    examples: tuple[Counterexample, ...] = ()
    if failed:
        from grader.grading.counterexample import build

        examples = tuple(
            build(puzzle, name, *tally.worst, failing=tally.first, source=gathered.submission.text)
            for name, tally in failed.items()
            if tally.worst is not None
        )
    found = advice.findings(puzzle, results.observations_with_findings) if results else ()
    edition = gathered.edition
    diagnostics = advice.with_advice(puzzle, gathered.diagnostics, edition)
    return _build(
        gathered,
        verdict=scored.verdict,
        score=scored.score,
        max_score=scored.max_score,
        extra_score=scored.extra_score,
        extra_max=scored.extra_max,
        headline=told.sentence,
        wrong=told.wrong,
        checks=scored.checks,
        counterexamples=examples,
        findings=found,
        diagnostics=diagnostics,
        advice=advice.next_steps(
            puzzle,
            edition,
            checks=scored.checks,
            diagnostics=() if gathered.reached.compiles else diagnostics,
            counterexamples=examples,
            found=found,
            nothing_filled_in=gathered.reached.nothing_filled_in,
        ),
        shapes=_shape_runs(gathered),
        kernels=results.kernels if results else (),
        launches=results.launches[:MAX_LAUNCHES] if results else (),
        cases=caselog.pack(results.log) if results else None,
    )


def fault_record(gathered: Gathered, error: Exception) -> Record:
    """The record of a run that broke off: no mark, and whose fault it was."""
    if isinstance(error, GraderFault):
        what, remedy = error.what, error.remedy
    else:
        what = f"the grader itself failed: {error}"
        remedy = (
            "This is a defect of the grader, not of the submission. Please report it with "
            "this record."
        )
    detail = "".join(traceback.format_exception(error)).splitlines()[-DETAIL_LINES:]
    return _build(
        gathered,
        verdict=Verdict.FAULT,
        score=0,
        max_score=gathered.request.puzzle.max_score,
        headline="No mark: the grader could not finish. This says nothing about the work.",
        diagnostics=gathered.diagnostics,
        fault=Fault(
            kind=type(error).__name__,
            what=what,
            remedy=remedy,
            stage=gathered.stage_name,
            detail="\n".join(detail),
        ),
    )


def _build(gathered: Gathered, **outcome: Any) -> Record:
    puzzle, rubric = gathered.request.puzzle, gathered.request.rubric
    return Record(
        grader_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        submission=SubmissionInfo(
            name=gathered.submission.name,
            sha256=gathered.submission.sha256,
            size=len(gathered.submission.data),
            text=gathered.submission.text,
        ),
        puzzle=puzzle_info(puzzle, gathered.request.puzzle_reason),
        toolchain=gathered.toolchain,
        device=gathered.device,
        isolation=gathered.isolation,
        seed=gathered.seed,
        rubric=rubric.info() if rubric else None,
        examples=gathered.request.examples,
        cases_run=gathered.cases_run,
        stages=tuple(gathered.stages),
        look=tuple(
            StaticLook(kind=str(each.kind), line=each.line, sentence=each.sentence)
            for each in look(gathered.submission.text)
        ),
        **outcome,
    )


def _shape_runs(gathered: Gathered) -> tuple[ShapeRun, ...]:
    counts = gathered.reached.results.by_shape if gathered.reached.results else {}
    return tuple(
        ShapeRun(
            part=shape.part.name if len(gathered.puzzle.parts) > 1 else "",
            sizes=dict(shape.sizes),
            scope=shape.scope.value,
            origin=shape.origin,
            cases=counts.get(shape.number, [0, 0])[0],
            failures=counts.get(shape.number, [0, 0])[1],
        )
        for shape in gathered.shapes
    )


def puzzle_info(puzzle: Puzzle, reason: str = "") -> PuzzleInfo:
    """What the record says of the puzzle, and why the file was graded as it."""
    return PuzzleInfo(
        name=puzzle.name,
        title=puzzle.title,
        parts=tuple(_part_info(part) for part in puzzle.parts),
        reason=reason,
    )


def _part_info(part: Part) -> PartInfo:
    sizes, sizes_beyond = part.counts()
    return PartInfo(
        name=part.name,
        title=part.title,
        formula=part.formula,
        domain=part.domain,
        sizes=sizes,
        sizes_beyond=sizes_beyond,
    )
