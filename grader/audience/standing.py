"""Where a submission stands by the checks that show.

Everything here follows from the checks that show and from how many points the
others can give; never from how the others ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.audience.visible import due_date
from grader.marks import needed_points, unreachable
from grader.record import CheckOutcome, Record, Verdict, Visibility, Withheld


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The mark as far as it shows."""

    verdict: Verdict
    """Where it is not final: whether everything that shows is right."""
    score: int
    possible: int
    extra_score: int
    extra_max: int
    withheld: Withheld


def standing(record: Record, hidden: frozenset[str]) -> Standing:
    """Where the submission of a whole record stands without the hidden checks."""
    marked = record.verdict in (Verdict.PASS, Verdict.FAIL)
    away = unreachable(record.checks) if marked else frozenset()
    counted = [check for place, check in enumerate(record.checks) if place not in away]
    shown = [check for check in counted if check.id not in hidden]
    others = [check for check in counted if check.id in hidden]
    score = sum(check.points for check in shown if not check.extra)
    possible = _possible(shown)
    out_of_reach = sum(record.checks[place].max_points for place in away)
    pass_mark = record.rubric.pass_mark if record.rubric is not None else None
    needed = needed_points(pass_mark, possible + _possible(others), out_of_reach)
    passes, fails = score >= needed, score + _possible(others) < needed
    later = [check for check in others if check.visibility is Visibility.AFTER_DUE]
    due = due_date(record)
    complete = score == possible
    return Standing(
        verdict=Verdict.PASS if passes or (complete and not fails) else Verdict.FAIL,
        score=score,
        possible=possible,
        extra_score=sum(check.points for check in shown if check.extra) if complete else 0,
        extra_max=sum(check.max_points for check in shown if check.extra),
        withheld=Withheld(
            later=_possible(later),
            never=_possible(others) - _possible(later),
            extra=sum(check.max_points for check in others if check.extra),
            until=due.isoformat() if later and due is not None else "",
            final=passes or fails or not marked,
        ),
    )


def _possible(checks: list[CheckOutcome]) -> int:
    return sum(check.max_points for check in checks if not check.extra)
