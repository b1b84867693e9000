"""The choice among the mistakes that are known: those of the puzzle first, then any puzzle's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.device import FindingKind
from grader.grading.explain.mistakes import places, predicted, values
from grader.grading.explain.mistakes.known import (
    ROUNDED,
    Known,
    Recogniser,
    Seen,
    gives,
    writer_of,
)
from grader.grading.explain.mistakes.words import at_some_sizes, either, who_wrote_zeros
from grader.grading.inputs import drawn
from grader.grading.observe import UNCLEAN
from grader.model.cases import Case, Observation
from grader.model.domains import Sizes, Values
from grader.model.numbers import range_of
from grader.model.part import Arrays, Mistake, Part
from grader.record import Attribution
from grader.wording.findings import SHOWS_IN_VALUES

_BY_ITSELF: Final[tuple[Recogniser, ...]] = (
    values.same_for_all,
    values.offset,
    values.rounding,
)
"""What shows whatever the puzzle, the plainest first."""
_BY_PLACE: Final[tuple[Recogniser, ...]] = (places.ends, places.remainder, predicted.predicted)
"""The same, where an access that is not clean might have led to it as well."""


def in_any_puzzle(part: Part) -> frozenset[str]:
    """Names of the mistakes that show by themselves in a part."""
    return frozenset({*values.NAMES, *places.NAMES, *predicted.names(part)})


def recognised(
    part: Part, failing: Sequence[Observation], *, passing: Sequence[Observation] = ()
) -> Known | None:
    """The well-known mistake that gives exactly these outputs, if there is one.

    A mistake that shows at some sizes only, and would have shown at others, is said with these
    words, and only where nothing else explains all.

    Args:
        part: What the cases are of.
        failing: Cases that fail. Those without output have a reason of their own, and say nothing
            of values; those whose values are right have one as well, and count as right.
        passing: Cases that are right. A mistake that would have made one at the size of a failing
            case wrong is not what was done.
    """
    # The same case may be among them twice.
    seen = {id(each.case): each for each in failing if each.comparisons}.values()
    cases = [each for each in seen if not each.right]
    if not cases:
        return None
    sizes = {each.case.shape.number for each in cases}
    right = [each for each in (*passing, *seen) if each.right]
    same = [each for each in right if each.case.shape.number in sizes]
    clean = all(each.comparisons and not _shows(each, UNCLEAN) for each in failing)
    if not clean and not any(np.any(output) for each in cases for output in each.run.outputs or ()):
        # That nothing was written says less than the access which ends other launches of it.
        return None
    found = _one_of(part, _fitting(Seen(part, cases, right)), [*cases, *right])
    if found is not None:
        return found
    # A value that may be anything explains any other.
    if not any(_shows(each, SHOWS_IN_VALUES) for each in cases):
        found = _first((*_BY_ITSELF, *(_BY_PLACE if clean else ())), Seen(part, cases, right))
        if found is not None:
            return found
    if len(same) == len(right):
        return None
    found = _one_of(part, _fitting(Seen(part, cases, same)), [*cases, *same])
    return None if found is None else found._replace(explanation=at_some_sizes(found.explanation))


def _first(recognisers: Sequence[Recogniser], seen: Seen) -> Known | None:
    return next((found for each in recognisers if (found := each(seen)) is not None), None)


def _shows(observation: Observation, kinds: frozenset[FindingKind]) -> bool:
    """Whether the device found one of these kinds in the student's code."""
    return any(
        finding.kind in kinds and whose is Attribution.STUDENT
        for finding, whose in observation.findings
    )


# ---- a puzzle's own models ----


def _fitting(seen: Seen) -> list[Mistake]:
    """The puzzle's mistakes that explain all."""
    return [
        mistake
        for mistake in seen.part.mistakes
        if all(_explains(seen.part, mistake, each) for each in seen.failing)
        and all(_allows(seen.part, mistake, each) for each in seen.right)
        and any(_tells(seen.part, mistake, each) for each in seen.failing)
    ]


