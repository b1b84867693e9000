"""From what was observed to checks, points and a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from grader.errors import Undecided
from grader.grading.reached import Reached
from grader.grading.timing import WHY_NOT_RUN
from grader.marks import (
    HURDLES,
    NOTHING_FILLED_IN,
    SKELETON_HEADLINE,
    Tried,
    needed_points,
)
from grader.marks import right as right_at
from grader.record import Check, Status, Verdict, Visibility

if TYPE_CHECKING:
    from grader.grading.observe import Observation
    from grader.grading.properties import Results, Tally
    from grader.puzzles.definition import Puzzle, RubricItem
    from grader.rubric import Rubric


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The rubric, filled in."""

    checks: tuple[Check, ...]
    verdict: Verdict
    score: int
    max_score: int
    extra_score: int
    extra_max: int


VALUES = ("example", "integers", "reals")
"""The checks of values at the assigned sizes, in order."""
ENOUGH = "Enough to pass, but not all is right. "
NOT_RIGHT = "Not right yet."
UNCHECKED = "What was run is right, but not every check could be made."
NO_OUTPUT = "not every case gave an output"
NOT_OBSERVABLE = "a GPU does not show who wrote which byte; grade on the software device to see it"
ACCESSES_NOT_OBSERVABLE = (
    "the inputs are untouched and the results repeat, but a GPU does not show accesses and races; "
    "grade on the software device to see them"
)
_OUT_OF_REACH = (NOT_OBSERVABLE, ACCESSES_NOT_OBSERVABLE)


def score(puzzle: Puzzle, reached: Reached, rubric: Rubric | None = None) -> Scored:
    """Fill in the rubric; see `mark`."""
    return mark(puzzle, [_ended(puzzle, item, reached) for item in puzzle.rubric], rubric)


def refuse_undecided(results: Results) -> None:
    """See that a mistake explains the wrong values, where there are any, and not only rounding.

    Raises:
        Undecided: another right algorithm may have given all of them.
    """
    failed = [results.tally(check) for check in (*VALUES, "robust")]
    failed = [tally for tally in failed if tally.worst is not None]
    if not failed or any(tally.certain for tally in failed):
        return
    assert failed[0].worst is not None
    raise Undecided(
        f"it can't be told whether the values are right: {_slightly_off(failed[0].worst[0])} "
        "Sums of the products in any order end nearer to it. A right algorithm that is no such "
        "sum (Winograd's, Karatsuba's, a Fourier transform) may end there, and so may a mistake.",
        remedy="Have a person read how the file computes its sums, and give the points by hand.",
    )


def _slightly_off(observation: Observation) -> str:
    comparison = observation.comparison
    assert comparison is not None
    index = int(comparison.wrong[0])
    sizes = ", ".join(f"{name} {size}" for name, size in observation.case.shape.sizes.items())
    return (
        f"in case {observation.number} ({sizes}) element {index} is "
        f"{float(comparison.got.ravel()[index])!r} for "
        f"{float(comparison.expected.value.ravel()[index])!r}, and no case shows more than such "
        "rounding errors."
    )


def mark(puzzle: Puzzle, ended: Iterable[Check], rubric: Rubric | None) -> Scored:
    """Give points for how the checks ended.

    Points are all or nothing for each item. An item that the device can't show
    is not checked and not part of the points that can be had, so that grading
    on a GPU costs nobody a point; the pass mark is lowered by them too.

    Args:
        puzzle: With the points of the rubric.
        ended: A check for each item of the rubric. Its points and who sees it are not looked at.
        rubric: Of a file; None for the puzzle's own.
    """
    by_id = {check.id: check for check in ended}
    checks = tuple(_marked(item, by_id[item.id], rubric) for item in puzzle.rubric)
    base = [check for check in checks if not check.extra]
    extra = [check for check in checks if check.extra]
    out_of_reach = sum(check.max_points for check in base if check.reason in _OUT_OF_REACH)
    got = sum(check.points for check in base)
    possible = sum(check.max_points for check in base) - out_of_reach
    needed = needed_points(rubric.pass_mark if rubric else None, possible, out_of_reach)
    return Scored(
        checks=checks,
        verdict=Verdict.PASS if got >= needed else Verdict.FAIL,
        score=got,
        max_score=possible,
        extra_score=sum(check.points for check in extra) if got == possible else 0,
        extra_max=sum(check.max_points for check in extra),
    )


