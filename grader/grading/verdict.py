"""From what was observed to checks, points and a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from grader.errors import Undecided
from grader.grading.state import StepsDone
from grader.marks import Tried, needed_points
from grader.model.checks import Judgement, PartResults, Tally
from grader.model.part import Scope
from grader.model.program import ProgramCheck
from grader.record import Aspect, CheckOutcome, Reason, Shortfall, Status, Verdict, Visibility
from grader.wording.checks import other_edition, reason_sentence
from grader.wording.verdicts import (
    ALL_PARTS,
    ALL_POINTS,
    HURDLES,
    SKELETON_HEADLINE,
    enough_headline,
    other_edition_headline,
    part_not_run,
    parts_right,
    right_headline,
    shortfall_of_part,
    shortfall_sentence,
    undecided,
)

if TYPE_CHECKING:
    from grader.grading.results import Results
    from grader.model.cases import Observation
    from grader.model.checks import Check
    from grader.model.puzzle import Puzzle, RubricItem
    from grader.rubric import Rubric


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The rubric, filled in."""

    checks: tuple[CheckOutcome, ...]
    verdict: Verdict
    score: int
    max_score: int
    extra_score: int
    extra_max: int

    @property
    def first_failed(self) -> CheckOutcome | None:
        """The first check that failed, if one did."""
        return next((check for check in self.checks if check.status is Status.FAILED), None)


class Headline(NamedTuple):
    """The verdict in one sentence, and what of it no rubric changes."""

    sentence: str
    wrong: str
    """What went wrong first; empty where nothing was filled in."""


def score(puzzle: Puzzle, steps: StepsDone, rubric: Rubric | None = None) -> Scored:
    """Fill in the rubric; see `mark`."""
    return mark(puzzle, [_ended(puzzle, item, steps) for item in puzzle.rubric], rubric)


def refuse_undecided(results: Results) -> None:
    """See that a mistake explains the wrong values, where there are any, and not only rounding.

    Raises:
        Undecided: another right algorithm may have given all of them.
    """
    for part in results.parts.values():
        of_values = (Aspect.VALUES, Aspect.ALL)
        failed = [part.tally(check) for check in part.checks if check.aspect in of_values]
        failed = [tally for tally in failed if tally.worst is not None]
        if not failed or any(tally.certain for tally in failed):
            continue
        assert failed[0].worst is not None
        raise Undecided(
            _slightly_off(failed[0].worst[0]),
            remedy="Have a person read how the file computes its sums, and give the points by "
            "hand.",
        )


def _slightly_off(observation: Observation) -> str:
    comparison = observation.wrong
    assert comparison is not None
    index = int(comparison.wrong[0])
    return undecided(
        observation.number,
        observation.case.shape.sizes,
        index,
        float(comparison.got.ravel()[index]),
        float(comparison.expected.value.ravel()[index]),
    )


def mark(puzzle: Puzzle, ended: Iterable[CheckOutcome], rubric: Rubric | None) -> Scored:
    """Give points for how the checks ended.

    Points are all or nothing for each item. An item that the device can't show
    is not checked and not part of the points that can be had, so that grading
    on a GPU costs nobody a point; the pass mark is lowered by them too.

    Args:
        puzzle: With the points of the rubric.
        ended: An outcome for each item of the rubric. Its points and who sees it are not looked at.
        rubric: Of a file; None for the puzzle's own.
    """
    by_id = {check.id: check for check in ended}
    checks = tuple(_marked(item, by_id[item.id], rubric) for item in puzzle.rubric)
    base = [check for check in checks if not check.extra]
    extra = [check for check in checks if check.extra]
    out_of_reach = sum(
        check.max_points for check in base if check.reason is not None and check.reason.out_of_reach
    )
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


def _marked(item: RubricItem, ended: CheckOutcome, rubric: Rubric | None) -> CheckOutcome:
    """A check with its points and who sees it."""
    return replace(
        ended,
        points=item.points if ended.status is Status.PASSED else 0,
        max_points=item.points,
        extra=item.extra,
        visibility=rubric.visible(item.id) if rubric else Visibility.VISIBLE,
    )


def _ended(puzzle: Puzzle, item: RubricItem, steps: StepsDone) -> CheckOutcome:
    """How a check ended, without points."""
    check = item.check
    judged = _judge(puzzle, check, steps)
    data = dict(judged.data)
    return CheckOutcome(
        id=check.id,
        title=check.title,
        part=check.part,
        aspect=check.aspect,
        beyond=check.scope is Scope.ROBUST,
        status=judged.status,
        points=0,
        max_points=0,
        reason=judged.reason,
        data=data,
        sentence=reason_sentence(judged.reason, data),
        cases=judged.cases,
        # Where the given kernel stands, the hint is about that.
        hint=check.next_step
        if judged.status is Status.FAILED or judged.reason is Reason.GIVEN_KERNEL
        else "",
    )


def _judge(puzzle: Puzzle, check: Check, steps: StepsDone) -> Judgement:
    if steps.nothing_filled_in:
        return Judgement(status=Status.NOT_CHECKED, reason=Reason.NOTHING_FILLED_IN)
    if isinstance(check, ProgramCheck):
        if steps.program is None:
            return Judgement(status=Status.NOT_CHECKED, reason=Reason.NOT_COMPILED)
        return check.judge_program(steps.program)
    for aspect, passed, missing in (
        (Aspect.PACKAGES, steps.packages, Reason.NOT_PACKAGED),
        (Aspect.COMPILES, steps.compiles, Reason.NOT_COMPILED),
    ):
        if check.aspect is aspect:
            if passed:
                return Judgement(status=Status.PASSED)
            return Judgement(status=Status.FAILED, reason=Reason.COMPILER, data=steps.failure)
        if not passed and steps.results is None:
            return Judgement(status=Status.NOT_CHECKED, reason=missing)
    part = puzzle.part(check.part).name
    if why := steps.refused.get(part):
        return Judgement(status=Status.NOT_CHECKED, reason=why.reason, data=dict(why.data))
    if steps.results is None:
        return Judgement(status=Status.NOT_CHECKED, reason=Reason.NOT_COMPILED)
    return check.judge(steps.results.parts[part])