def _one_of(
    part: Part, fitting: Sequence[Mistake], observed: Sequence[Observation]
) -> Known | None:
    """The mistake that is named where these explain all; where there are two, both are told.

    That is so where few cases have outputs, or at sizes that were not tried: a full case of each
    size, which is among them as a rule, tells mistakes apart, and so does a `telling_case`. Those
    that do not differ in any case are one under several names: the first is it, the more
    particular one.
    """
    if not fitting:
        return None
    first, *others = fitting
    shapes = {each.case.shape.number: each.case.shape for each in observed}.values()
    sizes = [*(each.sizes for each in shapes), *filter(part.assigned, part.boundaries)]
    rivals = [each for each in others if _differ(part, first, each, sizes)]
    match rivals:
        case []:
            explanation, advice = first.explanation, first.advice
            if first.zeros:
                explanation, advice = _of_zeros(observed) or (explanation, advice)
            return Known(first.name, explanation, advice, first.sketch, first.place)
        case [other]:
            return Known("", *either(first.explanation, other.explanation))
        case _:
            return None


def _of_zeros(observed: Sequence[Observation]) -> tuple[str, str] | None:
    """Who wrote the first wrong zero of each case, where it was the same in all of them."""
    writers = []
    for each in observed:
        if each.right:
            continue
        comparison = each.comparisons[0]
        copied = each.run.copies_out[0] if each.run.copies_out else None
        index = int(comparison.wrong[0])
        writers.append((comparison, index, writer_of(copied, index * comparison.got.itemsize)))
    kinds = {None if by is None else by.writer for _, _, by in writers}
    if len(kinds) != 1 or None in kinds:
        return None
    comparison, index, by = writers[0]
    assert by is not None
    return who_wrote_zeros(by, f"{comparison.output}[{index}]")


def _differ(part: Part, one: Mistake, other: Mistake, sizes: Sequence[Sizes]) -> bool:
    """Whether two mistakes give different outputs at some of these sizes, for full inputs."""
    random = np.random.default_rng(0)
    return any(
        _differ_for(part, one, other, drawn(part, each, Values.INTEGERS, random), each)
        for each in sizes
    )


def _differ_for(part: Part, one: Mistake, other: Mistake, inputs: Arrays, sizes: Sizes) -> bool:
    """Whether two mistakes give different outputs for these inputs."""
    expected = part.expected(inputs, sizes)
    given = [_answers(part, mistake, inputs, sizes) or {} for mistake in (one, other)]
    for place in {*given[0], *given[1]}:
        right = expected[part.outputs[place].name]
        known = right.decided.ravel()
        for mistake, answers in zip((one, other), given, strict=True):
            if place in answers:
                known = known & ~_open(mistake, inputs, sizes)
        value = np.asarray(right.value, dtype=np.float64).ravel()
        a, b = (_stored(part, place, answers.get(place, value)) for answers in given)
        with np.errstate(invalid="ignore"):
            allowed = right.allowed.ravel() + ROUNDED * (np.abs(a) + np.abs(b))
            # Of numbers that are infinite or none, the same are near each other, and no others.
            finite = np.isfinite(a) & np.isfinite(b)
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            if (~np.where(finite, np.abs(a - b) <= 2 * allowed, same) & known).any():
                return True
    return False


def _stored(part: Part, place: int, answer: NDArray[np.float64]) -> NDArray[np.float64]:
    """An answer as an output's type holds it: what is too large for that is infinite."""
    largest = range_of(part.outputs[place].dtype).largest
    return np.where(np.abs(answer) > largest, np.copysign(np.inf, answer), answer)


