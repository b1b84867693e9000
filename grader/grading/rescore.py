"""Score a record again, under a rubric that counts otherwise and judges the same.

How the checks of a record ended follows from the program, the assigned sizes and the cases. Points,
extra credit, the pass mark and who sees what only decide what it comes to, so that nothing has to
be run again where a rubric changed in these alone. The new record is the one that grading would
have made: same checks, cases and messages; score, verdict, headline and advice made again.
"""

from __future__ import annotations

import hashlib
import json

from msgspec.structs import replace

from grader.grading import advice
from grader.grading.verdict import (
    ENOUGH,
    NOT_RIGHT,
    UNCHECKED,
    VALUES,
    Scored,
    first_failed,
    mark,
    sentence,
)
from grader.marks import Tried, untouched
from grader.puzzles.definition import Puzzle
from grader.record import Record, Status
from grader.rubric import Rubric
from grader.toolchain import edition as editions

_NEEDED = frozenset({"packages", "compiles", *VALUES})
"""Checks that tell how far a program got. A rubric may leave them out; then the record lacks it."""


def judged(puzzle: Puzzle) -> str:
    """A digest of all that decides how checks end: which there are, and at which sizes.

    Args:
        puzzle: With the changes of a rubric.

    Returns:
        SHA-256. Records that were made with equal ones can be scored again; empty where they can't
        be, since they do not hold enough.
    """
    checks = [item.id for item in puzzle.rubric]
    if not _NEEDED.issubset(checks):
        return ""
    meaning = {
        "checks": checks,
        "assigned": [point for point in puzzle.domain_points() if puzzle.assigned(point)],
        # Equal sizes in other words have other corners, hence other cases.
        "boundaries": list(puzzle.boundaries),
        "all": puzzle.try_all,
        "domain": puzzle.domain,
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def score_again(record: Record, puzzle: Puzzle, rubric: Rubric | None) -> Record:
    """The record as grading would have made it with another rubric.

    Args:
        record: Whole, with a verdict, made with a rubric whose `judged` is that of ``puzzle``.
        puzzle: With the changes of the other rubric.
        rubric: Of a file; None for the puzzle's own.
    """
    scored = mark(puzzle, record.checks, rubric)
    again = replace(
        record,
        checks=scored.checks,
        verdict=scored.verdict,
        score=scored.score,
        max_score=scored.max_score,
        extra_score=scored.extra_score,
        extra_max=scored.extra_max,
        rubric=rubric.info() if rubric else None,
    )
    if untouched(record):
        return again
    return replace(again, headline=_headline(record, scored), advice=_advice(again, puzzle))


def _headline(record: Record, scored: Scored) -> str:
    """Where something failed, what it was is told already, perhaps behind a word on the mark."""
    failed = first_failed(scored)
    told = failed is not None and failed.id != "robust"
    wrong = record.headline.removeprefix(ENOUGH) if told else NOT_RIGHT if failed else UNCHECKED
    right = not any(
        check.id in _NEEDED and check.status is Status.FAILED for check in record.checks
    )
    return sentence(scored, right=right, wrong=wrong, tried=_tried(record))


def _tried(record: Record) -> Tried:
    """At how many sizes the cases of a record were run."""
    run = [shape.part for shape in record.shapes if shape.cases]
    puzzle = record.puzzle
    return Tried(run.count("assigned"), puzzle.sizes, run.count("robust"), puzzle.sizes_beyond)


def _advice(record: Record, puzzle: Puzzle) -> tuple[str, ...]:
    compiles = any(
        check.id == "compiles" and check.status is Status.PASSED for check in record.checks
    )
    edition = record.toolchain.edition if record.toolchain else editions.DEFAULT_EDITION
    return advice.next_steps(
        puzzle,
        editions.find(edition),
        checks=record.checks,
        diagnostics=() if compiles else record.diagnostics,
        counterexamples=record.counterexamples,
        found=record.findings,
    )