def _marked(item: RubricItem, ended: Check, rubric: Rubric | None) -> Check:
    """A check with its points and who sees it."""
    return replace(
        ended,
        points=item.points if ended.status is Status.PASSED else 0,
        max_points=item.points,
        extra=item.extra,
        visibility=rubric.visible(item.id) if rubric else Visibility.VISIBLE,
    )


def _ended(puzzle: Puzzle, item: RubricItem, reached: Reached) -> Check:
    """How a check ended, without points."""
    status, reason, cases = _status(puzzle, item.id, reached)
    return Check(
        id=item.id,
        title=item.title,
        status=status,
        points=0,
        max_points=0,
        reason=reason,
        cases=cases,
        hint=puzzle.next_steps.get(item.id, "") if status is Status.FAILED else "",
    )


def _status(puzzle: Puzzle, check: str, reached: Reached) -> tuple[Status, str, int]:
    if reached.nothing_filled_in:
        return Status.NOT_CHECKED, NOTHING_FILLED_IN, 0
    if check == "packages":
        if reached.packages:
            return Status.PASSED, "", 0
        return Status.FAILED, reached.failure, 0
    if not reached.packages:
        return Status.NOT_CHECKED, "the file does not package", 0
    if check == "compiles":
        if reached.compiles:
            return Status.PASSED, "", 0
        return Status.FAILED, reached.failure, 0
    if not reached.compiles or reached.results is None:
        return Status.NOT_CHECKED, "the graph does not compile", 0
    if check == "robust":
        return _robust(puzzle, reached, reached.results)
    if check == "device":
        return _device(reached, reached.results)
    if check == "clean":
        return _clean(reached, reached.results)
    return _values(reached.results.tally(check), reached.results.tried.assigned_sizes)


def _values(tally: Tally, tried: str) -> tuple[Status, str, int]:
    if tally.worst is not None:
        _, problem = tally.worst
        return Status.FAILED, _reason(problem.title, problem.detail), tally.cases
    if tally.not_run is not None:
        return Status.NOT_CHECKED, WHY_NOT_RUN[tally.not_run], tally.cases
    if not tally.cases:
        return Status.NOT_CHECKED, "no case of it could be run", 0
    return Status.PASSED, f"tried at {tried}{_not_compared(tally)}", tally.cases


def _open(tally: Tally) -> str:
    """Why no failure does not mean that all is right; empty where it does."""
    return WHY_NOT_RUN[tally.not_run] if tally.not_run is not None else tally.unknown


def _not_compared(tally: Tally) -> str:
    """What of the outputs could not be right or wrong."""
    if not tally.not_compared:
        return ""
    return (
        f"; {tally.not_compared:,} of {tally.elements:,} elements were not compared: their sum may "
        "overflow in one order and not in another"
    )


def _clean(reached: Reached, results: Results) -> tuple[Status, str, int]:
    tally = results.tally("clean")
    if tally.worst is not None:
        _, problem = tally.worst
        return Status.FAILED, _reason(problem.title, problem.detail), tally.cases
    if not results.launched:
        return Status.NOT_CHECKED, "no kernel ran to its end", tally.cases
    if results.completed < results.assigned:
        return Status.NOT_CHECKED, NO_OUTPUT, tally.cases
    if why := _open(tally):
        return Status.NOT_CHECKED, why, tally.cases
    if not reached.observed:
        return Status.NOT_CHECKED, ACCESSES_NOT_OBSERVABLE, tally.cases
    return Status.PASSED, "", tally.cases


