"""The choice among the mistakes that are known: those of the puzzle first, then any puzzle's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.grading.mistakes import places, predicted, values
from grader.grading.mistakes.known import Known, Recogniser, Seen, first_output, gives
from grader.grading.mistakes.words import at_some_sizes
from grader.model.cases import Observation
from grader.model.domains import Sizes
from grader.model.part import Arrays, Mistake, Part
from grader.record import Attribution
from grader.wording import SHOWS_IN_VALUES

_BY_ITSELF: Final[tuple[Recogniser, ...]] = (
    values.same_for_all,
    values.offset,
    values.rounding,
    places.ends,
    places.remainder,
    predicted.predicted,
)
"""What shows whatever the puzzle, the plainest first."""


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
            of values.
        passing: Cases that are right. A mistake that would have made one at the size of a failing
            case wrong is not what was done.
    """
    # The same case may be among them twice.
    cases = list({id(each.case): each for each in failing if each.comparisons}.values())
    if not cases:
        return None
    sizes = {each.case.shape.number for each in cases}
    right = [each for each in passing if each.right]
    same = [each for each in right if each.case.shape.number in sizes]
    found = next(_own(Seen(part, cases, right)), None)
    if found is not None:
        return found
    if not any(_takes_anything(each) for each in cases):
        found = _first(_BY_ITSELF, Seen(part, cases, right))
        if found is not None:
            return found
    found = next(_own(Seen(part, cases, same)), None) if len(same) < len(right) else None
    return None if found is None else found._replace(explanation=at_some_sizes(found.explanation))


def _first(recognisers: Sequence[Recogniser], seen: Seen) -> Known | None:
    return next((found for each in recognisers if (found := each(seen)) is not None), None)


def _takes_anything(observation: Observation) -> bool:
    """Whether the student's code took a value that may be anything: that explains any other."""
    return any(
        finding.kind in SHOWS_IN_VALUES and whose is Attribution.STUDENT
        for finding, whose in observation.findings
    )


# ---- a puzzle's own models ----


def _own(seen: Seen) -> Iterator[Known]:
    """The puzzle's mistakes that explain all."""
    for mistake in seen.part.mistakes:
        if all(_explains(mistake, each) for each in seen.failing) and all(
            _allows(mistake, each) for each in seen.right
        ):
            yield Known(mistake.name, mistake.explanation, mistake.advice, mistake.sketch)


def _explains(mistake: Mistake, observation: Observation) -> bool:
    """Whether a mistake gives what the first output holds, and no other output is wrong."""
    if observation.right:
        return False
    comparison = first_output(observation)
    answer = _answer(mistake, observation.case.inputs, observation.case.shape.sizes)
    return comparison is not None and answer is not None and gives(answer, comparison)


def _allows(mistake: Mistake, observation: Observation) -> bool:
    """Whether a case that is right would have been right with the mistake as well."""
    answer = _answer(mistake, observation.case.inputs, observation.case.shape.sizes)
    return answer is None or gives(answer, observation.comparisons[0])


def _answer(mistake: Mistake, inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    with np.errstate(all="ignore"):
        answer = mistake.answer(inputs, sizes)
    return None if answer is None else answer.ravel().astype(np.float64)
