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

from grader.grading.verdict import Scored, mark, sentence
from grader.guidance import next_steps
from grader.marks import Tried, untouched
from grader.model.checks import Check
from grader.model.part import Part, assigned_sizes
from grader.model.puzzle import Puzzle
from grader.record import Aspect, CheckOutcome, Record, Status
from grader.rubric import Rubric


def _needed(check: CheckOutcome | Check) -> bool:
    """Whether a check tells how far a program got; without it a record is not scored again."""
    tells = (Aspect.PACKAGES, Aspect.COMPILES, Aspect.VALUES)
    return check.aspect in tells


def judged(puzzle: Puzzle) -> str:
    """A digest of all that decides how checks end: which there are, and at which sizes.

    Args:
        puzzle: With the changes of a rubric.

    Returns:
        SHA-256. Records that were made with equal ones can be scored again; empty where they can't
        be, since they do not hold enough.
    """
    checks = [item.id for item in puzzle.rubric]
    if not {check.id for check in puzzle.checks if _needed(check)}.issubset(checks):
        return ""
    meaning: dict[str, object] = {
        "checks": checks,
        "all": puzzle.try_all,
        "parts": [_meaning(part) for part in puzzle.parts],
    }
    if asked := puzzle.settings:
        meaning["settings"] = asked
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def _meaning(part: Part) -> dict[str, object]:
    return {
        "assigned": assigned_sizes(part),
        # Equal sizes in other words have other corners, hence other cases.
        "boundaries": list(part.boundaries),
        "domain": part.domain,
    }


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
    again = replace(again, headline=_headline(record, scored))
    return replace(again, advice=next_steps(again))


def _headline(record: Record, scored: Scored) -> str:
    """Of the new mark, and of what went wrong, which is the same under every rubric."""
    right = not any(_needed(check) and check.status is Status.FAILED for check in record.checks)
    return sentence(scored, right=right, wrong=record.wrong, tried=_tried(record))


def _tried(record: Record) -> list[Tried]:
    """At how many sizes the cases of each part of a record were run."""
    found = []
    for part in record.puzzle.parts:
        own = [each for each in record.shapes if each.cases and each.part in ("", part.name)]
        beyond = sum(each.beyond for each in own)
        found.append(Tried(len(own) - beyond, part.sizes, beyond, part.sizes_beyond))
    return found