def _device(reached: Reached, results: Results) -> tuple[Status, str, int]:
    if not reached.observed:
        return Status.NOT_CHECKED, NOT_OBSERVABLE, 0
    tally = results.tally("device")
    if tally.worst is not None:
        _, problem = tally.worst
        return Status.FAILED, _reason(problem.title, problem.detail), tally.cases
    if results.completed < results.assigned:
        return Status.NOT_CHECKED, NO_OUTPUT, tally.cases
    if why := _open(tally):
        return Status.NOT_CHECKED, why, tally.cases
    return Status.PASSED, "", tally.cases


def _robust(puzzle: Puzzle, reached: Reached, results: Results) -> tuple[Status, str, int]:
    tally = results.tally("robust")
    if reached.kernel_unchanged:
        return Status.NOT_CHECKED, "the given kernel is unchanged, and it is not right there", 0
    assigned = [results.tally(check) for check in VALUES]
    if any(each.worst is not None or not each.cases for each in assigned):
        return Status.NOT_CHECKED, "the assigned part is not right yet", tally.cases
    if tally.worst is None and (why := _open(tally)):
        return Status.NOT_CHECKED, why, tally.cases
    return _values(tally, results.tried.sizes_beyond)


def _reason(title: str, detail: str) -> str:
    return f"{title}: {detail}" if detail else title


def headline(scored: Scored, reached: Reached) -> str:
    """The verdict in one sentence."""
    if reached.nothing_filled_in:
        return SKELETON_HEADLINE
    right = reached.results is not None and not _wrong_before("", reached.results)
    tried = reached.results.tried if reached.results is not None else Tried()
    wrong = _what_is_wrong(first_failed(scored), reached)
    return sentence(scored, right=right, wrong=wrong, tried=tried)


def first_failed(scored: Scored) -> Check | None:
    """The first check that failed, if one did."""
    return next((check for check in scored.checks if check.status is Status.FAILED), None)


def sentence(scored: Scored, *, right: bool, wrong: str, tried: Tried) -> str:
    """The headline of something that was filled in.

    Args:
        scored: The rubric, filled in.
        right: Whether all values at the assigned sizes are right.
        wrong: The first thing that went wrong.
        tried: At how many sizes it was run.
    """
    failed = first_failed(scored)
    if scored.verdict is Verdict.PASS and (failed is None or failed.id == "robust"):
        if not right:
            return "Every check that gives points has passed."
        robust = next((check for check in scored.checks if check.id == "robust"), None)
        return right_at(tried, beyond=robust is not None and robust.status is Status.PASSED)
    if scored.verdict is Verdict.PASS:
        return f"{ENOUGH}{wrong}"
    return wrong


def _wrong_before(check: str, results: Results) -> bool:
    """Whether values are wrong that come before a check; a rubric may have left theirs out."""
    return any(results.tally(each).worst is not None for each in _before(check))


def _before(check: str) -> tuple[str, ...]:
    """The checks of values that come before a check."""
    return VALUES[: VALUES.index(check)] if check in VALUES else VALUES


def _what_is_wrong(failed: Check | None, reached: Reached) -> str:
    """The first thing that went wrong, in one sentence."""
    if not reached.packages:
        return reached.other_edition or HURDLES["packages"]
    if not reached.compiles:
        return HURDLES["compiles"]
    results = reached.results
    if results is not None and not results.completed:
        return "It compiles, but no run of it gave an output."
    if results is not None and _wrong_before(failed.id if failed else "", results):
        return NOT_RIGHT
    if failed is None:
        return UNCHECKED
    if results is not None and any(results.tally(each).not_run for each in _before(failed.id)):
        return NOT_RIGHT
    worst = results.tally(failed.id).worst if results is not None else None
    ends = worst is None or worst[0].run.output is not None
    if failed.id == "example" and results is not None and ends:
        tally = results.tally("example")
        if tally.failures < tally.cases:
            return "It runs, but the published example is not right each time."
    return {
        "example": f"It runs, but the published example {'is wrong' if ends else 'has no output'}.",
        "integers": "The published example is right, but other cases "
        + ("are wrong." if ends else "have no output."),
        "reals": "Integers are right, but real numbers are not.",
        "clean": "The values are right, but the code is not clean.",
        "device": "The values are right, but they were not computed on the device.",
    }.get(failed.id, NOT_RIGHT)