def headline(puzzle: Puzzle, scored: Scored, steps: StepsDone) -> Headline:
    """The verdict in one sentence."""
    if steps.nothing_filled_in:
        return Headline(SKELETON_HEADLINE, wrong="")
    results = steps.results
    parts = list(results.parts.values()) if results is not None else []
    right = bool(parts) and not any(
        tally.worst is not None for part in parts for tally in part.of_values
    )
    wrong = _what_is_wrong(puzzle, scored.first_failed, steps)
    tried = [part.tried for part in parts]
    return Headline(sentence(scored, right=right, wrong=wrong, tried=tried), wrong=wrong)


def sentence(scored: Scored, *, right: bool, wrong: str, tried: Sequence[Tried]) -> str:
    """The headline of something that was filled in.

    Args:
        scored: The rubric, filled in.
        right: Whether all values at the assigned sizes are right.
        wrong: The first thing that went wrong.
        tried: At how many sizes each part was run.
    """
    failed = scored.first_failed
    if scored.verdict is Verdict.PASS and (failed is None or failed.beyond):
        if not right:
            return ALL_POINTS
        beyond = [check for check in scored.checks if check.beyond]
        passed = bool(beyond) and all(check.status is Status.PASSED for check in beyond)
        if len(tried) != 1:
            return ALL_PARTS
        return right_headline(tried[0].assigned_sizes, tried[0].sizes_beyond if passed else "")
    if scored.verdict is Verdict.PASS:
        return enough_headline(wrong)
    return wrong


def _what_is_wrong(puzzle: Puzzle, failed: CheckOutcome | None, steps: StepsDone) -> str:
    """The first thing that went wrong, in one sentence."""
    if not steps.packages:
        return _hurdle(Aspect.PACKAGES, steps)
    if steps.results is None:
        if steps.refused and steps.compiles:
            return " ".join(_refused_sentences(puzzle, steps))
        hurdle = Aspect.PACKAGES if puzzle.is_program else Aspect.COMPILES
        return _hurdle(hurdle, steps)
    if steps.refused or not steps.compiles:
        return _in_part(puzzle, steps, steps.results)
    results = steps.results.parts
    if not any(part.completed for part in results.values()):
        return shortfall_sentence(Shortfall.NO_RUN)
    if failed is None:
        wrong = any(tally.worst for part in results.values() for tally in part.of_values)
        return shortfall_sentence(Shortfall.NOT_RIGHT if wrong else Shortfall.UNCHECKED)
    check = next(check for check in puzzle.checks if check.id == failed.id)
    if isinstance(check, ProgramCheck):
        right = all(_is_right(puzzle, part.name, steps.results) for part in puzzle.parts)
        missing = check.shortfall(Tally()) if right else Shortfall.NOT_RIGHT
        return shortfall_sentence(missing, check.own_words)
    part = puzzle.part(check.part)
    told = shortfall_sentence(_of_part(check, results[part.name]), check.own_words)
    if len(puzzle.parts) == 1:
        return told
    done = [each for each in puzzle.parts if _is_right(puzzle, each.name, steps.results)]
    return shortfall_of_part(part.title, told, [each.title for each in done])


def _hurdle(hurdle: Aspect, steps: StepsDone) -> str:
    """What it means that one of the first checks failed, or why it did."""
    other = steps.other_edition
    return other_edition_headline(other_edition(other)) if other else HURDLES[hurdle]


def _in_part(puzzle: Puzzle, steps: StepsDone, results: Results) -> str:
    """What is said where some parts could not be run."""
    told = [] if steps.compiles else [HURDLES[Aspect.PACKAGES]]
    right = [each.title for each in puzzle.parts if _is_right(puzzle, each.name, results)]
    if right:
        told.append(parts_right(right, alone=not steps.compiles))
    return " ".join([*told, *_refused_sentences(puzzle, steps)])


def _refused_sentences(puzzle: Puzzle, steps: StepsDone) -> Iterator[str]:
    for name, why in steps.refused.items():
        yield part_not_run(puzzle.part(name).title, reason_sentence(why.reason, why.data))


def _of_part(check: Check, results: PartResults) -> Shortfall:
    """What the first check that failed says of its part."""
    if not results.completed:
        return Shortfall.NO_RUN_OF_PART
    before = _before(check, results)
    if any(results.tally(each).worst is not None for each in before):
        return Shortfall.NOT_RIGHT
    if any(results.tally(each).not_run for each in before):
        return Shortfall.NOT_RIGHT
    return check.shortfall(results.tally(check))


def _is_right(puzzle: Puzzle, part: str, results: Results) -> bool:
    found = results.parts.get(part)
    if found is None:
        return False
    return all(
        check.judge(found).status is Status.PASSED
        for check in puzzle.checks_of(puzzle.part(part))
        if check.aspect is not Aspect.ALL
    )


def _before(check: Check, results: PartResults) -> list[Check]:
    """The checks of values that come before a check; a rubric may have left theirs out."""
    of_values = [
        each
        for each in results.checks
        if each.aspect is Aspect.VALUES and each.scope is Scope.ASSIGNED
    ]
    return of_values[: of_values.index(check)] if check in of_values else of_values