def telling_case(
    part: Part,
    failing: Sequence[Observation],
    passing: Sequence[Observation],
    cases: Iterable[Case],
) -> Case | None:
    """The first of some cases that tells apart mistakes of the puzzle which explain all so far.

    Args:
        part: What the cases are of.
        failing: Cases that fail, as `recognised` has them.
        passing: Cases that are right.
        cases: Those that may be run.
    """
    compared = [each for each in failing if each.comparisons]
    if not compared or not part.mistakes:
        return None
    fitting = _fitting(Seen(part, compared, [each for each in passing if each.right]))
    if len(fitting) < 2:
        return None
    first, *others = fitting
    return next(
        (
            case
            for case in cases
            if any(_differ_for(part, first, each, case.inputs, case.shape.sizes) for each in others)
        ),
        None,
    )


def _explains(part: Part, mistake: Mistake, observation: Observation) -> bool:
    """Whether a mistake gives what outputs hold, and all other outputs are right."""
    if observation.right:
        return False
    said = _said(part, mistake, observation)
    return said is not None and all(
        _gives(part, mistake, observation, place, said[place])
        if place in said
        else comparison.right
        for place, comparison in enumerate(observation.comparisons)
    )


def _allows(part: Part, mistake: Mistake, observation: Observation) -> bool:
    """Whether a case that is right would have been right with the mistake as well."""
    said = _said(part, mistake, observation)
    return said is None or all(
        _gives(part, mistake, observation, place, answer) for place, answer in said.items()
    )


def _gives(
    part: Part, mistake: Mistake, observation: Observation, place: int, answer: NDArray[np.float64]
) -> bool:
    """Whether an output holds what a mistake gives, up to rounding.

    Where the terms of a sum nearly cancel, its rounding is that of the terms: of the sum of their
    absolute values, which the mistake gives for the absolute values of the inputs.
    """
    comparison = observation.comparisons[place]
    if gives(answer, comparison):
        return True
    inputs = {name: np.abs(array) for name, array in observation.case.inputs.items()}
    terms = (_answers(part, mistake, inputs, observation.case.shape.sizes) or {}).get(place)
    return terms is not None and gives(
        answer, comparison, ROUNDED * np.nan_to_num(np.abs(terms), nan=0.0, posinf=0.0)
    )


def _tells(part: Part, mistake: Mistake, observation: Observation) -> bool:
    """Whether some wrong element of a case is one of which the mistake says what it holds."""
    inputs, sizes = observation.case.inputs, observation.case.shape.sizes
    unsaid = _open(mistake, inputs, sizes)
    comparisons = (
        observation.comparisons[place] for place in _answers(part, mistake, inputs, sizes) or ()
    )
    return any(
        np.count_nonzero(~np.broadcast_to(unsaid, comparison.got.size)[comparison.wrong])
        for comparison in comparisons
    )


def _said(
    part: Part, mistake: Mistake, observation: Observation
) -> dict[int, NDArray[np.float64]] | None:
    """What a mistake gives for a case; where it does not say, what the output holds."""
    inputs, sizes = observation.case.inputs, observation.case.shape.sizes
    answers = _answers(part, mistake, inputs, sizes)
    if answers is None or mistake.open is None:
        return answers
    unsaid = _open(mistake, inputs, sizes)
    return {
        place: np.where(unsaid, observation.comparisons[place].numbers, answer)
        for place, answer in answers.items()
    }


def _open(mistake: Mistake, inputs: Arrays, sizes: Sizes) -> NDArray[np.bool_]:
    if mistake.open is None:
        return np.zeros(1, np.bool_)
    with np.errstate(all="ignore"):
        return mistake.open(inputs, sizes).ravel()


def _answers(
    part: Part, mistake: Mistake, inputs: Arrays, sizes: Sizes
) -> dict[int, NDArray[np.float64]] | None:
    """What a mistake gives for outputs, by their place in the part."""
    names = [spec.name for spec in part.outputs]
    with np.errstate(all="ignore"):
        given = mistake.outputs(inputs, sizes, first=names[0])
    if given is None:
        return None
    return {names.index(name): each.ravel().astype(np.float64) for name, each in given.items()}
